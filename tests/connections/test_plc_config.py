"""The settings of a PLC connection: what is taken, what is refused and how, in the file as in a form."""
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edgeos.connections.plc_config import PlcConfig, default_net_id

MAIN = Path(__file__).parents[2] / 'main.py'
VARIABLE = {'name': 'lamp', 'group': 0x4021, 'offset': 3, 'type': 'BOOL'}


def test_an_address_is_enough():
    config = PlcConfig(host='192.168.2.162')
    assert config.model_dump() == {
        'host': '192.168.2.162', 'ams_net_id': '', 'ams_port': 851, 'poll_ms': 200, 'timeout_ms': 2000, 'symbols': [],
        'source_net_id': '', 'notifications': False, 'encoding': 'auto', 'variables': []}  # fmt: skip
    assert config.endpoint == ('192.168.2.162', 48898)


@pytest.mark.parametrize(('host', 'endpoint'), [
    ('plc.local', ('plc.local', 48898)), ('10.0.0.5:48900', ('10.0.0.5', 48900)), ('CX-12AB34:1', ('CX-12AB34', 1)),
    ('größe.local', ('größe.local', 48898)),
])  # fmt: skip
def test_hosts_that_are_taken(host, endpoint):
    assert PlcConfig(host=host).endpoint == endpoint


@pytest.mark.parametrize(('address', 'net_id'), [
    ('192.168.2.162', '192.168.2.162.1.1'), ('plc.local', ''), ('', ''), ('1.2.3', ''), ('::1', ''),
])  # fmt: skip
def test_the_net_id_that_an_address_usually_has(address, net_id):
    assert default_net_id(address) == net_id


GOOD: list[dict[str, Any]] = [
    {'ams_net_id': '0.0.0.0.0.0'}, {'ams_net_id': '255.255.255.255.255.255'}, {'ams_net_id': '5.32.118.1.1.1'},
    {'ams_net_id': ''}, {'source_net_id': '192.168.1.5.1.1'}, {'ams_port': 1}, {'ams_port': 65535},
    {'poll_ms': 10}, {'poll_ms': 3_600_000}, {'timeout_ms': 100}, {'timeout_ms': 10_000}, {'encoding': 'cp1252'},
    {'encoding': 'utf-8'}, {'symbols': ['MAIN.*', '.bLamp', 'GVL.a[1,2]', '**', 'größe']}, {'symbols': ['x'] * 2000},
    {'symbols': ['x' * 255]}, {'notifications': True}, {'variables': [VARIABLE]},
    {'variables': [{**VARIABLE, 'type': 'ARRAY [0..9] OF INT'}, {**VARIABLE, 'name': 'b', 'type': 'STRING(20)'}]},
]  # fmt: skip


