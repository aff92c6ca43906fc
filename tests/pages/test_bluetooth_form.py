"""What is typed into the Bluetooth form, and what of it is written."""
import pytest

from edgeos.connections.bluetooth_config import OWN_PROFILES, BluetoothConfig
from pages import bluetooth_form, gatt_lines
from pages.bluetooth_form import profile_words
from pages.forms import decimal_text
from pages.gatt_lines import EXAMPLE, Lines, line_of, parse_line


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bluetooth_form, gatt_lines):
        monkeypatch.setattr(module, '_', lambda text: text)


def point(uuid: str, name: str, format: str, **more: object) -> dict[str, object]:
    return {'uuid': uuid, 'name': name, 'format': format, **more}


@pytest.mark.parametrize(('line', 'entry'), [
    ('2a19 = Battery uint8 %', point('2a19', 'Battery', 'uint8', unit='%')),
    ('2a19=Battery uint8', point('2a19', 'Battery', 'uint8')),
    ('180f/2a19 = Akku links uint8 %', point('180f/2a19', 'Akku links', 'uint8', unit='%')),
    ('2a6e = Temp int16 °C ×0.01', point('2a6e', 'Temp', 'int16', unit='°C', scale=0.01)),
    ('2a6e = Temp int16 * 0,5', point('2a6e', 'Temp', 'int16', scale=0.5)),
    ('2a6e = a float value int16 m/s', point('2a6e', 'a float value', 'int16', unit='m/s')),
    ('2a6e = Temp int16 ×1', point('2a6e', 'Temp', 'int16')),
])  # fmt: skip
def test_a_characteristic_stands_on_one_line(line: str, entry: dict[str, object]) -> None:
    assert parse_line(line) == (entry, '')
    BluetoothConfig.model_validate({'address': 'A4:C1:38:00:00:01', 'characteristics': [entry]})


@pytest.mark.parametrize(('line', 'problem'), [
    ('2a19', 'write it as uuid = name format unit'),
    ('= Battery uint8', 'write it as uuid = name format unit'),
    ('2a19 = ', 'write it as uuid = name format unit'),
    ('2a19 = Battery', 'a format is missing behind the name, for example uint8'),
    ('2a19 = Battery unit8 %', 'a format is missing behind the name, for example uint8'),
    ('xyz = Battery uint8', 'a uuid has 4 or 32 hexadecimal digits'),
    ('180f/xyz = Battery uint8', 'a uuid has 4 or 32 hexadecimal digits'),
    (f'2a19 = {"x" * 201} uint8', 'a name has up to 200 characters'),
    (f'2a19 = Battery uint8 {"x" * 21}', 'a unit has up to 20 characters'),
    ('2a19 = Battery uint8 ×0', 'the factor is a number other than 0'),
    ('2a19 = Battery uint8 ×much', 'the factor is a number other than 0'),
])  # fmt: skip
def test_what_is_wrong_with_a_line_is_said_with_the_line(line: str, problem: str) -> None:
    assert Lines().problem(['2a00 = Name utf-8', line]) == f'{line[:80]}: {problem}'


def test_the_example_is_right() -> None:
    assert Lines().problem([EXAMPLE]) == ''


def test_names_stand_once() -> None:
    assert Lines().problem(['2a19 = A uint8', '2a1b = A uint8']) == '2a1b = A uint8: this name stands twice'


def test_lines_come_back_as_they_were_typed() -> None:
    typed = ['2a19 = Battery uint8 %', '181a/2a6e = Temp outside int16 °C ×0.01', 'ffe1 = Raw hex']
    config = BluetoothConfig.model_validate({'address': 'A4:C1:38:00:00:01', 'characteristics': Lines().entries(typed)})
    assert Lines(config.characteristics).texts == typed


def test_what_a_line_cannot_say_stays_as_it_was_written_by_hand() -> None:
    odd = [point('2a19', 'two  blanks\nand a line', 'uint8'), point('2a1b', 'uint8', 'hex', unit='float'),
           point('2a6e', 'T', 'int16', scale=0.1 + 0.2)]  # fmt: skip
    lines = Lines(odd)
    assert lines.problem(lines.texts) == ''
    assert lines.entries(lines.texts) == odd
    assert lines.entries([*lines.texts[1:], '2a00 = Name utf-8']) == [*odd[1:], point('2a00', 'Name', 'utf-8')]


def test_a_line_is_read_as_it_is_shown() -> None:
    entry = point('180f/2a19', 'Akku links', 'uint8', unit='%', scale=1e-05)
    assert parse_line(line_of(entry)) == (entry, '')


def test_every_profile_has_a_name() -> None:
    assert set(OWN_PROFILES) <= profile_words().keys()
    assert len(set(profile_words().values())) == len(profile_words())


@pytest.mark.parametrize(('value', 'language', 'text'), [
    (10.0, 'en', '10'), (2.5, 'en', '2.5'), (2.5, 'de', '2,5'), (None, 'de', ''), (60, 'de', '60'), (1e-05, 'en', '1e-05'),
])  # fmt: skip
def test_a_pace_is_shown_as_it_would_be_typed(value: float | None, language: str, text: str) -> None:
    assert decimal_text(value, language) == text
