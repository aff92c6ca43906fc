"""A backup with plugins, as its owner restores it."""
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.support import chromium, running, visitor

PLUGINS = [
    {'id': 'alarms', 'name': 'Alarms', 'version': '1.0.0', 'source': 'built-in', 'wanted': True},
    {'id': 'mine', 'name': 'My own', 'version': '0.1.0', 'source': 'file', 'wanted': True},
    {'id': 'far', 'name': 'From afar', 'version': '0.1.0', 'source': 'https://plugins.example/r.json', 'wanted': True},
]


def with_plugins(backup: Path) -> FilePayload:
    packed = io.BytesIO()
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(packed, 'w') as new:
        for name in ('manifest.json', 'settings.toml'):
            new.writestr(name, old.read(name))
        new.writestr('plugins.json', json.dumps({'plugins': PLUGINS}))
    return FilePayload(name='backup.zip', mimeType='application/zip', buffer=packed.getvalue())


def chosen(page: Page, url: str) -> None:
    """The backup of this house, with plugins in it."""
    page.goto(f'{url}/settings')
    with page.expect_download() as download:
        page.locator('.st-backup .eo-row button').first.click()
    page.locator('input[type=file]').set_input_files(with_plugins(Path(download.value.path())))


@pytest.mark.parametrize(('size', 'language', 'dark'), [('panel', 'en', False), ('phone', 'de', True)])
def test_it_says_which_plugins_come_and_installs_them(tmp_path: Path, size: str, language: str, dark: bool) -> None:
    (tmp_path / 'settings.toml').write_text('schema_version = 1\n')
    with running('--settings', str(tmp_path / 'settings.toml')) as url, chromium() as browser:
        with visitor(browser, size=size, language=language, dark=dark) as page:
            chosen(page, url)
            plan = page.locator('.st-plan')
            expect(plan.get_by_role('listitem')).to_have_count(3)
            expect(plan).to_contain_text('Alarms 1.0.0')
            expect(plan).to_contain_text('https://plugins.example/r.json')
            box = page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
            assert box[0] <= box[1]
            if folder := os.environ.get('EDGEOS_SHOTS'):
                plan.scroll_into_view_if_needed()
                page.screenshot(path=f'{folder}/backup_{size}.png', full_page=True)
            if size == 'panel':
                plan.get_by_role('button', name='Restore').click()
                expect(page.get_by_text('The plugins are being installed')).to_be_visible()
                page.goto(f'{url}/plugins')
                expect(page.get_by_role('article', name='Alarms')).to_be_visible()
            else:
                plan.get_by_role('switch').click()
                plan.get_by_role('button', name='Wiederherstellen').click()
                expect(plan).to_be_hidden()
                assert not (tmp_path / 'data' / 'plugins' / 'alarms').exists()
