"""The panel on a real display: full-screen, back when it dies or freezes, never astray, gone with the program."""
import asyncio
import os
import signal
import time
from dataclasses import replace
from unittest.mock import AsyncMock

import psutil
import pytest

from edgeos.kiosk.browser import Look
from edgeos.kiosk.panel import Limits, Panel
from tests.helpers import eventually, patient
from tests.kiosk.conftest import QUICK, SIZE, ask, family, lives, renderer


async def back(panel, before, timeout=30):
    """Waits for another Chromium that shows the pages; how long that took."""
    began = time.monotonic()
    await eventually(lambda: panel.is_shown and panel.browser.pid not in (None, before), timeout=timeout)
    return time.monotonic() - began


async def test_it_covers_the_screen_and_comes_in_by_its_key(show, site, tmp_path):
    panel = await show(site.url)
    assert await ask(panel, 'location.href') == f'{site.url}/'
    width, height = await ask(panel, '[innerWidth, innerHeight]')
    assert (width, height - SIZE[1] in (0, 1)) == (SIZE[0], True)
    assert site.visits[:2] == ['/screen', '/start'], 'where it was left'
    await eventually(lambda: panel._has_pointer, timeout=10)  # or the arrow of X stays
    assert (tmp_path / 'panel').stat().st_mode & 0o777 == 0o700
    assert not [process for process in family(panel) if 'key=' in ' '.join(process.cmdline())]


async def test_killed_it_is_back_within_five_seconds(show, site):
    panel = await show(site.url)
    first = panel.browser.pid
    os.kill(first, signal.SIGKILL)
    assert await back(panel, first) < max(5, 2 * panel.took), 'a busy machine needs as long for the first start'
    assert await ask(panel, 'innerHeight') >= SIZE[1], 'nothing is above it'


@pytest.mark.parametrize('freeze', [
    lambda panel: renderer(panel).suspend(),
    lambda panel: panel.browser._tell('Runtime.evaluate', panel.browser._session, expression='while (true) {}'),
    lambda panel: psutil.Process(panel.browser.pid).suspend(),
], ids=['its renderer stopped', 'a script without end', 'Chromium stopped'])  # fmt: skip
async def test_frozen_it_is_started_again(show, site, freeze):
    panel = await show(site.url)
    before, old = panel.browser.pid, family(panel)
    freeze(panel)
    await back(panel, before)
    await eventually(lambda: not any(map(lives, old)), timeout=1)


@pytest.mark.slow
async def test_frozen_it_is_back_within_thirty_seconds_with_the_limits_it_ships_with(show, site):
    panel = await show(site.url, limits=Limits())
    before = panel.browser.pid
    renderer(panel).suspend()
    took = await back(panel, before, 60)
    assert took > Limits().answers_within, 'a page that is slow for a moment is left alone'
    assert took < max(30, Limits().look_every + Limits().answers_within + 2 * panel.took)


async def test_a_page_that_crashes_or_a_window_that_is_closed_comes_back(show, site):
    panel = await show(site.url)
    before = panel.browser.pid
    renderer(panel).kill()
    await back(panel, before)
    before = panel.browser.pid
    panel.browser._tell('Target.closeTarget', targetId=panel.browser._page)
    await back(panel, before)


async def test_grown_too_large_it_starts_anew_once_nobody_uses_it(show, site):
    panel = await show(site.url, limits=replace(QUICK, weigh_every=0.1, most_mb=10, unused_after=2))
    before = panel.browser.pid
    for _ in range(6):
        await ask(panel, 'dispatchEvent(new Event("pointerdown"))')
        await asyncio.sleep(0.5)
    assert panel.browser.pid == before, 'somebody uses it'
    await back(panel, before)


@pytest.mark.parametrize('place', ['http://localhost:{port}/', 'http://127.0.0.1:1/', '/plain.json', '/login', 'chrome://version'])
async def test_led_astray_it_comes_back_to_the_pages(show, site, place):
    panel = await show(site.url)
    before, visits = panel.browser.pid, len(site.visits)
    target = place.format(port=site.port, url=site.url)
    target = f'{site.url}{target}' if target.startswith('/') else target
    panel.browser._tell('Page.navigate', panel.browser._session, url=target)
    await eventually(lambda: '/screen' in site.visits[visits:], timeout=10)
    await eventually(lambda: panel.is_shown)
    assert await ask(panel, 'location.href') == f'{site.url}/'
    assert panel.browser.pid == before, 'it needed no new Chromium for that'


