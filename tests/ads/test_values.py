"""Bytes of a PLC to values and back."""
import json
import math
import struct

import pyads
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyads.pyads_ex import get_value_from_ctype_data

from edgeos.ads.values import EnumCodec, ValueRefused, codec_of

FUZZ = settings(max_examples=300, deadline=None, database=None)
INTS = {'SINT': 'b', 'USINT': 'B', 'BYTE': 'B', 'INT': 'h', 'UINT': 'H', 'WORD': 'H', 'DINT': 'i', 'UDINT': 'I',
        'DWORD': 'I', 'LINT': 'q', 'ULINT': 'Q', 'LWORD': 'Q'}  # fmt: skip
NAMES = (*INTS, 'BOOL', 'BIT', 'REAL', 'LREAL', 'STRING', 'STRING(80)', 'STRING(3)', 'WSTRING(20)', 'TIME', 'LTIME',
         'TOD', 'TIME_OF_DAY', 'LTOD', 'DATE', 'LDATE', 'DT', 'DATE_AND_TIME', 'LDT', 'INT (0..100)')  # fmt: skip
MODE = EnumCodec(codec_of('INT'), {0: 'Off', 1: 'Heating', -3: 'Fault'}, 'E_Mode')
CODECS = [codec_of(name) for name in NAMES] + [MODE, codec_of('STRING(9)', 'utf-8'), codec_of('STRING(9)', 'cp1252')]
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-300, 300), st.floats(), st.text(max_size=90),
                     st.sampled_from(['T#1h2m', 'Heating', 'fault', '12:30', '2026-11-24', '2026-11-24T12:30:01.5', 'ü', 'Ã¼']),
                     st.dates().map(str), st.times().map(str), st.datetimes().map(lambda moment: moment.isoformat()),
                     st.binary(max_size=3), st.lists(st.integers(), max_size=2))  # fmt: skip


def refusal(codec, value, before=b''):
    with pytest.raises(ValueRefused) as refused:
        codec.encode(value, before)
    error = refused.value
    assert str(error) == error.template.format(**error.values)
    assert all(isinstance(each, str) for each in error.values.values())
    return str(error)


def through(name, value, encoding='auto', before=b''):
    codec = codec_of(name, encoding)
    data = codec.encode(value, before)
    assert len(data) == codec.size
    return codec.decode(data)


# numbers


@pytest.mark.parametrize('name', INTS)
def test_whole_numbers_have_the_limits_of_their_type(name):
    codec, form = codec_of(name), struct.Struct('<' + INTS[name])
    bits = 8 * form.size
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if INTS[name].islower() else (0, 2**bits - 1)
    assert codec.size == form.size
    for number in (low, 0, 1, high):
        assert codec.encode(number) == form.pack(number)
        assert codec.decode(form.pack(number)) == number
    for number in (low - 1, high + 1):
        assert refusal(codec, number) == f'{number} does not fit {name}: {low} to {high}.'


def test_whole_numbers_take_whole_floats_and_nothing_else():
    codec = codec_of('INT')
    assert codec.encode(21.0) == codec.encode(21)
    for value in (21.5, True, False, '21', None, [21], math.inf, math.nan, 1e300):
        refusal(codec, value)
    refusal(codec, 10**5000)


def test_a_subrange_has_its_own_limits():
    codec = codec_of('INT (-5..100)')
    assert codec.decode(codec.encode(-5)) == -5
    assert refusal(codec, 101).endswith('-5 to 100.')


def test_bool_takes_true_false_0_and_1():
    codec = codec_of('BOOL')
    assert [codec.encode(value) for value in (True, 1, False, 0)] == [b'\1', b'\1', b'\0', b'\0']
    assert codec.decode(b'\0') is False and codec.decode(b'\xff') is True
    for value in (2, -1, 'true', None, 0.5, math.nan):
        refusal(codec, value)


