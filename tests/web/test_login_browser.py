"""The login page as a browser shows it: sizes, keyboard, contrast, the countdown."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.web.house import PASSWORD, House
from tests.web.serving import chromium, serve


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    with serve(house.app) as house.port:
        yield house


async def small_targets(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll('button, input')]
          .filter((e) => e.offsetParent && (e.offsetHeight < 44 || e.offsetWidth < 44)).map((e) => e.outerHTML)"""
    )
    return found


async def contrasts(page: Page) -> dict[str, float]:
    """Contrast of text against what is painted behind it (WCAG 2.1)."""
    ratios: dict[str, float] = await page.evaluate(
        """(names) => {
          const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = (c) => c.slice(0, 3).map((v) => v / 255)
            .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
          const behind = (e) => { const c = rgb(getComputedStyle(e).backgroundColor);
            return c[3] === 0 && e.parentElement ? behind(e.parentElement) : c; };
          return Object.fromEntries(names.map((s) => {
            const e = document.querySelector(s);
            const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
            return [s, (Math.max(a, b) + .05) / (Math.min(a, b) + .05)];
          }));
        }""",
        ['h1', '.brand', 'label', '.error', '.hint', '#submit', '#show', '#password'],
    )
    return ratios


@pytest.mark.parametrize(('width', 'height', 'scheme'), [(390, 844, 'light'), (1024, 600, 'dark')])
async def test_login_by_keyboard_in_a_browser(house: House, width: int, height: int, scheme: str) -> None:
    async with chromium() as browser:
        page = await browser.new_page(
            viewport={'width': width, 'height': height}, color_scheme='dark' if scheme == 'dark' else 'light'
        )
        complaints: list[str] = []
        page.on('console', lambda message: complaints.append(message.text))
        await page.goto(f'http://127.0.0.1:{house.port}/routes')
        assert complaints == []
        assert await page.evaluate('document.activeElement.id') == 'password'
        assert await page.evaluate('document.documentElement.scrollWidth') <= width
        assert await small_targets(page) == []
        await page.keyboard.type('wrong one')
        await page.keyboard.press('Enter')
        await page.get_by_role('alert').get_by_text('The password is wrong.').wait_for()
        assert await page.get_attribute('#password', 'aria-invalid') == 'true'
        assert {name: ratio for name, ratio in (await contrasts(page)).items() if ratio < 4.5} == {}
        bottom = await page.evaluate('document.getElementById("submit").getBoundingClientRect().bottom')
        assert bottom < height * 0.6  # an on-screen keyboard takes the rest
        await page.keyboard.type(PASSWORD)
        await page.get_by_role('button', name='Show').click()
        assert await page.get_attribute('#password', 'type') == 'text'
        await page.keyboard.press('Enter')
        await page.wait_for_url('**/routes')
        assert await page.title() == 'Inside'


async def test_browser_counts_the_wait_down(house: House) -> None:
    for number in range(4):
        with house.client() as client:
            house.log_in(client, f'guess {number}')
        house.clock.advance(1)
    house.clock.advance(-0.5)
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f'http://127.0.0.1:{house.port}/login')
        button = page.locator('#submit[aria-disabled=true]')
        await page.get_by_text('You can try again in').wait_for()
        assert await button.count() == 1
        await page.get_by_text('You can try again now.').wait_for(timeout=5000)
        assert await button.count() == 0
