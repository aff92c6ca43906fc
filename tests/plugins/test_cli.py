"""python -m edgeos.plugins"""
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgeos.plugins.cli import main
from edgeos.plugins.package import differs, open_package
from edgeos.plugins.registry import Registry, Source
from edgeos.processes import PROJECT
from tests.plugins.packages import package_content, write_package
from tests.plugins.registries import answer, serving

SDK = PROJECT / 'edgeos/plugins/sdk'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert main(['new', 'room-climate', str(tmp_path / 'made')]) == 0
    return tmp_path / 'made'


def test_what_the_template_makes_passes_its_own_check(folder, capsys):
    capsys.readouterr()
    assert main(['check', str(folder)]) == 0
    assert capsys.readouterr().out == ''


def test_it_runs_as_a_program(tmp_path):
    done = subprocess.run([sys.executable, '-m', 'edgeos.plugins', 'check', str(tmp_path)], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, '')
    assert done.stdout.splitlines() == ['plugin.json: is missing']


def test_what_the_template_makes_is_good_code(folder):
    done = subprocess.run([sys.executable, '-m', 'ruff', 'check', '--config', str(PROJECT / 'pyproject.toml'), '--ignore', 'I001', str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_the_template_makes_passes_its_own_test(folder):
    done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', str(folder / 'tests')], capture_output=True, text=True,
                          cwd=folder, env={'PYTHONPATH': f'{SDK}:{folder}', 'PATH': '', 'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1'})  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize('there', ['a folder', 'a file', 'a link'])
def test_new_overwrites_nothing(tmp_path, capsys, there):
    target = tmp_path / 'made'
    if there == 'a folder':
        target.mkdir()
    elif there == 'a file':
        target.write_text('mine')
    else:
        target.symlink_to(tmp_path / 'nowhere')
    assert main(['new', 'demo', str(target)]) == 1
    assert 'exists already' in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ['made']
    assert not target.is_dir() or not list(target.iterdir())


@pytest.mark.parametrize('plugin_id', ['../x', 'Demo', 'x', '', 'a b', 'demo\n', '1a', 'work'])
def test_new_wants_an_id(tmp_path, capsys, plugin_id):
    assert main(['new', plugin_id, str(tmp_path / 'made')]) == 1
    assert 'id: expected' in capsys.readouterr().err
    assert not (tmp_path / 'made').exists()


@pytest.mark.parametrize('plugin_id', ['json', 'none', 'class', 'a--b-', 'x1-2', 'edgeos'])
def test_every_id_gives_a_plugin(tmp_path, plugin_id):
    assert main(['new', plugin_id, str(tmp_path / 'made')]) == 0
    assert main(['pack', str(tmp_path / 'made'), '--out', str(tmp_path)]) == 0
    assert main(['check', str(tmp_path / f'{plugin_id}-0.1.0.zip')]) == 0


def test_check_says_everything_with_file_and_key(folder, capsys):
    manifest = json.loads((folder / 'plugin.json').read_text())
    (folder / 'plugin.json').write_text(json.dumps({**manifest, 'version': '1', 'surprise': 1}))
    (folder / 'icon.svg').write_text('<svg onload="x"/>')
    (folder / 'README.md').unlink()
    capsys.readouterr()
    assert main(['check', str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(': expected')[0] for line in lines] == ['plugin.json: version', 'plugin.json: surprise: is not known here',
                                                              'README.md: is missing: say what the plugin does and how it is set up', 'icon.svg']


@pytest.mark.parametrize(('file', 'text', 'message'), [
    ('config.schema.json', '{"type": "object", "properties": {"x": {"type": "string", "oneOf": []}}}', 'config.schema.json: properties.x.oneOf: the form cannot show this'),
    ('room_climate_plugin/__init__.py', 'class Other: pass', 'plugin.json: entry.module: room_climate_plugin/__init__.py has no class RoomClimate'),
    ('room_climate_plugin/__init__.py', 'def', 'room_climate_plugin/__init__.py: is not Python'), ('room_climate_plugin/__init__.py', None, 'plugin.json: entry.module: expected a file'),
])  # fmt: skip
def test_check_looks_into_the_files(folder, capsys, file, text, message):
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text)
    capsys.readouterr()
    assert main(['check', str(folder)]) == 1
    assert capsys.readouterr().out.startswith(message)
    assert main(['pack', str(folder), '--out', str(folder)]) == 1
    assert not list(folder.glob('*.zip'))


def test_check_of_a_package_names_what_is_hostile(tmp_path, capsys):
    assert main(['check', str(write_package(tmp_path, {'../x': ''}))]) == 1
    assert "'../x': the name leads out" in capsys.readouterr().err
    assert main(['check', str(write_package(tmp_path, name='other.zip'))]) == 1
    assert capsys.readouterr().out == 'other.zip: expected the name demo-1.0.0.zip\n'
    assert main(['check', str(write_package(tmp_path, package_content(requires={'edgeos': '>=99'})))]) == 0
    assert 'note: on this device it cannot be installed: it needs SmartHome Edge OS >=99' in capsys.readouterr().out


@pytest.mark.parametrize('arguments', [['check', 'nowhere'], ['pack', 'nowhere']])
def test_what_is_not_there_is_one_line(arguments, capsys):
    assert main(arguments) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_check_of_a_package_says_everything(tmp_path, capsys):
    content = package_content(id='Demo')
    content |= {'wheels/a-1.tar.gz': b'', 'wheels/other-1-py3-none-any.whl': b'', 'venv/x': b''}
    del content['wheels/demo_plugin-1.0.0-py3-none-any.whl']
    assert main(['check', str(write_package(tmp_path, content))]) == 1
    assert [line.split(': ')[0] for line in capsys.readouterr().out.splitlines()] == [
        'plugin.json', 'venv', 'wheels/a-1.tar.gz', 'wheels/other-1-py3-none-any.whl', 'requirements.lock']


async def test_a_registry_made_of_packages_leads_back_to_them(folder, tmp_path):
    main(['pack', str(folder), '--out', str(tmp_path / 'out')])
    registry = tmp_path / 'out/registry.json'
    assert main(['registry', str(tmp_path / 'out/room-climate-0.1.0.zip'), '--out', str(registry), '--day', '2026-01-01']) == 0
    first = registry.read_bytes()
    assert main(['registry', str(tmp_path / 'out/room-climate-0.1.0.zip'), '--out', str(registry), '--day', '2026-02-02']) == 0
    assert registry.read_bytes() == first, 'the day of a package that is in it already stays'
    async with serving() as server:
        server.pages['/registry.json'] = answer(first)
        for number, source in enumerate((Source(str(registry)), Source(f'{server.url}/registry.json'))):
            found = Registry(tmp_path / 'cache', [source])
            await found.refresh()
            assert found.problems == []
            release = found.release('room-climate')
            assert (release.published, release.is_latest, release.files) == ('2026-01-01', True, 7)
            assert differs(open_package(tmp_path / 'out/room-climate-0.1.0.zip', tmp_path / str(number)), release) is None


def test_a_new_version_is_entered_beside_the_old(folder, tmp_path):
    registry = tmp_path / 'registry.json'
    for version in ('0.1.0', '0.3.0-rc.1', '0.2.0'):
        data = json.loads((folder / 'plugin.json').read_text())
        (folder / 'plugin.json').write_text(json.dumps({**data, 'version': version, 'name': f'Climate {version}'}))
        main(['pack', str(folder), '--out', str(tmp_path)])
        assert main(['registry', str(tmp_path / f'room-climate-{version}.zip'), '--out', str(registry), '--base', 'plugins/']) == 0
    entry = json.loads(registry.read_text())['packages']['room-climate']
    assert list(entry['versions']) == ['0.1.0', '0.2.0', '0.3.0-rc.1']
    assert (entry['name'], entry['dist-tags']) == ('Climate 0.3.0-rc.1', {'latest': '0.2.0'})
    assert entry['versions']['0.2.0']['dist']['url'] == 'plugins/room-climate-0.2.0.zip'