def test_real_is_the_shortest_decimal_of_its_four_bytes():
    codec = codec_of('REAL')
    for number in (21.3, 0.1, -40.0, 0.0, 1e-45, 3.4028235e38, 16777216.0, 123456.7, 0.33333334):
        assert codec.decode(struct.pack('<f', number)) == number
    for garbage in (math.inf, -math.inf, math.nan):
        assert codec.decode(struct.pack('<f', garbage)) is None
        assert codec_of('LREAL').decode(struct.pack('<d', garbage)) is None
        refusal(codec, garbage)
        refusal(codec_of('LREAL'), garbage)
    assert 'does not fit REAL' in refusal(codec, 3.5e38)
    assert 'does not fit LREAL' in refusal(codec_of('LREAL'), 10**400)
    refusal(codec, True)
    refusal(codec, '1.5')


@FUZZ
@given(st.binary(min_size=4, max_size=4))
@example(struct.pack('<f', 0.000983781))
def test_no_shorter_decimal_is_the_same_real(data):
    value = codec_of('REAL').decode(data)
    if value is None:
        assert not math.isfinite(struct.unpack('<f', data)[0])
        return
    assert struct.pack('<f', value) == data
    digits = len(f'{value!r}'.partition('e')[0].lstrip('-0.').replace('.', '').rstrip('0'))
    for fewer in range(1, digits):
        short = float(f'{struct.unpack("<f", data)[0]:.{fewer}g}')
        assert abs(short) > 3.4028235e38 or struct.pack('<f', short) != data


# text


def test_text_ends_at_the_first_nul():
    assert codec_of('STRING(5)').decode(b'ab\0cd\0') == 'ab'
    assert codec_of('STRING(5)').decode(b'abcdef') == 'abcdef'
    assert codec_of('WSTRING(3)').decode('Ā1'.encode('utf-16-le') + b'\0\0x\0') == 'Ā1'
    assert codec_of('WSTRING(1)').decode(b'\xff\xd8A\0') is not None


def test_text_is_read_in_the_encoding_it_is_in():
    latin, utf8 = 'Küche'.encode('cp1252').ljust(81, b'\0'), 'Küche'.encode().ljust(81, b'\0')
    codec = codec_of('STRING(80)')
    assert codec.decode(latin) == codec.decode(utf8) == 'Küche'
    assert codec_of('STRING(80)', 'cp1252').decode(utf8) == 'KÃ¼che'
    assert codec.decode(bytes(range(0x80, 0xd1))).startswith('€\x81‚')


def test_text_is_written_in_the_encoding_that_is_there():
    codec = codec_of('STRING(80)')
    assert codec.encode('Bäder').startswith('Bäder'.encode('cp1252') + b'\0')
    assert codec.encode('Bäder', 'Küche'.encode().ljust(81, b'\0')).startswith('Bäder'.encode() + b'\0')
    assert codec.encode('Bäder', 'Küche'.encode('cp1252')).startswith('Bäder'.encode('cp1252') + b'\0')
    assert codec.encode('日本').startswith('日本'.encode() + b'\0')
    assert codec.decode(codec.encode('Ã¼')) == 'Ã¼'  # its cp1252 bytes would be read as UTF-8
    assert codec_of('STRING(80)', 'utf-8').encode('ä').startswith('ä'.encode())
    refusal(codec_of('STRING(80)', 'cp1252'), '日本')


def test_length_is_counted_in_bytes():
    assert refusal(codec_of('STRING(80)'), 'x' * 90) == 'The text needs 90 bytes; STRING(80) holds 80.'
    assert refusal(codec_of('STRING(80)'), 'x' * 81) == 'The text needs 81 bytes; STRING(80) holds 80.'
    assert through('STRING(80)', 'x' * 80) == 'x' * 80
    assert refusal(codec_of('STRING(80)', 'utf-8'), 'ä' * 41) == 'The text needs 82 bytes; STRING(80) holds 80.'
    assert through('WSTRING(2)', '😀') == '😀'
    assert refusal(codec_of('WSTRING(2)'), 'a😀') == 'The text needs 3 characters; WSTRING(2) holds 2.'
    assert codec_of('STRING').size == 81 and codec_of('WSTRING').size == 162


@pytest.mark.parametrize('name', ['STRING(80)', 'WSTRING(80)'])
def test_text_takes_only_text_that_can_come_back(name):
    for value in ('a\0b', '\0', 5, True, None, b'x', '\ud800'):
        refusal(codec_of(name), value)


