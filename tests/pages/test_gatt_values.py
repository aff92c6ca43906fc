"""Bytes of a characteristic in all forms that fit, what is typed as bytes, and which characteristics are kept."""
import struct

import pytest

from edgeos.bluetooth.formats import ValueFormatError, decode
from edgeos.bluetooth.stack import GattCharacteristic
from edgeos.bluetooth.uuids import full
from edgeos.connections.bluetooth_config import GattPoint
from pages.format import Format
from pages.gatt_values import (
    NotBytes,
    fitting,
    kept_names,
    numbers,
    property_words,
    say_format,
    shown,
    suggested_format,
    suggested_name,
    typed_bytes,
)

ENGLISH = Format('en', lambda text: text)


def same(text: str) -> str:
    return text


def characteristic(uuid: str, handle: int, service: str = '180f') -> GattCharacteristic:
    return GattCharacteristic(full(uuid), handle, frozenset(('read',)), full(service), handle - 1)


def test_a_standard_value_says_what_it_means() -> None:
    found = shown(bytes((73,)), full('2a19'), ENGLISH)
    assert (found.means, found.hex, found.size) == ('73 %', '49', 1)
    assert found.forms == [('uint8', '73')]
    assert shown(struct.pack('<h', -512), full('2a6e'), ENGLISH).means == '-5.12 °C'
    assert shown(b'\xff', full('2a19'), ENGLISH).means == ''  # unknown
    assert shown(b'', full('2a19'), ENGLISH).means == ''


def test_text_is_shown_where_it_is_text() -> None:
    found = shown(b'JBD\0', full('2a24'), ENGLISH)
    assert (found.text, found.forms) == ('JBD', [])
    for data in (b'', b'\0', b'\xff\xfe', b'a\x01', b'abc\0de', '\u202eevil'.encode()):
        assert shown(data, full('ff01'), ENGLISH).text == ''


def test_numbers_are_shown_in_the_formats_that_fit_and_only_once() -> None:
    assert dict(numbers(b'\x3b\x01')) == {'uint16': 315, 'uint16_be': 15105}
    assert dict(numbers(b'\xfe\xff')) == {'uint16': 65534, 'int16': -2, 'uint16_be': 65279, 'int16_be': -257,
                                          'sfloat': pytest.approx(-0.2)}  # fmt: skip
    assert ('float32', 21.5) in numbers(struct.pack('<f', 21.5))
    assert 'float32' not in dict(numbers(b'\x01\0\0\0'))  # 1.4e-45
    assert dict(numbers(b'five!')) == {}


def test_a_long_value_is_cut() -> None:
    found = shown(bytes(512), full('ff01'), ENGLISH)
    assert found.size == 512
    assert len(found.hex) == 3 * 64 - 1 + 2


@pytest.mark.parametrize(('text', 'form', 'data'), [
    ('01 ff', 'hex', b'\x01\xff'), ('0x01FF', 'hex', b'\x01\xff'), ('Grüße', 'text', 'Grüße'.encode()), (' ', 'text', b' '),
])  # fmt: skip
def test_what_is_typed_becomes_bytes(text: str, form: str, data: bytes) -> None:
    assert typed_bytes(text, form, same) == data


@pytest.mark.parametrize(('text', 'form', 'why'), [
    ('', 'hex', 'Enter pairs of hexadecimal digits, for example 01 ff.'),
    ('0', 'hex', "Hex takes pairs of hexadecimal digits, not '0'."),
    ('zz', 'hex', "Hex takes pairs of hexadecimal digits, not 'zz'."),
    ('x' * 600, 'text', '600 bytes are too many: 512 at most.'),
])  # fmt: skip
def test_what_is_no_value_is_said(text: str, form: str, why: str) -> None:
    with pytest.raises(NotBytes) as error:
        typed_bytes(text, form, same)
    assert str(error.value) == why


def test_a_format_that_does_not_fit_is_said_as_a_sentence() -> None:
    with pytest.raises(ValueFormatError) as error:
        decode('uint16', b'\x01')
    assert say_format(error.value, same) == 'Uint16 is 2 bytes long, and these are 1.'


def test_formats_that_fit_come_first() -> None:
    assert fitting(b'\x01\x02')[:4] == ['uint16', 'int16', 'uint16_be', 'int16_be']
    assert 'uint8' not in fitting(b'\x01\x02')[:6]
    assert sorted(fitting(b'\x01\x02')) == sorted(fitting(None))


@pytest.mark.parametrize(('uuid', 'data', 'expected'), [
    ('2a19', None, ('uint8', '%', 1)), ('2a6e', b'\0\0', ('int16', '°C', 0.01)), ('ff01', None, ('hex', '', 1)),
    ('ff01', b'Hello', ('utf-8', '', 1)), ('ff01', b'\x81\x02', ('uint16', '', 1)), ('ff01', b'\0' * 5, ('hex', '', 1)),
])  # fmt: skip
def test_a_format_is_suggested(uuid: str, data: bytes | None, expected: tuple[str, str, float]) -> None:
    assert suggested_format(full(uuid), data) == expected


def test_a_name_is_suggested_that_nobody_has() -> None:
    assert suggested_name(full('2a19'), {}) == 'battery_level'
    assert suggested_name(full('2a19'), {'battery_level': 1, 'battery_level_2': 1}) == 'battery_level_3'
    assert suggested_name(full('1234'), {}) == '1234'


def test_points_are_found_by_any_way_to_write_them() -> None:
    paths = {'180f/2a19': characteristic('2a19', 3), '180f/2a19@7': characteristic('2a19', 7),
             'ff00/ff01': characteristic('ff01', 9, 'ff00')}  # fmt: skip
    points = [GattPoint(uuid='2a19', name='first'), GattPoint(uuid='180f/2a19@7', name='second'),
              GattPoint(uuid=full('ff01'), name='third'), GattPoint(uuid='180f/ffff', name='gone')]  # fmt: skip
    assert kept_names(points, paths) == {'180f/2a19': 'first', '180f/2a19@7': 'second', 'ff00/ff01': 'third'}


def test_every_property_has_a_word() -> None:
    assert {'read', 'write', 'write-without-response', 'notify', 'indicate'} <= property_words(same).keys()
