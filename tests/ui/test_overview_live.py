"""What the overview asks the server for while it is on the screen, and what it shows when nobody answers."""

import re
import time
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.helpers import eventually
from tests.ui.support import DESKTOP, Overview, Pages, row, text_differs

pytestmark = pytest.mark.asyncio(loop_scope='module')


async def newest_look(overview: Overview) -> tuple[set[str], bool] | None:
    looks = await overview.looks()
    return (set(looks[-1][0]), looks[-1][1]) if looks else None


async def test_figures_are_asked_for_what_is_on_the_screen_wherever_one_goes(pages: Pages) -> None:
    rows = [row(number, 'error' if number == 500 else 'connected') for number in range(1000)]
    async with pages.open(rows, DESKTOP) as overview:
        page, looks = overview.page, list[list[Any]]()

        async def asks_for_what_is_drawn() -> bool:
            looks.extend(await overview.looks())
            drawn = set(await page.locator('.ov-item').evaluate_all('all => all.map(each => each.dataset.id)'))
            return bool(looks) and drawn <= set(looks[-1][0]) and len(looks[-1][0]) < len(drawn) + 40

        await eventually(asks_for_what_is_drawn)
        await page.evaluate('scrollTo(0, 20000)')
        await expect(overview.item(500)).to_have_count(0)
        await eventually(asks_for_what_is_drawn)
        await page.evaluate('scrollTo(0, 0)')
        await page.get_by_label('Sort by').select_option('name')
        await page.locator('.ov-search-box').fill('link 99')
        await expect(page.locator('.ov-item').first).to_have_attribute('data-id', 'link_99')
        await eventually(asks_for_what_is_drawn)
        assert looks[-1][1] is False
        await page.get_by_role('button', name='Show as cards').click()
        await eventually(lambda: is_asking_for_sparks(overview))


async def is_asking_for_sparks(overview: Overview) -> bool:
    look = await newest_look(overview)
    return look is not None and look[1]


async def test_a_hidden_page_and_an_empty_list_ask_for_nothing(pages: Pages) -> None:
    async with pages.open([row(number) for number in range(100)]) as overview:
        await eventually(lambda: is_asking(overview, True))
        await set_hidden(overview.page, True)
        await eventually(lambda: is_asking(overview, False))
        await set_hidden(overview.page, False)
        await eventually(lambda: is_asking(overview, True))
        await overview.page.locator('.ov-search-box').fill('nothing like this')
        await eventually(lambda: is_asking(overview, False))


async def set_hidden(page: Page, hidden: bool) -> None:
    await page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')) }",
        hidden,
    )


async def is_asking(overview: Overview, wanted: bool) -> bool:
    look = await newest_look(overview)
    return look is not None and bool(look[0]) is wanted


async def test_a_sparkline_that_comes_into_sight_replaces_what_was_there(pages: Pages) -> None:
    async with pages.open([row(0)]) as overview:
        line = overview.page.locator('.ov-spark .received')
        values = [0.0] * 58 + [900.0, 0.0]
        await overview.call('patch', time.time(), [['link_0', {'spark': [[0.0] * 60, values], 'down': 0}]])
        await eventually(lambda: has_all_seconds(line))


async def has_all_seconds(line: Any) -> bool:
    return len(re.findall('[ML]', await line.get_attribute('d') or '')) == 60


async def test_while_the_server_is_gone_nothing_counts_down_and_nothing_is_asked(pages: Pages) -> None:
    async with pages.open([row(0, 'error', last=time.time() - 20, next=time.time() + 2)]) as overview:
        page = overview.page
        await overview.call('patch', time.time(), [])
        await page.evaluate(
            "document.addEventListener('eo-unheard', () => (window.unheard = (window.unheard ?? 0) + 1));"
            "document.documentElement.classList.add('eo-away'); document.dispatchEvent(new Event('eo-away'))"
        )
        facts = overview.page.locator('.ov-next')
        await expect(facts).to_have_text('Next try in …')
        await overview.item(0).get_by_role('button', name='Retry now').click()
        await page.keyboard.press('a')
        assert await page.evaluate('window.unheard') == 2
        age = overview.item(0).locator('.ov-when')
        before = await age.inner_text()
        await eventually(lambda: text_differs(age, before))
        await expect(facts).to_have_text('Next try in …')
        await page.evaluate(
            "document.documentElement.classList.remove('eo-away'); document.dispatchEvent(new Event('eo-away'))"
        )
        await expect(facts).not_to_contain_text('…')
        assert await overview.actions() == []
