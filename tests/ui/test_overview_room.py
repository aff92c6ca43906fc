"""The overview on small and large screens: enough fits, nothing is cut, everything can be hit with a finger."""

import pytest
from playwright.async_api import expect

from tests.ui.support import DESKTOP, KIOSK, PHONE, Pages, house, row

pytestmark = pytest.mark.asyncio(loop_scope='module')


@pytest.mark.parametrize(('size', 'wanted'), [(KIOSK, 8), (DESKTOP, 12)])
async def test_enough_rows_are_visible(pages: Pages, size: tuple[int, int], wanted: int) -> None:
    async with pages.open([row(number) for number in range(60)], size) as overview:
        await expect(overview.page.locator('.ov-row').first).to_have_css('height', '48px')
        visible = "[...document.querySelectorAll('.ov-row')].filter(e => e.getBoundingClientRect().bottom <= innerHeight).length"
        assert await overview.page.evaluate(visible) >= wanted


@pytest.mark.parametrize('size', [KIOSK, PHONE, (320, 640)])
async def test_nothing_is_wider_than_the_screen(pages: Pages, size: tuple[int, int]) -> None:
    for query in ('?count=5', ''):
        async with pages.open([*house(), *(row(number) for number in range(5, 30))], size, query=query) as overview:
            assert await overview.page.evaluate('document.documentElement.scrollWidth <= innerWidth')


SMALL_TARGETS = """() => {
    const kinds = 'button, input, select, label';
    const found = [];
    for (const each of document.querySelectorAll('.ov :is(' + kinds + ')')) {
        const box = each.getBoundingClientRect();
        const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
        const hit = (dx, dy) => {
            const own = document.elementFromPoint(x + dx, y + dy)?.closest(kinds);
            return own && (own.contains(each) || each.contains(own));
        };
        if (!box.width || y < 60 || y > innerHeight - 215 || x > innerWidth - 22 || !hit(0, 0)) continue;
        const reach = (dx, dy) => { let n = 0; while (n < 60 && hit(dx * (n + 1), dy * (n + 1))) n += 1; return n; };
        const [width, height] = [reach(1, 0) + reach(-1, 0) + 1, reach(0, 1) + reach(0, -1) + 1];
        if (width < 43 || height < 43) found.push(`${each.className || each.tagName} ${each.textContent} ${width}x${height}`);
    }
    return found;
}"""


@pytest.mark.parametrize('size', [KIOSK, PHONE])
async def test_everything_is_large_enough_for_a_finger(pages: Pages, size: tuple[int, int]) -> None:
    rows = [*house(), *(row(number) for number in range(5, 30))]
    for query in ('?count=5', ''):
        async with pages.open(rows, size, query=query) as overview:
            for picking in (False, True):
                if picking:
                    await overview.page.locator('.ov-select').click()
                    await expect(overview.page.locator('.ov-pick').first).to_be_visible()
                assert await overview.page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize('size', [KIOSK, PHONE])
async def test_the_reason_of_a_row_is_not_cut(pages: Pages, size: tuple[int, int]) -> None:
    why = '192.168.178.120:8883 hat die Verbindung abgelehnt.'
    rows = [row(number, ('error', 'degraded')[number % 2], why=why, hint='') for number in range(14)]
    async with pages.open(rows, size) as overview:
        cut = "[...document.querySelectorAll('.ov-reason > span')].filter(e => e.scrollHeight > e.clientHeight + 1).length"
        assert await overview.page.locator('.ov-reason > span').count() >= 6
        assert await overview.page.evaluate(cut) == 0
        await overview.page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
        await expect(overview.page.locator('.ov-item').last).to_have_attribute('aria-posinset', '14')
        list_ends = "(list => Math.abs(list.scrollHeight - list.clientHeight))(document.querySelector('.ov-list'))"
        assert await overview.page.evaluate(list_ends) <= 2  # its border
