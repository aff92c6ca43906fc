"""The settings file: defaults, changes in place, hand edits beside the app, nothing lost when writing fails."""

import os
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import Field

from edgeos.settings import (
    ConnectionSettings,
    RouteSettings,
    Settings,
    SettingsError,
    SettingsFile,
    StrictModel,
)
from edgeos.settings_models import DEFAULT_TEXT

TEXT = """\
# by hand
[app]
port = 8081  # free here

# the broker
[[connections]]
id = "home"
type = "mqtt"
[connections.config]
host = "127.0.0.1"  # this machine

# the other
[[connections]]
id = "far"
type = "mqtt"
[connections.config]
host = "10.0.0.1"

[[routes]]
id = "r1"
from = "home/a"
to = "far/b"
"""


class Broker(StrictModel):
    host: str
    port: int = Field(default=1883, ge=1, le=65535)
    topics: list[str] = ['#']
    note: str | None = None


CONFIGS = {'mqtt': Broker}


def load(path: Path) -> SettingsFile:
    return SettingsFile.load(path, CONFIGS, create=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'settings.toml'
    path.write_text(TEXT)
    return path


@pytest.fixture
def file(path: Path) -> SettingsFile:
    return load(path)


def connection(name: str = 'new', **config: object) -> ConnectionSettings:
    return ConnectionSettings(id=name, type='mqtt', config={'host': 'h', **config})


def test_a_missing_file_is_made_with_comments_and_defaults(tmp_path: Path) -> None:
    file = SettingsFile.load(tmp_path / 'settings.toml', CONFIGS, create=True)
    assert file.settings == Settings()
    assert (tmp_path / 'settings.toml').read_text() == DEFAULT_TEXT


def test_a_missing_file_is_an_error_when_it_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'settings\.toml: expected a readable file, got: No such file'):
        load(tmp_path / 'settings.toml')


def test_the_comments_of_a_new_file_show_the_real_defaults() -> None:
    shown = [line.removeprefix('# ') for line in DEFAULT_TEXT.split('# Connections are')[0].splitlines()]
    text = '\n'.join(line for line in shown if ' = ' in line or line.startswith('['))
    data = tomllib.loads(text)
    assert Settings.model_validate(data) == Settings()
    assert sum(len(table) for table in data.values() if isinstance(table, dict)) == 17


def test_an_empty_file_and_one_with_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    for number, text in enumerate(('', '\ufeff[app]\r\nport = 1\r\n')):
        path = tmp_path / f'{number}.toml'
        path.write_bytes(text.encode())
        assert load(path).settings.app.port == (1 if text else 8080)


def test_adding_changes_memory_and_disk(file: SettingsFile, path: Path) -> None:
    file.add_connection(connection(topics=['a/#'], note=None))
    assert [one.id for one in file.settings.connections] == ['home', 'far', 'new']
    assert load(path).settings == file.settings
    new = '\n[[connections]]\nid = "new"\ntype = "mqtt"\nenabled = true\n'
    new += '[connections.config]\nhost = "h"\ntopics = ["a/#"]\n'
    assert path.read_text() == TEXT.replace('host = "10.0.0.1"\n', 'host = "10.0.0.1"\n' + new)


def test_replacing_writes_only_what_differs(file: SettingsFile, path: Path) -> None:
    same = file.settings.connections[0]
    file.replace_connection(same)
    assert path.read_text() == TEXT
    file.replace_connection(same.model_copy(update={'enabled': False, 'config': {'host': '127.0.0.1', 'port': 1884}}))
    expected = TEXT.replace('type = "mqtt"\n', 'type = "mqtt"\nenabled = false\n', 1)
    assert path.read_text() == expected.replace('# this machine\n', '# this machine\nport = 1884\n')
    file.replace_connection(same)
    assert file.settings.connections[0] == same
    assert path.read_text() == TEXT.replace('type = "mqtt"\n', 'type = "mqtt"\nenabled = true\n', 1)


def test_removing_all_connections_and_adding_one_again_works(file: SettingsFile, path: Path) -> None:
    file.remove_connection('home')
    file.remove_connection('far')
    assert file.settings.connections == []
    assert '# the broker' in path.read_text()
    assert 'connections = ' not in path.read_text()
    file.add_connection(connection())
    assert load(path).settings.connections == [connection()]


def test_routes_are_added_and_removed(file: SettingsFile, path: Path) -> None:
    route = RouteSettings(id='r2', from_='home/**', to='far/*', scale=0.1)
    file.add_route(route)
    assert load(path).settings.routes[1] == route
    assert 'id = "r2"\nfrom = "home/**"\nto = "far/*"\nenabled = true\nscale = 0.1\n' in path.read_text()
    file.remove_route('r2')
    assert path.read_text() == TEXT


def test_set_value_changes_one_line(file: SettingsFile, path: Path) -> None:
    file.set_value('app.port', 8082)
    file.set_value('app.language', 'de')
    assert path.read_text() == TEXT.replace('8081  # free here\n', '8082  # free here\nlanguage = "de"\n')
    assert file.settings.app.language == 'de'


