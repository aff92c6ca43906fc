"""What is typed into the PLC form, and what of it is written."""
import pytest

from edgeos.connections.plc_config import PlcConfig
from pages import plc_form, plc_variables
from pages.plc_form import cleaned_host, net_id_from
from pages.plc_variables import Variable, lines_of, parse_variable, problem_of


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (plc_form, plc_variables):
        monkeypatch.setattr(module, '_', lambda text: text)


@pytest.mark.parametrize(('pasted', 'host'), [
    ('192.168.1.5', '192.168.1.5'),
    ('192.168.1.5:48898', '192.168.1.5:48898'),
    ('ads://plc.lan:48898/', 'plc.lan:48898'),
    ('plc.lan/', 'plc.lan'),
    ('a b', 'a b'),
    ('', ''),
])  # fmt: skip
def test_a_pasted_address_keeps_its_port(pasted: str, host: str) -> None:
    assert cleaned_host(pasted) == host


@pytest.mark.parametrize(('host', 'net_id'), [
    ('192.168.1.5', '192.168.1.5.1.1'),
    ('192.168.1.5:48900', '192.168.1.5.1.1'),
    ('ads://10.0.0.7/', '10.0.0.7.1.1'),
    ('192.168.1.', ''),
    ('plc.lan', ''),
    ('192.168.1.5:x', ''),
    ('', ''),
])  # fmt: skip
def test_the_address_makes_the_net_id(host: str, net_id: str) -> None:
    assert net_id_from(host) == net_id


@pytest.mark.parametrize(('line', 'variable'), [
    ('flow = 0x4020:100 INT', Variable('flow', 0x4020, 100, 'INT')),
    ('flow=16416:0x64  REAL', Variable('flow', 16416, 100, 'REAL')),
    ('flow = 16#4020 : 16#64 STRING(20)', Variable('flow', 0x4020, 100, 'STRING(20)')),
    ('a.b[1] = 61472:0 ARRAY [0..3] OF INT', Variable('a.b[1]', 61472, 0, 'ARRAY [0..3] OF INT')),
    ('flow = 0x4020 100 INT', None),
    ('flow = 0x4020:100', None),
    ('= 0x4020:100 INT', None),
    ('flow = -1:100 INT', None),
    ('flow = ١:100 INT', None),
])  # fmt: skip
def test_a_variable_stands_on_one_line(line: str, variable: Variable | None) -> None:
    assert parse_variable(line) == variable


def test_variables_come_back_as_they_were_typed() -> None:
    lines = ['flow = 0x4020:100 INT', 'pump = 0xF021:8 BOOL']
    config = PlcConfig.model_validate({'host': 'a', 'variables': [parse_variable(line)._asdict() for line in lines]})  # type: ignore[union-attr]
    assert lines_of(config.variables) == lines


@pytest.mark.parametrize(('line', 'problem'), [
    ('flow = 0x4020:100 INT', ''),
    ('flow = 0x4020:100 ARRAY [1..3] OF REAL', ''),
    ('flow = 0x4020:100 FOO', 'This type is not known: FOO.'),
    ('flow = 0x1FFFFFFFF:100 INT', 'group and offset go up to 0xFFFFFFFF'),
    ('flow', 'write it as name = group:offset type'),
    ('x' * 256 + ' = 1:1 INT', 'name and type have up to 255 characters'),
    (f'flow = {"9" * 5000}:1 INT', 'group and offset go up to 0xFFFFFFFF'),
])  # fmt: skip
def test_what_is_wrong_with_a_variable_is_said(line: str, problem: str) -> None:
    assert problem_of(parse_variable(line)) == problem
