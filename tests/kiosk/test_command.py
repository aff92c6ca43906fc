"""What is started and where, and what is said when there is nothing to start. No display is needed here."""
import asyncio
import json
import os
import socket
from dataclasses import replace
from unittest.mock import AsyncMock, Mock

import pytest

from edgeos.kiosk import panel as panel_module
from edgeos.kiosk.browser import BrowserFailed, Look, reason_in
from edgeos.kiosk.command import PROGRAMS, find_browser, find_display, make_argv, make_environment
from edgeos.kiosk.page import Place, place_of
from edgeos.kiosk.panel import Limits, Panel
from edgeos.kiosk.patience import Patience
from edgeos.kiosk.profile import merged, prepare
from edgeos.reporting import attach, detach
from edgeos.service.missing import CHROMIUMS
from tests.helpers import eventually

QUICK = Limits(ask_again=0.05)


def program(folder, name, text='exit 1'):
    path = folder / name
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(0o755)
    return path


def test_the_first_known_browser_on_the_path_is_taken(tmp_path):
    assert find_browser(str(tmp_path)) == ''
    edge = program(tmp_path, 'microsoft-edge')
    assert find_browser(str(tmp_path)) == str(edge)
    chromium = program(tmp_path, 'chromium-browser')
    assert find_browser(str(tmp_path)) == str(chromium)


def test_what_the_installer_takes_for_a_chromium_is_one_for_the_panel():
    assert CHROMIUMS == PROGRAMS


def test_a_display_is_found_also_by_a_program_that_was_told_of_none(tmp_path):
    assert find_display({'DISPLAY': ':7'}, tmp_path) == {'DISPLAY': ':7'}
    assert find_display({}, tmp_path) == {}
    with socket.socket(socket.AF_UNIX) as x, socket.socket(socket.AF_UNIX) as wayland:
        x.bind(str(tmp_path / 'X3'))
        assert find_display({}, tmp_path) == {'DISPLAY': ':3'}
        wayland.bind(str(tmp_path / 'wayland-0'))
        (tmp_path / 'wayland-0.lock').touch()
        assert find_display({'XDG_RUNTIME_DIR': str(tmp_path)}, tmp_path) == {'WAYLAND_DISPLAY': 'wayland-0'}


def test_its_sandbox_is_left_out_for_root_only(tmp_path):
    assert '--no-sandbox' in make_argv('chromium', tmp_path, {'DISPLAY': ':0'}, as_root=True)
    ordinary = make_argv('chromium', tmp_path, {'WAYLAND_DISPLAY': 'wayland-0'}, as_root=False)
    assert '--no-sandbox' not in ordinary and '--ozone-platform=wayland' in ordinary
    assert not [flag for flag in ordinary if flag.startswith('--remote-debugging-port')]


def test_only_what_a_browser_needs_is_passed_on():
    given = {'SENTRY_DSN': 'x', 'MQTT_PASSWORD': 'x', 'HOME': '/home/a', 'LC_ALL': 'C', 'WAYLAND_DISPLAY': 'old'}
    assert make_environment(given, {'DISPLAY': ':0'}) == {'HOME': '/home/a', 'LC_ALL': 'C', 'WAYLAND_DISPLAY': 'old',
                                                          'DISPLAY': ':0'}  # fmt: skip


HOME = 'http://127.0.0.1:8080'


@pytest.mark.parametrize(('href', 'content', 'place'), [
    (f'{HOME}/plugins?x=1', 'text/html', Place.OURS), ('', '', Place.UNDERWAY),
    (f'{HOME}/screen?key=k', 'text/html', Place.UNDERWAY), (f'{HOME}/login?next=/', 'text/html', Place.ASTRAY),
    (f'{HOME}/openapi.json', 'application/json', Place.ASTRAY), ('chrome-error://chromewebdata/', 'text/html', Place.ASTRAY),
    ('http://127.0.0.1:80801/', 'text/html', Place.ASTRAY), ('http://127.0.0.1:8080@evil/', 'text/html', Place.ASTRAY),
    ('about:blank', 'text/html', Place.ASTRAY), ('data:text/html,x', 'text/html', Place.ASTRAY),
])  # fmt: skip
def test_only_our_own_pages_are_a_place_to_stay(href, content, place):
    assert place_of(Look(href, False, content), HOME) is place