@pytest.mark.parametrize(
    'key', ['app', 'app.colour', 'connections.id', 'app.host.name', 'routes', '', '.', 'schema_version']
)
def test_set_value_refuses_other_keys(file: SettingsFile, path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match='expected'):
        file.set_value(key, 1)
    assert path.read_text() == TEXT


def test_text_of_a_library_type_is_written_as_text(file: SettingsFile, path: Path) -> None:
    class Theme(StrEnum):
        DARK = 'dark'

    file.set_value('app.theme', Theme.DARK)
    assert load(path).settings.app.theme == 'dark'


def test_a_refused_change_changes_nothing(file: SettingsFile, path: Path) -> None:
    before = file.settings
    refused: list[Callable[[], None]] = [
        lambda: file.add_connection(connection('home')),
        lambda: file.add_connection(connection(port=0)),
        lambda: file.add_connection(connection(colour='red')),
        lambda: file.add_connection(ConnectionSettings(id='x', type='fax', config={})),
        lambda: file.add_connection(connection(host='half \ud800')),
        lambda: file.add_connection(connection(topics=[object()])),
        lambda: file.replace_connection(connection('nobody')),
        lambda: file.remove_connection('nobody'),
        lambda: file.remove_route('nobody'),
        lambda: file.add_route(RouteSettings(id='r1', from_='a/b', to='c/d')),
        lambda: file.set_value('app.port', True),
        lambda: file.set_value('app.language', None),
        lambda: file.replace_text('[app]\nport = "x"'),
        lambda: file.replace_text('[app'),
        lambda: file.replace_text('# ' + 'x' * 1024 * 1024),
    ]
    for change in refused:
        with pytest.raises(SettingsError) as caught:
            change()
        assert '\n' not in str(caught.value)
    assert path.read_text() == TEXT
    assert file.settings is before


def test_hand_edits_made_while_running_are_kept(file: SettingsFile, path: Path) -> None:
    path.write_text(TEXT.replace('# by hand', '# by hand, later').replace('8081', '9000'))
    file.set_value('app.theme', 'dark')
    assert file.settings.app.port == 9000
    assert '# by hand, later' in path.read_text()


def test_a_hand_edit_that_does_not_parse_is_never_overwritten(file: SettingsFile, path: Path) -> None:
    for broken in (TEXT + '\n[app', TEXT.replace('8081', '"x"')):
        path.write_text(broken)
        with pytest.raises(SettingsError):
            file.set_value('app.theme', 'dark')
        assert path.read_text() == broken
    assert file.settings.app.theme == 'auto'


def test_a_file_deleted_while_running_comes_back_with_the_change(file: SettingsFile, path: Path) -> None:
    path.unlink()
    file.set_value('app.port', 8082)
    assert path.read_text() == TEXT.replace('8081', '8082')


def test_replace_text_takes_a_backup_as_it_is(file: SettingsFile, path: Path) -> None:
    file.replace_text('# backup\r\n[app]\r\nport = 5\r\n')
    assert path.read_bytes() == b'# backup\r\n[app]\r\nport = 5\r\n'
    assert file.settings.app.port == 5
    assert file.settings.connections == []


def test_a_symbolic_link_is_written_through(path: Path) -> None:
    link = path.with_name('link.toml')
    link.symlink_to(path.name)
    load(link).set_value('app.port', 8082)
    assert link.is_symlink()
    assert '8082' in path.read_text()


def test_the_mode_of_the_file_is_kept(path: Path) -> None:
    path.chmod(0o640)
    load(path).set_value('app.port', 8082)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_to_itself_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'loop').symlink_to('loop')
    for path in (tmp_path / 'loop', tmp_path, tmp_path / 'none' / 'settings.toml'):
        with pytest.raises(SettingsError, match=r': expected a .*, got'):
            SettingsFile.load(path, CONFIGS, create=True)


READ_ONLY = """
import os, sys
from pathlib import Path
from tests.test_settings import CONFIGS, SettingsError, SettingsFile
path = Path(sys.argv[1])
file = SettingsFile.load(path, CONFIGS, create=False)
if os.geteuid() == 0:
    os.setegid(65534), os.seteuid(65534)
before = file.settings
try:
    file.set_value('app.port', 1)
except SettingsError as error:
    assert file.settings is before
    sys.exit(str(error))
"""


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Unlike pytest's own, reachable for another user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_read_only_folder_is_a_clear_error_and_nothing_is_lost(public_folder: Path) -> None:
    path = public_folder / 'settings.toml'
    path.write_text(TEXT)
    path.chmod(0o444)
    public_folder.chmod(0o555)
    run = subprocess.run(
        [sys.executable, '-c', READ_ONLY, str(path)], capture_output=True, text=True, timeout=20, check=False
    )
    public_folder.chmod(0o755)
    assert run.stderr.splitlines() == [
        f'{path}: expected a file that can be written, got: Permission denied; nothing was changed'
    ]
    assert path.read_text() == TEXT
    assert os.listdir(public_folder) == ['settings.toml']


def test_changes_from_several_threads_all_arrive(file: SettingsFile, path: Path) -> None:
    threads = [threading.Thread(target=file.add_connection, args=(connection(f'c{n}'),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert {one.id for one in load(path).settings.connections} == {'home', 'far', *(f'c{n}' for n in range(8))}
