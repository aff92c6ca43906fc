"""From an author's folder to a package."""
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgeos.plugins.errors import BadPackage
from edgeos.plugins.lock import read_lock
from edgeos.plugins.new import make_new
from edgeos.plugins.pack import pack
from edgeos.plugins.package import open_package
from tests.plugins.packages import wheel

DEPENDENCY = 'helper-2.0-py3-none-any.whl'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the template makes."""
    make_new('room-climate', tmp_path / 'room-climate')
    return tmp_path / 'room-climate'


def names(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def own_wheel(package: Path, target: Path) -> Path:
    with zipfile.ZipFile(package) as archive:
        return Path(archive.extract('wheels/edgeos_plugin_room_climate-0.1.0-py3-none-any.whl', target))


def test_the_folders_may_be_relative(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert pack(Path('room-climate'), Path('out')).is_file()


def test_a_package_has_all_that_is_installed_and_no_more(folder, tmp_path):
    (folder / 'notes.txt').write_text('mine')
    (folder / 'room_climate_plugin/__pycache__').mkdir()
    (folder / 'room_climate_plugin/__pycache__/x.pyc').write_bytes(b'x')
    (folder / 'room_climate_plugin/loose.pyc').write_bytes(b'x')
    (folder / 'room_climate_plugin/.env').write_text('password')
    (folder / 'room_climate_plugin/data').mkdir()
    (folder / 'room_climate_plugin/data/table.txt').write_text('1')
    package = pack(folder, tmp_path / 'out')
    assert package.name == 'room-climate-0.1.0.zip'
    assert names(package) == ['CHANGELOG.md', 'README.md', 'config.schema.json', 'icon.svg', 'plugin.json', 'requirements.lock',
                              'wheels/edgeos_plugin_room_climate-0.1.0-py3-none-any.whl']
    assert names(own_wheel(package, tmp_path)) == [
        'edgeos_plugin_room_climate-0.1.0.dist-info/METADATA', 'edgeos_plugin_room_climate-0.1.0.dist-info/RECORD',
        'edgeos_plugin_room_climate-0.1.0.dist-info/WHEEL', 'room_climate_plugin/__init__.py', 'room_climate_plugin/data/table.txt']
    assert os.listdir(tmp_path / 'out') == [package.name]
    assert open_package(package, tmp_path / 'opened').id == 'room-climate'


def test_the_same_folder_gives_the_same_bytes(folder, tmp_path):
    first = pack(folder, tmp_path / '1').read_bytes()
    other = tmp_path / 'elsewhere' / 'again'
    before = os.umask(0o077)
    try:
        for path in reversed([path for path in sorted(folder.rglob('*')) if path.is_file()]):  # another order on the disk
            target = other / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (1_000_000_000, 1_000_000_000))
        second = pack(other, tmp_path / '2').read_bytes()
    finally:
        os.umask(before)
    assert first == second


def test_an_installer_takes_it_without_network_and_by_hash(folder, tmp_path):
    (folder / 'wheels').mkdir()
    (folder / 'wheels' / DEPENDENCY).write_bytes(wheel({'helper.py': 'VALUE = 5\n'}, 'helper', '2.0'))
    opened = tmp_path / 'opened'
    open_package(pack(folder, tmp_path), opened)
    assert [entry.name for entry in read_lock((opened / 'requirements.lock').read_text())] == ['edgeos-plugin-room-climate', 'helper']
    done = subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-index', '--find-links', 'wheels',
                           '--require-hashes', '--only-binary', ':all:', '--target', str(tmp_path / 'site'), '-r', 'requirements.lock'],
                          cwd=opened, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = {path.relative_to(tmp_path / 'site').as_posix() for path in (tmp_path / 'site').rglob('*.py')}
    assert made == {'room_climate_plugin/__init__.py', 'helper.py'}


def test_a_module_that_is_one_file_is_packed_too(folder, tmp_path):
    (folder / 'room_climate_plugin/__init__.py').rename(folder / 'room_climate_plugin.py')
    shutil.rmtree(folder / 'room_climate_plugin')
    assert 'room_climate_plugin.py' in names(own_wheel(pack(folder, tmp_path), tmp_path))


@pytest.mark.parametrize('version', ['1.0.0', '1.0.0-beta.1', '1.0.0-ours.first-try', '2.0.0-0.x'])
def test_every_version_can_be_packed(folder, tmp_path, version):
    text = (folder / 'plugin.json').read_text().replace('"0.1.0"', f'"{version}"')
    (folder / 'plugin.json').write_text(text)
    assert open_package(pack(folder, tmp_path), tmp_path / 'opened').version == version


@pytest.mark.parametrize(('file', 'message'), [
    ('room_climate_plugin/fast.so', 'put it into a wheel of its own'), ('room_climate_plugin/a,b.py', 'without comma'),
    ('wheels/helper-1.0.tar.gz', 'is a source package'), ('wheels/evil.txt', 'expected a wheel'),
])  # fmt: skip
def test_what_cannot_be_packed_is_named_and_nothing_is_left(folder, tmp_path, file, message):
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(b'x')
    with pytest.raises(BadPackage, match=message):
        pack(folder, tmp_path / 'out')
    assert os.listdir(tmp_path / 'out') == []


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    (folder / 'room_climate_plugin/secret.txt').symlink_to('/etc/passwd')
    with pytest.raises(BadPackage, match='expected a file, got a link'):
        pack(folder, tmp_path / 'out')


def test_two_versions_of_one_dependency_are_refused(folder, tmp_path):
    (folder / 'wheels').mkdir()
    for version in ('1.0', '2.0'):
        (folder / f'wheels/helper-{version}-py3-none-any.whl').write_bytes(wheel({'helper.py': ''}, 'helper', version))
    with pytest.raises(BadPackage, match='helper is there in two versions'):
        pack(folder, tmp_path / 'out')
