"""The program's own window, for real: opened, used, closed, killed, asked for twice."""
import json
import signal
import time
import urllib.request

import psutil

from tests.helpers import eventually_sync, free_port, patient
from tests.window.support import is_gone, terminate


def test_it_is_used_and_closing_it_ends_the_program(start, tmp_path):
    program = start()
    window = program.window
    assert program.do('not native.windowIcon().isNull() and native.windowTitle()') == 'SmartHome Edge OS'
    assert program.js('document.documentElement.className').find('eo-on-window') >= 0
    assert program.js('getComputedStyle(document.body).userSelect') == 'auto', 'text can be selected'
    program.js('document.querySelector(\'.eo-rail a[href="/system"]\').click()')
    eventually_sync(lambda: program.js('location.pathname') == '/system', 15)
    program.do('native.setGeometry(60, 50, 500, 420)')
    eventually_sync(lambda: (tmp_path / 'data/window.json').exists(), 5)  # soon, not only at the end
    program.do('native.setGeometry(70, 80, 510, 430)')
    program.press_x()
    assert program.end(10) == (0, '')
    assert is_gone(window)
    kept = json.loads((tmp_path / 'data/window.json').read_text())
    assert kept == {'x': 70, 'y': 80, 'width': 510, 'height': 430, 'maximized': False}


def test_it_comes_back_as_it_was_maximized_at_its_place_and_page(start, tmp_path):
    (tmp_path / 'data').mkdir()
    place = {'x': 90, 'y': 80, 'width': 510, 'height': 430, 'maximized': True}
    (tmp_path / 'data/window.json').write_text(json.dumps(place))
    port = str(free_port())  # the page's memory is that of one address
    program = start('--port', port)
    assert program.window
    assert program.do('[native.isMaximized(), native.width() > 700]') == [True, True]
    program.do('native.showNormal()')
    eventually_sync(lambda: program.do('list(native.geometry().getRect())') == [90, 80, 510, 430], 5)
    program.do('native.showMaximized()')
    program.js('(location.href = "/events", 1)')
    eventually_sync(lambda: program.js('location.pathname + document.readyState') == '/eventscomplete', 15)
    assert terminate(program) == (0, '')
    again = start('--port', port)
    eventually_sync(lambda: again.js('location.pathname') == '/events', 20)
    assert terminate(again) == (0, '')
    assert json.loads((tmp_path / 'data/window.json').read_text()) == place


def test_sigterm_closes_it(start):
    program = start()
    window, began = program.window, time.monotonic()
    assert terminate(program) == (0, '')
    assert time.monotonic() - began < patient(5)
    assert is_gone(window)


def test_a_window_that_is_killed_ends_the_program_with_a_word(start):
    program = start()
    children = psutil.Process(program.window.pid).children(recursive=True)
    program.window.kill()
    assert program.end(10) == (4, 'main.py: the window is gone: its process was ended by SIGKILL\n')
    assert all(is_gone(child) for child in children)


def test_a_window_that_crashes_is_opened_once_more(start):
    program = start()
    first = program.window
    first.send_signal(signal.SIGSEGV)
    eventually_sync(lambda: is_gone(first), 10)
    second = program.window
    assert second.pid != first.pid
    second.send_signal(signal.SIGSEGV)
    status, errors = program.end(10)
    assert (status, errors.splitlines()[-1]) == (4, 'main.py: the window is gone: its process was ended by SIGSEGV')


def test_a_page_that_crashes_is_shown_again(start):
    program = start()
    assert program.window
    page = program.do('native.webview.page().renderProcessPid()')
    assert page, 'None would be the process of the tests'
    psutil.Process(page).kill()
    eventually_sync(lambda: program.do('native.webview.page().renderProcessPid()') not in (0, page), 15)
    assert program.window
    assert terminate(program) == (0, '')


def test_pages_that_crash_again_and_again_end_the_window_as_a_crash_and_those_of_long_ago_do_not_count(start):
    program = start()
    window = program.window

    def crash():
        page = program.do('native.webview.page().renderProcessPid()')
        assert page, 'None would be the process of the tests'
        psutil.Process(page).kill()
        return page

    program.do('setattr(view, "_reloads", 3) or view._calm.setInterval(200)')
    program.do('view._wait_for_calm(True)')
    eventually_sync(lambda: program.do('view._reloads') == 0, 5)
    program.do('view._calm.setInterval(300_000)')
    page = crash()
    eventually_sync(lambda: program.do('native.webview.page().renderProcessPid()') not in (None, 0, page), 15)
    assert program.do('view._reloads') == 1
    eventually_sync(lambda: program.do('view._calm.isActive()'), 15)
    program.do('setattr(view, "_reloads", 3)')
    crash()
    eventually_sync(lambda: is_gone(window), 10)
    assert program.window.pid != window.pid, 'opened once more, as after any crash'
    assert terminate(program) == (0, '')


def test_nothing_stays_of_a_program_that_is_killed_and_the_next_one_opens(start):
    program = start()
    window = program.window
    program.process.kill()
    eventually_sync(lambda: is_gone(window), 5)
    again = start()
    assert again.window
    assert terminate(again) == (0, '')


def test_a_second_start_brings_the_first_window_forward(start):
    program = start()
    assert program.window
    program.do('native.showMinimized()')
    assert program.do('native.isMinimized()')
    assert start().end() == (0, '')
    eventually_sync(lambda: not program.do('native.isMinimized()'), 5)
    assert terminate(program) == (0, '')


def test_two_starts_at_once_are_one_program_with_one_window(start):
    one, other = start(), start()
    eventually_sync(lambda: (one.process.poll() is None) != (other.process.poll() is None), 20)
    first, second = (one, other) if one.process.poll() is None else (other, one)
    assert second.end() == (0, '')
    assert first.window
    assert terminate(first) == (0, '')


def test_where_it_runs_as_a_service_a_start_shows_a_window_onto_it(start):
    service = start(native=False)
    url = service.url
    window = start()
    assert window.window
    assert window.js('location.origin') == url
    third = start()
    assert third.end() == (0, ''), 'one window is enough'
    window.press_x()
    assert window.end(10) == (0, '')
    with urllib.request.urlopen(f'{url}/api/health', timeout=5) as answer:
        assert answer.status == 200
    assert terminate(service) == (0, '')


def test_a_service_without_pages_is_named(start):
    service = start('--headless', native=False)
    assert service.url
    status, errors = start().end()
    assert (status, errors.count('\n')) == (4, 1)
    assert f'process {service.process.pid} uses it, and has no pages to show' in errors
    assert terminate(service) == (0, '')
