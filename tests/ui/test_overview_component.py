"""The overview as somebody in front of it meets it: a real browser, fake rows."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from pages.overview_grid import overview_labels
from tests.helpers import eventually
from tests.ui.support import DESKTOP, PHONE, Overview, Pages, house, row, text_differs, took

pytestmark = pytest.mark.asyncio(loop_scope='module')
ASSETS = Path(__file__).parents[2] / 'assets'
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\u202e' + 'x' * 200


async def test_trouble_comes_first_and_is_counted(pages: Pages) -> None:
    async with pages.open(house(), DESKTOP) as overview:
        assert await overview.names() == ['Link 002', 'Link 004', 'Link 003', 'Link 000', 'Link 001']
        await expect(overview.page.locator('.eo-sum')).to_have_text('2 of 5 connected · 2 need you')
        await expect(overview.page.locator('.eo-chip', has_text='Trouble')).to_have_text('Trouble 2')


async def test_figures_follow_each_patch_and_nothing_else_is_drawn(pages: Pages) -> None:
    async with pages.open(house()) as overview:
        await overview.page.evaluate("document.querySelector('[data-id=link_0] .ov-acts').mark = 1")
        await overview.call('patch', time.time(), [['link_0', {'up': 12_345, 'down': 0, 'rtt': 812}]])
        await expect(overview.item(0).locator('.ov-rates')).to_contain_text('12\u202fk')
        await expect(overview.item(0).locator('.eo-facts')).to_contain_text('812\u00a0ms')
        assert await overview.page.evaluate("document.querySelector('[data-id=link_0] .ov-acts').mark") == 1


async def test_the_sparkline_advances_with_each_patch(pages: Pages) -> None:
    async with pages.open([row(0, spark=[[1.0] * 60, [2.0] * 60])]) as overview:
        now = time.time()
        for second, value in enumerate((2, 900, 2)):
            await overview.call('patch', now + second, [['link_0', {'down': value}]])
        line = overview.page.locator('.ov-spark .received')
        await eventually(lambda: spike_is_second_to_last(line))


async def spike_is_second_to_last(line: Any) -> bool:
    heights = [float(point.split()[1]) for point in re.split('[ML]', await line.get_attribute('d') or '')[1:]]
    return len(heights) == 60 and heights.index(min(heights)) == 58 and heights[59] > 30


async def test_a_lost_connection_moves_to_the_top_with_its_reason(pages: Pages) -> None:
    async with pages.open(house()) as overview:
        change = {
            'state': 'error',
            'word': 'Lost',
            'why': 'The peer closed.',
            'hint': 'Look at the broker.',
            'next': None,
        }
        await overview.call('patch', time.time(), [['link_0', change]])
        await eventually(lambda: first_is(overview, 'Link 000'))
        await expect(overview.item(0).locator('.eo-why')).to_contain_text('The peer closed.')
        await expect(overview.item(0).locator('.eo-lamp')).to_have_text('Lost')
        await expect(overview.page.locator('.eo-sum')).to_contain_text('3 need you')


async def first_is(overview: Overview, name: str) -> bool:
    return (await overview.names())[0] == name


async def test_numbers_in_names_are_ordered_as_people_count(pages: Pages) -> None:
    async with pages.open([row(number, name=f'Raum {number}') for number in (10, 2, 33, 1)]) as overview:
        assert await overview.names() == ['Raum 1', 'Raum 2', 'Raum 10', 'Raum 33']


async def test_times_age_and_the_countdown_runs_without_the_server(pages: Pages) -> None:
    async with pages.open([row(0, 'error', last=time.time() - 30, next=time.time() + 9)]) as overview:
        facts = overview.page.locator('.eo-facts')
        await overview.call('patch', time.time(), [])
        await expect(facts).to_contain_text(re.compile(r'Next try in \d s'))
        before = await facts.inner_text()
        await eventually(lambda: text_differs(facts, before))
        assert re.search(r'3\d s ago', await facts.inner_text())


async def test_a_tap_on_the_time_shows_it_exactly(pages: Pages) -> None:
    async with pages.open([row(0, last=1_700_000_000)]) as overview:
        await overview.page.locator('.ov-when').click()
        await expect(overview.page.locator('.ov-when')).to_contain_text('2023')


async def test_each_state_offers_its_next_step(pages: Pages) -> None:
    async with pages.open(house(), DESKTOP) as overview:
        wanted = {
            0: ('Disconnect', 'disconnect'),
            1: ('Connect', 'connect'),
            2: ('Retry now', 'retry'),
            3: ('Cancel', 'disconnect'),
        }
        for number, (words, action) in wanted.items():
            await overview.item(number).locator('.ov-act').first.click()
            await expect(overview.item(number).locator('.ov-act').first).to_have_text(words)
            await eventually(lambda a=action, n=number: took(overview, [a, [f'link_{n}']]))


async def test_hostile_names_are_only_text(pages: Pages) -> None:
    rows = [
        row(0, 'error', name=HOSTILE, address=HOSTILE, why=HOSTILE, hint=HOSTILE, word=HOSTILE),
        *(row(n) for n in range(1, 20)),
    ]
    for query in ('?count=3', ''):
        async with pages.open(rows, PHONE, query=query) as overview:
            await expect(overview.item(0).locator('.ov-name')).to_contain_text('<img src=x')
            assert await overview.page.evaluate('window.hacked') is None
            assert await overview.page.evaluate('document.documentElement.scrollWidth <= innerWidth')


async def test_long_lists_keep_few_rows_in_the_page(pages: Pages) -> None:
    async with pages.open([row(number) for number in range(1000)], DESKTOP) as overview:
        assert await overview.page.locator('.ov-item').count() < 40
        await overview.page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
        await expect(overview.item(999)).to_be_visible()
        assert await overview.page.locator('.ov-item').count() < 40
        await expect(overview.page.locator('.ov-search input')).to_be_in_viewport()


async def test_search_and_chips_narrow_the_list_and_clear_again(pages: Pages) -> None:
    async with pages.open(house()) as overview:
        search = overview.page.get_by_placeholder('Search 5 connections')
        await search.fill('link 003')
        await expect(overview.page.locator('.ov-item')).to_have_count(1)
        await search.fill('')
        await overview.page.locator('.eo-chip', has_text='Trouble').click()
        await expect(overview.page.locator('.ov-item')).to_have_count(2)
        await search.fill('nothing like this')
        await expect(overview.page.locator('.eo-empty')).to_contain_text('No connection matches')
        await overview.page.locator('.eo-empty').get_by_role('button', name='Clear filters').click()
        await expect(overview.page.locator('.ov-item')).to_have_count(5)


async def test_trouble_stays_visible_in_a_collapsed_group_also_after_a_reload(pages: Pages) -> None:
    async with pages.open([row(number, 'error' if number == 4 else 'connected') for number in range(30)]) as overview:
        await overview.page.get_by_label('Group by').select_option('type')
        group = overview.page.locator('.ov-group', has_text='PLC').get_by_role('button')
        await expect(group).to_contain_text('PLC · 10 · 1 needs you')
        await group.click()
        for reload in (False, True):
            if reload:
                await overview.page.reload()
            await expect(overview.item(4)).to_be_visible()
            await expect(overview.item(1)).to_have_count(0)


async def test_the_chosen_view_is_remembered(pages: Pages) -> None:
    async with pages.open(house()) as overview:
        await overview.page.get_by_role('button', name='Show as rows').click()
        await expect(overview.page.locator('.ov-row')).to_have_count(5)
        await overview.page.reload()
        await expect(overview.page.locator('.ov-row')).to_have_count(5)


async def test_a_browser_without_storage_still_shows_everything(pages: Pages) -> None:
    broken = "for (const s of ['localStorage', 'sessionStorage']) { const p = Storage.prototype; p.getItem = p.setItem = () => { throw new DOMException('no', 'SecurityError') } }"
    async with pages.open(house(), script=broken) as overview:
        await overview.page.get_by_role('button', name='Show as rows').click()
        await expect(overview.page.locator('.ov-row')).to_have_count(5)


async def test_bulk_actions_name_the_selected_and_report_failures(pages: Pages) -> None:
    async with pages.open([row(number) for number in range(20)]) as overview:
        await overview.page.get_by_role('button', name='Select', exact=True).click()
        for number in (2, 5):
            await overview.item(number).click(position={'x': 300, 'y': 10})
        await expect(overview.page.locator('.ov-bulk')).to_contain_text('2 selected')
        await overview.page.locator('.ov-bulk').get_by_role('button', name='Disconnect').click()
        await eventually(lambda: took(overview, ['bulk_disconnect', ['link_2', 'link_5']]))
        await overview.call('report', '1 done, 1 failed', ['link_5'])
        await overview.page.locator('.eo-toast').get_by_role('button', name='Show').click()
        await expect(overview.page.locator('.ov-item')).to_have_count(1)
        await expect(overview.item(5)).to_be_visible()


async def test_the_row_menu_says_why_and_offers_the_rest(pages: Pages) -> None:
    async with pages.open([row(number, 'error' if number == 7 else 'connected') for number in range(20)]) as overview:
        await overview.item(7).get_by_role('button', name='More for Link 007').click()
        menu = overview.page.locator('.eo-menu')
        await expect(menu).to_contain_text('It does not answer.')
        await expect(menu.get_by_role('menuitem').first).to_be_focused()
        await overview.page.keyboard.press('Escape')
        await expect(menu).to_have_count(0)
        await overview.item(7).get_by_role('button', name='More for Link 007').click()
        await menu.get_by_role('menuitem', name='Log and values').click()
        await eventually(lambda: took(overview, ['log', ['link_7']]))


async def test_the_keyboard_is_enough(pages: Pages) -> None:
    async with pages.open([row(number) for number in range(30)]) as overview:
        page = overview.page
        await page.keyboard.press('/')
        await expect(page.locator('.ov-search-box')).to_be_focused()
        await page.keyboard.type('a?')
        await expect(page.locator('.ov-search-box')).to_have_value('a?')
        await page.keyboard.press('Escape')
        await page.keyboard.press('ArrowDown')
        await expect(overview.item(0)).to_be_focused()
        for _step in range(20):
            await page.keyboard.press('ArrowDown')
        await expect(overview.item(20)).to_be_focused()
        await expect(overview.item(20)).to_be_in_viewport()
        await page.keyboard.press('Enter')
        await page.keyboard.press('a')
        await eventually(lambda: took_all(overview, [['stats', ['link_20']], ['add', []]]))
        await page.keyboard.press('?')
        await expect(page.locator('.ov-keys')).to_be_visible()
        await page.keyboard.press('Escape')
        await expect(page.locator('.ov-keys')).to_have_count(0)


seen: list[list[Any]] = []


async def took_all(overview: Overview, wanted: list[list[Any]]) -> bool:
    seen.extend(await overview.actions())
    return all(each in seen for each in wanted)


async def test_an_empty_house_leads_on(pages: Pages) -> None:
    async with pages.open([], PHONE) as overview:
        await expect(overview.page.locator('.eo-empty')).to_contain_text('Nothing is connected yet')
        await overview.page.get_by_role('button', name='Try simulated devices').click()
        await eventually(lambda: took(overview, ['demo', []]))
        await overview.call('reset', house())
        await expect(overview.page.locator('.ov-item').first).to_be_visible()


async def test_a_reset_keeps_what_was_typed_and_selected(pages: Pages) -> None:
    async with pages.open(house(), DESKTOP) as overview:
        await overview.page.locator('.ov-search-box').fill('link')
        await overview.page.get_by_role('button', name='Select', exact=True).click()
        await overview.page.get_by_role('button', name='Select all 5').click()
        await overview.call('reset', house()[:4])
        await expect(overview.page.locator('.ov-bulk')).to_contain_text('4 selected')
        await expect(overview.page.locator('.ov-search-box')).to_have_value('link')


async def test_figures_have_si_prefixes_and_the_owners_commas(pages: Pages) -> None:
    async with pages.open(house(), query='?locale=de') as overview:
        script = """import('overview_format').then(({makeFormat}) => { const f = makeFormat('de', {});
            return [0, 0.02, 3.14, 9.99, 120, 999.6, 1400, 999600].map(f.packets).concat([0, 240, 91000, 17234].map(f.bytes)) })"""
        assert [text.replace('\u202f', ' ').replace('\u00a0', ' ') for text in await overview.page.evaluate(script)] == [
            '0', '< 0,1', '3,1', '10', '120', '1,0 k', '1,4 k', '1,0 M', '0 B/s', '240 B/s', '91,0 kB/s', '17,2 kB/s',
        ]  # fmt: skip


async def test_every_word_of_the_component_can_be_translated() -> None:
    labels = set(overview_labels(lambda text: text))
    sources = ''.join(
        path.read_text() for path in [ASSETS / 'connection_overview.js', *(ASSETS / 'overview').glob('*.js')]
    )
    used = set(re.findall(r'\b(?:labels(?:\.value)?|words)\.(?!value\b)(\w+)', sources)) - {'replace'}
    assert used - labels == set()
    computed = {'type_', 'state_', 'group_', 'sort_', 'needs_', 'values_', 'search_'}
    bulk = {'connect', 'disconnect', 'export', 'delete'}
    assert {name for name in labels - used - bulk if not any(name.startswith(each) for each in computed)} == set()