# times


@pytest.mark.parametrize(('name', 'value', 'number'), [
    ('TIME', 90061001, 90061001), ('TIME', 'T#1d1h1m1s1ms', 90061001), ('TIME', 'time#1.5s', 1500),
    ('TIME', 'T#1_000ms', 1000), ('LTIME', 'LTIME#1us5ns', 1005), ('LTIME', 10**12, 10**12),
    ('TOD', '13:05:00', 47100000), ('TIME_OF_DAY', '13:05:00.250', 47100250), ('TOD', '00:01', 60000),
    ('LTOD', '00:00:00.000000001', 1), ('DATE', '1970-01-02', 86400), ('LDATE', '1970-01-02', 86400 * 10**9),
    ('DT', '2023-11-14T22:13:20', 1700000000), ('DATE_AND_TIME', '2023-11-14 22:13', 1699999980),
    ('LDT', '1970-01-01T00:00:01.500', 1500000000), ('DT', 5, 5), ('DATE', 4294967295, 4294967295),
])  # fmt: skip
def test_times_are_written_as_text_or_number(name, value, number):
    codec = codec_of(name)
    assert codec.encode(value) == number.to_bytes(codec.size, 'little')


@pytest.mark.parametrize(('name', 'number', 'value'), [
    ('TIME', 4294967295, 4294967295), ('LTIME', 2**64 - 1, 2**64 - 1), ('TOD', 0, '00:00:00'),
    ('TOD', 86399999, '23:59:59.999'), ('TOD', 86400000, None), ('LTOD', 1, '00:00:00.000000001'),
    ('DATE', 86399, '1970-01-01'), ('DATE', 2**32 - 1, '2106-02-07'), ('DT', 2**32 - 1, '2106-02-07T06:28:15'),
    ('LDATE', 2**64 - 1, '2554-07-21'), ('LDT', 2**64 - 1, '2554-07-21T23:34:33.709551615'),
    ('LDT', 10**6, '1970-01-01T00:00:00.001'),
])  # fmt: skip
def test_times_are_read_in_the_time_of_the_plc(name, number, value):
    codec = codec_of(name)
    assert codec.decode(number.to_bytes(codec.size, 'little')) == value


def test_units_of_durations():
    assert (codec_of('TIME').unit, codec_of('LTIME').unit, codec_of('DT').unit, codec_of('INT').unit) == ('ms', 'ns', '', '')


@pytest.mark.parametrize(('name', 'value'), [
    ('TIME', '5'), ('TIME', 'T#'), ('TIME', 'T#-1s'), ('TIME', 'T#50d'), ('TIME', 'T#0.5ms'), ('TIME', -1), ('TIME', True),
    ('TOD', '24:00:00'), ('TOD', '12:60'), ('TOD', 86400000), ('TOD', '12:00:00.0001'), ('DATE', '2026-02-30'),
    ('DATE', '1969-12-31'), ('DATE', '2107-01-01'), ('DT', '2026-11-24'), ('DT', '2026-11-24T12:00:00Z'),
    ('DT', '2026-11-24T12:00:00.5'), ('DATE', '٢٠٢٦-01-01'), ('LTIME', 'T#' + '9' * 5000 + 's'),
])  # fmt: skip
def test_other_times_are_refused(name, value):
    refusal(codec_of(name), value)


# enums, addresses, names of types


def test_an_enum_is_its_name():
    assert MODE.decode(struct.pack('<h', 1)) == 'Heating'
    assert MODE.decode(struct.pack('<h', 7)) == 7
    for value in ('Heating', 'HEATING', 1, 1.0):
        assert MODE.encode(value) == struct.pack('<h', 1)
    assert refusal(MODE, 'Cooking') == "E_Mode has no value 'Cooking', but: Off, Heating, Fault."
    for value in (7, True, None, 10**300):
        refusal(MODE, value)