async def test_a_page_that_never_comes_alive_is_loaded_again(show, site):
    site.is_alive = False
    panel = await show(site.url, limits=replace(QUICK, loads_within=2))
    before = panel.browser.pid
    await eventually(lambda: site.visits.count('/screen') >= 2, timeout=10)
    site.is_alive = True

    async def is_alive():
        return await ask(panel, 'window.did_handshake')

    await eventually(is_alive, timeout=10)
    visits = site.visits.count('/screen')
    await asyncio.sleep(3)
    assert site.visits.count('/screen') == visits, 'it is left alone'
    assert panel.browser.pid == before, 'it needed no new Chromium for that'


async def test_without_an_answer_from_the_page_it_is_started_again_also_after_it_was_shown(show, site, monkeypatch):
    panel = await show(site.url, limits=replace(QUICK, loads_within=2))
    before = panel.browser.pid
    panel.browser.look = AsyncMock(return_value=Look())
    await back(panel, before)


async def test_other_windows_are_closed_and_nothing_is_stored(show, site, tmp_path):
    panel = await show(site.url)
    script = '''document.body.innerHTML = '<a target=_blank href=/plain.json>a</a><a download=x.json href=/plain.json>b</a>'
                for (const link of document.links) link.click()'''
    await panel.browser._call('Runtime.evaluate', panel.browser._session, 5.0, expression=script, userGesture=True)
    await eventually(lambda: site.visits.count('/plain.json') >= 1)

    async def count_pages():
        targets = await panel.browser._call('Target.getTargets', '', 5.0)
        return [target for target in targets['targetInfos'] if target['type'] == 'page']

    async def is_alone():
        return len(await count_pages()) == 1

    await eventually(is_alone)
    assert await ask(panel, 'document.visibilityState') == 'visible'
    assert [*tmp_path.rglob('x.json*'), *tmp_path.rglob('*.crdownload')] == []


async def test_it_waits_for_a_program_that_is_not_there_and_finds_it_at_its_new_address(show, site, display, tmp_path):
    addresses = ['http://127.0.0.1:1']
    panel = Panel(tmp_path, where=lambda: addresses[-1], limits=QUICK, environment={**os.environ, 'DISPLAY': display})
    await panel.start(addresses[0])
    try:
        await eventually(lambda: panel.browser and panel.browser._session, timeout=10)

        async def says():
            return '127.0.0.1:1' in str(await ask(panel, 'document.body && document.body.innerText'))

        await eventually(says, timeout=10)
        addresses.append(site.url)
        await eventually(lambda: panel.is_shown, timeout=10)
    finally:
        await panel.stop()


async def test_it_is_gone_within_two_seconds_with_all_that_came_from_it(show, site):
    panel = await show(site.url)
    processes = family(panel)
    assert len(processes) > 5
    for process in processes:
        if process.name() == 'chrome_crashpad_handler':  # in a session of its own, and not always obedient
            process.suspend()
    began = time.monotonic()
    await panel.stop()
    assert time.monotonic() - began < patient(3), '2 s, and what a busy machine takes beside it'
    await eventually(lambda: not any(map(lives, processes)), timeout=1)


async def test_a_profile_that_was_locked_or_broken_is_used_all_the_same(show, site, tmp_path):
    profile = tmp_path / 'panel' / 'chromium'
    (profile / 'Default').mkdir(parents=True)
    (profile / 'SingletonLock').symlink_to('another-machine-1')
    (profile / 'Default' / 'Preferences').write_text('{"profile": {"exit_type": "Crashed"')
    panel = await show(site.url)
    assert panel._patience.times == 0


async def test_no_secret_of_ours_reaches_it(show, site, monkeypatch):
    monkeypatch.setenv('SENTRY_DSN', 'https://geheim@example.invalid/1')
    panel = await show(site.url)
    assert [process for process in family(panel) if 'SENTRY_DSN' in process.environ()] == []
