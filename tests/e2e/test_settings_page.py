"""The settings page in a real browser."""
import io
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.e2e.support import chromium, running, visitor

IS_GERMAN = 'JSON.parse(document.getElementById("eo-frame-words").textContent).language === "de"'
CONNECTION = '\n[[connections]]\nid = "{id}"\ntype = "mqtt"\nenabled = false\n[connections.config]\nhost = "127.0.0.1"\n'


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / 'settings.toml'
    path.write_text('# mine\nschema_version = 1\n' + CONNECTION.format(id='cellar'))
    return path


@pytest.fixture
def url(settings: Path) -> Iterator[str]:
    with running('--settings', str(settings)) as url:
        yield url


def fill_secret(page: Page, **fields: str) -> None:
    labels = {'current': 'The one that is set now', 'new': 'New', 'again': 'The same again'}
    sheet = page.get_by_role('dialog')
    for field, value in fields.items():
        sheet.get_by_label(labels[field], exact=True).fill(value)


def set_password(page: Page, password: str) -> None:
    page.get_by_role('button', name='Set a password').click()
    fill_secret(page, new=password, again=password)
    page.keyboard.press('Enter')
    expect(page.get_by_role('button', name='Log out')).to_be_visible()


def status_of(url: str, token: str = '') -> int:
    request = urllib.request.Request(f'{url}/api/connections', headers={'Authorization': f'Bearer {token}'})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_language_and_theme_apply_at_once_and_stay(browser: Browser, url: str, settings: Path) -> None:
    with visitor(browser) as page:
        page.goto(f'{url}/settings')
        page.get_by_role('button', name='Dark').click()
        expect(page.locator('body')).to_have_class(re.compile('body--dark'))
        expect(page.get_by_role('button', name='Dark')).to_have_attribute('aria-pressed', 'true')
        page.get_by_role('button', name='Deutsch').click()
        page.wait_for_function(IS_GERMAN)
    assert 'theme = "dark"' in settings.read_text() and 'language = "de"' in settings.read_text()
    assert settings.read_text().startswith('# mine')
    with visitor(browser) as page:
        page.goto(f'{url}/')
        expect(page.locator('body')).to_have_class(re.compile('body--dark'))
        page.wait_for_function(IS_GERMAN)


def test_password_lets_its_owner_in_and_everybody_else_log_in(browser: Browser, url: str) -> None:
    with visitor(browser) as page, visitor(browser) as other:
        page.goto(f'{url}/settings')
        page.get_by_role('button', name='Set a password').click()
        fill_secret(page, new='short', again='short')
        page.keyboard.press('Enter')
        expect(page.get_by_text('At least 8 characters, please.')).to_be_visible()
        fill_secret(page, new='correct horse', again='correct hose')
        page.keyboard.press('Enter')
        expect(page.get_by_text('This is not the same as above.')).to_be_visible()
        fill_secret(page, again='correct horse')
        page.keyboard.press('Enter')
        expect(page.get_by_role('button', name='Log out')).to_be_visible()
        assert status_of(url) == 401
        other.goto(f'{url}/settings')
        expect(other).to_have_url(re.compile('/login'))
        other.locator('#password').fill('correct horse')
        other.keyboard.press('Enter')
        expect(other.get_by_role('button', name='Log out')).to_be_visible()

        page.get_by_role('button', name='Change').first.click()
        fill_secret(page, current='wrong horse', new='better horse', again='better horse')
        page.keyboard.press('Enter')
        expect(page.get_by_text('This is not the right one.')).to_be_visible()
        fill_secret(page, current='correct horse')
        page.keyboard.press('Enter')
        expect(page.get_by_role('dialog')).to_be_hidden()
        page.reload()
        expect(page.get_by_role('button', name='Log out')).to_be_visible()
        other.goto(f'{url}/settings')
        expect(other).to_have_url(re.compile('/login'))

        page.get_by_role('button', name='Remove').first.click()
        fill_secret(page, current='better horse')
        page.get_by_role('dialog').get_by_role('button', name='Remove').click()
        expect(page.get_by_role('button', name='Set a password')).to_be_visible()
        assert status_of(url) == 200


