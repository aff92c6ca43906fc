"""Closing the window asks where something would be lost, and only there. Links and downloads leave it properly."""
import base64

import httpx

from tests.e2e.support import chromium, visitor
from tests.helpers import eventually_sync
from tests.window.support import terminate

QUESTION = 'The program ends with its window.'
FIELD = 'document.querySelector(".eo-dialog input")'


def begin_a_form(program):
    program.press('Add')
    program.press('MQTT')
    eventually_sync(lambda: program.js(f'!!{FIELD}?.checkVisibility()'), 15)
    program.js(f'({FIELD}.value = "Broker in the shed", {FIELD}.dispatchEvent(new Event("input")), 1)')


def test_an_unfinished_form_is_asked_about_and_kept(start):
    program = start()
    assert program.window
    begin_a_form(program)
    program.press_x()
    eventually_sync(lambda: program.sees(QUESTION), 10)
    assert program.sees('what you have entered and not saved')
    program.press_x()  # once more changes nothing
    program.press('Keep open')
    eventually_sync(lambda: not program.sees(QUESTION), 10)
    assert program.js(f'{FIELD}.value') == 'Broker in the shed'
    program.press_x()
    eventually_sync(lambda: program.sees(QUESTION), 10)
    program.press('Close anyway')
    assert program.end(10) == (0, '')


def test_what_stands_in_another_browser_is_asked_about(start):
    program = start()
    url = program.url
    assert program.window
    with chromium() as browser, visitor(browser) as page:
        page.goto(url)
        page.get_by_role('button', name='Add', exact=True).click()
        page.get_by_role('button', name='MQTT').click()
        page.get_by_label('Name').fill('Broker in the shed')
        program.press_x()
        eventually_sync(lambda: program.sees('what somebody has entered in another browser and not saved'), 10)
        page.reload()  # and so thrown away
        page.get_by_role('button', name='Add', exact=True).wait_for()
    program.press('Keep open')
    eventually_sync(lambda: not program.sees(QUESTION), 10)
    program.press_x()
    assert program.end(10) == (0, '')


def test_a_plugin_that_is_being_installed_is_asked_about(start):
    program = start()
    url = program.url
    assert program.window
    install = f'{url}/api/plugins/alarms/install'
    asked = httpx.post(install, json={'grant': []}).json()['permissions']
    assert httpx.post(install, json={'grant': asked}).status_code == 202
    program.press_x()
    eventually_sync(lambda: program.sees('what is being done with the plugin alarms'), 10)
    program.press('Close anyway')
    assert program.end(10) == (0, '')


def test_a_page_that_hangs_does_not_keep_it_open(start):
    program = start()
    assert program.window
    program.do('view._page.runJavaScript("for (;;);")')
    program.press_x()
    assert program.end(15) == (0, '')


def test_other_sites_open_in_the_browser_and_never_in_the_window(start, tmp_path):
    browser = tmp_path / 'browser'
    browser.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    browser.chmod(0o755)
    program = start(BROWSER=str(browser))
    assert program.window
    for target in ('', '_blank'):
        address = f'https://example.org/{target or "here"}'
        program.js(f'(() => {{ const a = document.createElement("a"); a.href = "{address}"; a.target = "{target}"; '
                   'document.body.append(a); a.click(); return 1; })()')  # fmt: skip
        eventually_sync(lambda address=address: address in (tmp_path / 'opened').read_text().split()
                        if (tmp_path / 'opened').exists() else False, 10)  # fmt: skip
    assert program.js('location.pathname') == '/'
    assert terminate(program) == (0, '')


def test_what_is_downloaded_is_saved_where_its_owner_says(start, tmp_path):
    program = start()
    assert program.window
    program.js('(location.href = "/settings", 1)')
    wanted = tmp_path / 'my backup.zip'
    program.do('setattr(QtWidgets.QFileDialog, "getSaveFileName", staticmethod(lambda parent, title, name: '
               f'(setattr(view, "offered", name), ({str(wanted)!r}, ""))[1]))')  # fmt: skip
    program.press('Download backup')
    eventually_sync(lambda: wanted.exists() and wanted.read_bytes()[:2] == b'PK', 10)
    assert program.do('view.offered').rpartition('/')[2].startswith('smarthome-edge-os-')
    data = base64.b64encode(b'log').decode()
    program.js('(() => { const a = document.createElement("a"); a.download = "x.log"; '
               f'a.href = URL.createObjectURL(new Blob([atob("{data}")])); a.click(); return 1; }})()')  # fmt: skip
    eventually_sync(lambda: wanted.read_bytes() == b'log', 10)
    assert terminate(program) == (0, '')