@pytest.mark.parametrize(('name', 'size', 'text'), [
    ('POINTER TO INT', 8, '16#0000000000000102'), ('REFERENCE TO ST_Room', 4, '16#00000102'), ('PVOID', 8, '16#0000000000000102'),
    ('INTERFACE', 4, '16#00000102'), ('BYTE (VAR_IN_OUT)', 4, '16#00000102'),
])  # fmt: skip
def test_an_address_is_shown_and_never_written(name, size, text):
    codec = codec_of(name, size=size)
    assert codec.decode((0x102).to_bytes(size, 'little')) == text
    assert not codec.writable
    assert refusal(codec, 5) == f'{name} is read-only.'


def test_unknown_types_have_no_codec():
    for name in ('', 'FB_X', 'ST_Room', 'STRING(', 'STRING(x)', 'STRING(99999999999)', 'INT(5)', 'INT (9..0)', 'POINTERS', 'ARRAY [0..1] OF INT'):
        assert codec_of(name) is None
    assert codec_of('INT', size=4) is None and codec_of('POINTER TO INT', size=5) is None
    assert codec_of('STRING(nMax)', size=11).size == 11


def test_codecs_are_shared():
    assert codec_of('INT') is codec_of('INT')
    assert codec_of('int').encode(5) == b'\5\0'


# anything


@FUZZ
@given(st.sampled_from(CODECS), ANYTHING, st.binary(max_size=81))
def test_what_is_accepted_comes_back(codec, value, before):
    try:
        data = codec.encode(value, before)
    except ValueRefused as refused:
        assert str(refused) == refused.template.format(**refused.values)
        return
    assert len(data) == codec.size
    seen = codec.decode(data)
    assert seen is not None
    again = codec.encode(seen, data)
    assert codec.decode(again) == seen
    if isinstance(value, str) and codec.type.startswith(('STRING', 'WSTRING')):
        assert seen == value
    if isinstance(value, int) and codec.type in INTS:
        assert seen == value


@FUZZ
@given(st.sampled_from(CODECS), st.data())
def test_any_bytes_give_a_value_that_json_knows(codec, data):
    value = codec.decode(data.draw(st.binary(min_size=codec.size, max_size=codec.size)))
    json.dumps(value, allow_nan=False).encode()
    assert value is None or isinstance(value, bool | int | float | str)
    if isinstance(value, str):
        value.encode()


@FUZZ
@given(st.text(max_size=40), st.sampled_from(['auto', 'cp1252', 'utf-8']), st.integers(0, 50))
def test_any_name_of_a_type_is_known_or_not(name, encoding, size):
    codec = codec_of(name, encoding, size)
    assert codec is None or codec.size == (size or codec.size)


# pyads


@pytest.mark.parametrize('name', [name for name in (*INTS, 'REAL', 'LREAL', 'BOOL') if name != 'LWORD'])
def test_pyads_converts_alike(name):
    kind, codec = getattr(pyads, f'PLCTYPE_{name}'), codec_of(name)
    limits = [0, 1] if name in ('BOOL', 'REAL', 'LREAL') else [codec.low, 0, 1, codec.high]
    for number in (limits + ([21.3, -0.001, 1e30] if name.endswith('REAL') else [])):
        assert codec.encode(number) == bytes(kind(number))
        theirs = get_value_from_ctype_data(kind.from_buffer_copy(codec.encode(number)), kind)
        assert codec.decode(codec.encode(number)) == pytest.approx(theirs, rel=1e-7)


@pytest.mark.parametrize('name', ['TIME', 'DATE', 'DT', 'TOD'])
def test_pyads_has_the_same_numbers_behind_times(name):
    assert codec_of(name).encode(70000) == bytes(getattr(pyads, f'PLCTYPE_{name}')(70000))


def test_pyads_reads_the_same_text():
    data = codec_of('STRING(80)', 'utf-8').encode('Küche 21 °C')
    kind = pyads.PLCTYPE_STRING * len(data)
    assert get_value_from_ctype_data(kind.from_buffer_copy(data), pyads.PLCTYPE_STRING) == 'Küche 21 °C'
    wide = codec_of('WSTRING(80)').encode('Küche 日本')
    assert get_value_from_ctype_data(list(wide), pyads.PLCTYPE_WSTRING) == 'Küche 日本'