def test_token_is_shown_once_and_works_until_it_is_revoked(browser: Browser, url: str) -> None:
    with visitor(browser) as page:
        page.goto(f'{url}/settings')
        set_password(page, 'correct horse')
        page.get_by_role('button', name='New token').click()
        page.get_by_role('dialog').get_by_label('Name').fill('<b>Node-RED</b>')
        page.keyboard.press('Enter')
        shown = page.get_by_label('The new token')
        expect(shown).to_have_value(re.compile('^edge_'))
        token = shown.input_value()
        assert status_of(url, token) == 200
        page.get_by_role('button', name='Copy').click()
        expect(page.get_by_role('button', name='Copied')).to_be_visible()
        page.get_by_role('button', name='Done').click()
        expect(page.get_by_role('dialog')).to_be_hidden()
        assert token not in page.content()
        page.reload()
        expect(page.get_by_text('<b>Node-RED</b>')).to_be_visible()
        expect(page.get_by_text('last used')).to_be_visible()
        page.get_by_role('button', name='Revoke <b>Node-RED</b>').click()
        page.get_by_role('dialog').get_by_role('button', name='Cancel').click()
        assert status_of(url, token) == 200
        page.get_by_role('button', name='Revoke <b>Node-RED</b>').click()
        page.get_by_role('dialog').get_by_role('button', name='Revoke').click()
        expect(page.get_by_text('<b>Node-RED</b>', exact=True)).to_be_hidden()
        assert status_of(url, token) == 401


def test_pin_is_asked_before_others_change_something(browser: Browser, url: str, settings: Path) -> None:
    with visitor(browser) as page, visitor(browser) as other:
        page.goto(f'{url}/settings')
        page.get_by_role('button', name='Set a PIN').click()
        fill_secret(page, new='12a4', again='12a4')
        page.keyboard.press('Enter')
        expect(page.get_by_text('Only digits, 4 to 8 of them.')).to_be_visible()
        fill_secret(page, new='1234', again='1234')
        page.keyboard.press('Enter')
        expect(page.get_by_role('button', name='Lock now')).to_be_visible()
        page.get_by_role('button', name='Dark').click()  # who has set it need not type it
        expect(page.locator('body')).to_have_class(re.compile('body--dark'))

        other.goto(f'{url}/settings')
        other.get_by_role('button', name='Light').click()
        sheet = other.get_by_role('dialog')
        expect(sheet).to_be_visible()
        for digit in '1234':
            sheet.get_by_role('button', name=digit, exact=True).click()
        assert 'theme = "dark"' in settings.read_text()
        sheet.get_by_role('button', name='Unlock').click()
        expect(other.locator('body')).to_have_class(re.compile('body--light'))
        assert '1234' not in settings.read_text()


def zip_file(data: bytes) -> FilePayload:
    return FilePayload(name='backup.zip', mimeType='application/zip', buffer=data)


def changed(data: bytes, addition: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, 'w') as new:
        new.writestr('manifest.json', old.read('manifest.json'))
        new.writestr('settings.toml', old.read('settings.toml').decode().replace('"cellar"', '"basement"') + addition)
    return packed.getvalue()


def test_backup_says_what_it_would_change_before_it_does(browser: Browser, url: str, settings: Path) -> None:
    before = settings.read_text()
    with visitor(browser, size='phone') as page:
        page.goto(f'{url}/settings')
        with page.expect_download() as download:
            page.get_by_role('button', name='Download backup').click()
        data = Path(download.value.path()).read_bytes()
        chooser, plan = page.locator('input[type=file]'), page.get_by_role('region', name='What the backup would change')
        chooser.set_input_files(zip_file(b'PK nothing'))
        expect(page.get_by_role('alert').filter(has_text='This is no backup')).to_be_in_viewport()
        chooser.set_input_files(zip_file(changed(data, 'colour = "red"')))
        expect(page.get_by_role('alert').filter(has_text='colour')).to_be_in_viewport()
        chooser.set_input_files(zip_file(data))
        expect(plan).to_contain_text('It changes nothing')
        chooser.set_input_files(zip_file(changed(data, CONNECTION.format(id='roof'))))
        expect(plan.get_by_role('listitem')).to_have_count(3)
        expect(plan).to_contain_text('basement')
        plan.get_by_role('button', name='Cancel').click()
        expect(plan).to_be_hidden()
        assert settings.read_text() == before
        chooser.set_input_files(zip_file(changed(data, CONNECTION.format(id='roof'))))
        plan.get_by_role('button', name='Restore').click()
        expect(page.get_by_text('Restored.')).to_be_visible()
        page.goto(f'{url}/')
        for name in ('basement', 'roof'):
            expect(page.get_by_text(name, exact=True).first).to_be_visible()
        expect(page.get_by_text('cellar', exact=True)).to_have_count(0)
    assert '# mine' in settings.read_text()


def test_host_names_are_checked_and_kept(browser: Browser, url: str, settings: Path) -> None:
    with visitor(browser, size='phone', dark=True) as page:
        page.goto(f'{url}/settings')
        page.get_by_text('Host names').click()
        field = page.get_by_label('Names this program answers to')
        field.fill('house.lan\nhttp://elsewhere/')
        page.get_by_role('button', name='Save').click()
        expect(page.get_by_text('http://elsewhere/ is no host name.')).to_be_visible()
        field.fill('House.lan:8080')
        page.get_by_role('button', name='Save').click()
        expect(field).to_have_value('house.lan')
    assert 'allowed_hosts = ["house.lan"]' in settings.read_text()