def test_of_all_that_chromium_says_the_reason_is_told():
    fatal = '[7:7:1126/222845.057111:FATAL:zygote_host_impl_linux.cc(128)] No usable sandbox!'
    said = [fatal, '#0 0x55d0 <unknown>', '[7:9:1126/222845.057111:ERROR:dbus/bus.cc:405] Failed to connect', '']
    assert reason_in(said) == 'FATAL:zygote_host_impl_linux.cc(128)] No usable sandbox!'
    assert reason_in(said[1:]) == ''


def test_waits_grow_until_it_has_held():
    patience = Patience(30, 60)
    assert [patience.next(1) for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert patience.next(60) == 0


async def test_a_life_in_which_nothing_was_shown_has_not_held_however_long_it_took(tmp_path, monkeypatch):
    monkeypatch.setattr(panel_module, 'is_serving', AsyncMock(return_value=True))
    panel = Panel(tmp_path, limits=replace(QUICK, look_every=0.01, loads_within=0.3, steady_after=0.3))
    fine, waits = Look(f'{HOME}/', False, 'text/html', 0.0, True), []
    for looks in ([], [], [fine] * 50):
        look = AsyncMock(side_effect=[*looks, *[Look()] * 1000])
        browser = Mock(news=asyncio.Event(), pid=None, show=AsyncMock(), look=look)
        panel._held, panel._url = 0.0, HOME
        with pytest.raises(BrowserFailed, match='did not appear'):
            await panel._watch(browser)
        waits.append(await panel._take_stock('it failed'))
        panel.is_shown = False
    assert waits == [0, 1, 0]


def test_preferences_of_ours_win_and_the_others_stay():
    known = {'a': 1, 'profile': {'exit_type': 'Crashed', 'name': 'x'}, 'zoom': {'h': 1}}
    assert merged(known, {'profile': {'exit_type': 'Normal'}, 'zoom': {}}) == {
        'a': 1, 'profile': {'exit_type': 'Normal', 'name': 'x'}, 'zoom': {}}  # fmt: skip


def test_after_a_kill_there_is_nothing_to_restore(tmp_path):
    default = tmp_path / 'Default'
    (default / 'Sessions').mkdir(parents=True)
    (default / 'Preferences').write_text('{"profile": {"exit_type": "Crashed", "exited_cleanly": false}}')
    prepare(tmp_path)
    profile = json.loads((default / 'Preferences').read_text())['profile']
    assert (profile['exit_type'], profile['exited_cleanly']) == ('Normal', True)
    assert not (default / 'Sessions').exists()


class Told:
    """Takes events instead of a reporter."""

    def __init__(self):
        self.events = []

    def event(self, level, source, message, context):
        self.events.append((level, message))


@pytest.fixture
def told():
    sink = Told()
    attach(sink)
    yield sink
    detach(sink)


async def run_panel(tmp_path, environment, limits, until):
    said = []
    panel = Panel(tmp_path / 'data', say=said.append, limits=limits, environment=environment)
    await panel.start(HOME)
    try:
        await until(said)
    finally:
        await panel.stop()
    return said


async def test_without_chromium_it_is_said_once_what_to_install_and_where_to_look_meanwhile(tmp_path, told):
    async def until(said):
        await eventually(lambda: said)
        await asyncio.sleep(0.3)

    said = await run_panel(tmp_path, {'PATH': str(tmp_path), 'DISPLAY': ':9'}, QUICK, until)
    assert len(said) == len(told.events) == 1
    assert 'sudo apt install chromium' in said[0] and HOME in said[0]


async def test_a_chromium_that_ends_at_once_is_tried_ever_more_rarely_and_told_twice(tmp_path, told):
    program(tmp_path, 'chromium', f'echo start >> {tmp_path}/starts; echo "no such display" >&2; exit 7')
    began = asyncio.get_running_loop().time()

    def starts():
        path = tmp_path / 'starts'
        return path.read_text().count('start') if path.exists() else 0

    async def until(_said):
        await eventually(lambda: starts() == 4, timeout=15)

    environment = {'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'DISPLAY': ':9'}
    await run_panel(tmp_path, environment, Limits(), until)
    assert asyncio.get_running_loop().time() - began > 3, 'it waited 0, 1 and 2 s'
    assert [level for level, _ in told.events] == ['warning', 'error']
    assert all('status 7: no such display' in message for _, message in told.events)