@pytest.mark.parametrize('config', GOOD, ids=lambda config: f'{config}'[:60])
def test_settings_that_are_taken(config):
    made = PlcConfig(host='h', **config)
    assert made.model_dump(include=set(config)) == config


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({'host': ''}, 'host', 'at least 1'), ({'host': 'http://plc'}, 'host', 'without scheme'),
    ({'host': 'plc:0'}, 'host', "'0' is no port"), ({'host': 'plc:65536'}, 'host', 'no port'),
    ({'host': 'plc:'}, 'host', 'no port'), ({'host': ':48898'}, 'host', 'host name'), ({'host': 'a b'}, 'host', 'blanks'),
    ({'host': 'me@plc'}, 'host', 'user'), ({'host': 'plc\0'}, 'host', 'expected'), ({'host': 5}, 'host', 'string'),
    *(({'ams_net_id': bad}, 'ams_net_id', 'six numbers from 0 to 255') for bad in (
        '1.2.3.4.5', '1.2.3.4.5.6.7', '1.2.3.4.5.256', 'plc', '1.2.3.4.5.-1', '1.2.3.4.5.', ' 1.2.3.4.5.6', '1.2.3.4.5.٣',
        '1.2.3.4.5.0001')),
    ({'ams_net_id': 5}, 'ams_net_id', 'string'), ({'source_net_id': '1.2.3'}, 'source_net_id', 'six numbers'),
    ({'ams_port': 0}, 'ams_port', 'greater than or equal to 1'), ({'ams_port': 65536}, 'ams_port', '65535'),
    ({'ams_port': '851'}, 'ams_port', 'integer'), ({'ams_port': True}, 'ams_port', 'integer'),
    ({'poll_ms': 9}, 'poll_ms', '10'), ({'poll_ms': 3_600_001}, 'poll_ms', '3600000'), ({'poll_ms': 0.5}, 'poll_ms', 'int'),
    ({'timeout_ms': 99}, 'timeout_ms', '100'), ({'timeout_ms': 10_001}, 'timeout_ms', '10000'),
    ({'symbols': 'MAIN.*'}, 'symbols', 'list'), ({'symbols': ['']}, 'symbols.0', 'at least 1'),
    ({'symbols': ['ok', 5]}, 'symbols.1', 'string'), ({'symbols': ['x'] * 2001}, 'symbols', '2000'),
    ({'symbols': ['x' * 256]}, 'symbols.0', '255'), ({'notifications': 'yes'}, 'notifications', 'boolean'),
    ({'encoding': 'latin-1'}, 'encoding', "'cp1252'"), ({'colour': 'red'}, 'colour', 'Extra'),
    ({'variables': [{**VARIABLE, 'type': 'LAMP'}]}, 'variables.0.type', 'type is not known: LAMP'),
    ({'variables': [{**VARIABLE, 'type': 'ARRAY [0..99999] OF INT'}]}, 'variables.0.type', 'has 100000 values'),
    ({'variables': [{**VARIABLE, 'group': 0x4020, 'offset': 2**32 - 1, 'type': 'LREAL'}]}, 'variables.0.type', 'outside'),
    ({'variables': [VARIABLE, {**VARIABLE, 'name': 'LAMP'}]}, 'variables', "the name 'LAMP' stands twice"),
    ({'variables': [{**VARIABLE, 'group': -1}]}, 'variables.0.group', 'greater than or equal to 0'),
    ({'variables': [{**VARIABLE, 'offset': 2**32}]}, 'variables.0.offset', '4294967295'),
    ({'variables': [{'name': 'x'}]}, 'variables.0.type', 'required'),
    ({'variables': [{**VARIABLE, 'unit': 'K'}]}, 'variables.0.unit', 'Extra'),
]  # fmt: skip


@pytest.mark.parametrize(('config', 'place', 'words'), BAD, ids=lambda part: f'{part}'[:60])
def test_settings_that_are_refused_with_their_place(config, place, words):
    with pytest.raises(ValidationError) as refusal:
        PlcConfig(**{'host': 'h', **config})
    found = {'.'.join(map(str, error['loc'])): error['msg'] for error in refusal.value.errors()}
    assert words in found[place]


HEAD = '[[connections]]\nid = "cellar"\ntype = "plc"\n[connections.config]\nhost = "192.168.2.162"\n'


def check(path: Path) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, str(MAIN), '--check', '--settings', str(path)], capture_output=True,
                          text=True, timeout=20, cwd=path.parent)  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(('line', 'words'), [
    ('ams_net_id = "1.2.3.4"', ['config.ams_net_id', 'cellar', 'six numbers from 0 to 255', '1.2.3.4']),
    ('symbols = "MAIN.*"', ['config.symbols', 'cellar']),
])  # fmt: skip
def test_bad_settings_in_the_file_are_status_2_and_name_the_key(tmp_path, line, words):
    path = tmp_path / 'settings.toml'
    path.write_text(HEAD + line + '\n')
    status, out, error = check(path)
    assert (status, out, error.count('\n')) == (2, '', 1), error
    assert [word for word in ['settings.toml', *words] if word not in error] == []
    assert path.read_text() == HEAD + line + '\n'


def test_every_key_in_the_file_is_taken(tmp_path):
    path = tmp_path / 'settings.toml'
    path.write_text(HEAD + 'ams_net_id = "5.32.118.1.1.1"\nams_port = 801\npoll_ms = 100\ntimeout_ms = 1000\n'
                    'symbols = ["MAIN.*", ".bLamp"]\nsource_net_id = "192.168.1.5.1.1"\nnotifications = true\n'
                    'encoding = "cp1252"\n'
                    'variables = [{name = "lamp", group = 0x4021, offset = 3, type = "BOOL"}]\n')  # fmt: skip
    assert check(path)[0] == 0
