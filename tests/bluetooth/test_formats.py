"""Bytes of a characteristic to values and back."""
import math
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgeos.bluetooth.formats import FORMATS, ValueFormatError, decode, encode

FUZZ = settings(max_examples=300, deadline=None, database=None)
INTS = [name for name in FORMATS if 'int' in name]
REALS = {'float32': '<f', 'float64': '<d', 'float32_be': '>f', 'float64_be': '>d'}
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-300, 300), st.just(10**400), st.floats(),
                     st.text(max_size=40), st.sampled_from(['dead', '0x12', 'ü', '\ud800']), st.binary(max_size=9),
                     st.lists(st.integers(), max_size=2))  # fmt: skip


def refusal(work, *arguments) -> str:
    with pytest.raises(ValueFormatError) as refused:
        work(*arguments)
    error = refused.value
    assert str(error) == error.template.format(**error.values)
    return str(error)


def size_and_sign(name: str) -> tuple[int, bool]:
    return int(name.removesuffix('_be').removeprefix('u').removeprefix('int')) // 8, name.startswith('int')


def test_all_that_was_promised_can_be_chosen():
    assert set(FORMATS) == {
        'bool', 'uint8', 'int8', 'sfloat', 'float', 'utf-8', 'hex',
        *(f'{kind}{bits}{order}' for kind in ('uint', 'int') for bits in (16, 24, 32, 64) for order in ('', '_be')),
        *REALS,
    }  # fmt: skip
    assert refusal(decode, 'float16', b'\0\0') == "there is no format 'float16'"
    assert refusal(encode, '', 1) == "there is no format ''"


# numbers


@pytest.mark.parametrize('name', INTS)
def test_whole_numbers_have_the_limits_of_their_size(name):
    size, signed = size_and_sign(name)
    low, high = (-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1) if signed else (0, 2 ** (8 * size) - 1)
    for number in (low, 0, 1, high):
        assert decode(name, encode(name, number)) == number
    assert refusal(encode, name, high + 1) == f'{high + 1} does not fit {name}: {low} to {high}'
    assert refusal(encode, name, low - 1) == f'{low - 1} does not fit {name}: {low} to {high}'
    assert refusal(decode, name, b'\0' * (size + 1)) == f'{name} is {size} bytes long, and these are {size + 1}'


def test_the_order_of_bytes_is_bluetooths_unless_said_otherwise():
    assert (decode('uint16', b'\1\2'), decode('uint16_be', b'\1\2')) == (0x0201, 0x0102)
    assert (decode('int24', b'\1\0\xff'), decode('int24_be', b'\xff\0\1')) == (-65535, -65535)
    assert encode('uint32_be', 1) == b'\0\0\0\1'


def test_whole_numbers_take_whole_floats_and_nothing_else():
    assert encode('uint8', 7.0) == b'\7'
    for value in (7.5, True, '7', None, float('nan'), [7]):
        assert 'takes a whole number' in refusal(encode, 'uint8', value)


def test_bool_is_a_byte():
    assert (decode('bool', b'\0'), decode('bool', b'\1'), decode('bool', b'\xff')) == (False, True, True)
    assert (encode('bool', True), encode('bool', 0), encode('bool', 1.0)) == (b'\1', b'\0', b'\1')
    assert refusal(encode, 'bool', 2) == 'bool takes true or false, not 2'
    refusal(decode, 'bool', b'')


def test_reals_are_the_shortest_decimal_that_is_the_same_bytes():
    assert decode('float32', bytes.fromhex('6666aa41')) == 21.3
    assert decode('float32_be', bytes.fromhex('41aa6666')) == 21.3
    assert decode('float64', struct.pack('<d', 0.1)) == 0.1
    assert [decode('float32', struct.pack('<f', number)) for number in (math.nan, math.inf, -math.inf)] == [None] * 3
    assert 'does not fit float32' in refusal(encode, 'float32', 3.5e38)
    assert 'does not fit float64' in refusal(encode, 'float64', 10**400)
    assert 'takes a number' in refusal(encode, 'float64', True)


def test_a_number_too_long_to_write_out_is_refused_too():
    for name in ('uint8', 'float32', 'float', 'bool', 'utf-8'):
        assert 'a number of more than 40 digits' in refusal(encode, name, -10**5000)


@FUZZ
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(sorted(REALS)))
def test_reals_are_what_another_packer_makes_of_them(number, name):
    try:
        expected = struct.pack(REALS[name], number)
    except OverflowError:
        refusal(encode, name, number)
        return
    assert encode(name, number) == expected
    assert struct.pack(REALS[name], decode(name, expected)) == expected


@pytest.mark.parametrize(('name', 'data', 'value'), [
    ('float', '6c0100ff', 36.4), ('float', 'e80300fe', 10.0), ('float', '00000000', 0.0), ('float', '9cffff00', -100.0),
    ('float', 'ffff7f00', None), ('float', '00008000', None), ('float', 'feff7f00', None), ('float', '02008000', None),
    ('float', '01008000', None), ('sfloat', '72f1', 37.0), ('sfloat', '6200', 98.0), ('sfloat', '9cff', -10.0),
    ('sfloat', 'ff07', None), ('sfloat', '0008', None), ('sfloat', 'fe07', None), ('sfloat', '0208', None),
    ('sfloat', '0108', None), ('sfloat', 'fd07', 2045.0), ('sfloat', '0388', -2.045e-05), ('sfloat', 'ff17', 20470.0),
])  # fmt: skip
def test_medical_numbers(name, data, value):
    assert decode(name, bytes.fromhex(data)) == value


def test_medical_numbers_keep_as_many_digits_as_fit():
    assert encode('float', 36.4) == bytes.fromhex('6c0100ff')
    assert [decode('sfloat', encode('sfloat', number)) for number in (36.6, 123.456, -0.0005, 2046, 1e-20, 2e10)] == [
        36.6, 123.5, -0.0005, 2050.0, 0.0, 2e10]  # fmt: skip
    assert refusal(encode, 'sfloat', 3e10) == '30000000000.0 does not fit sfloat: -20450000000.0 to 20450000000.0'
    refusal(encode, 'float', math.inf)


@FUZZ
@given(st.integers(-2045, 2045), st.integers(-8, 7), st.integers(-8388605, 8388605), st.integers(-128, 127))
def test_medical_numbers_that_fit_come_back_the_same(small, small_exponent, mantissa, exponent):
    for name, number in (('sfloat', float(f'{small}e{small_exponent}')), ('float', float(f'{mantissa}e{exponent}'))):
        assert decode(name, encode(name, number)) == number


@FUZZ
@given(st.floats(-2e10, 2e10, allow_subnormal=False))
def test_medical_numbers_are_the_nearest(number):
    found = decode('sfloat', encode('sfloat', number))
    assert abs(found - number) <= max(0.5e-8, abs(number) / 204 / 2) * 1.000001


# text and bytes


def test_text_ends_at_a_nul():
    assert decode('utf-8', b'Wohnk\xc3\xbcche\0\xff\xff') == 'Wohnküche'
    assert decode('utf-8', b'') == ''
    assert encode('utf-8', 'Küche') == b'K\xc3\xbcche'
    assert refusal(decode, 'utf-8', b'\xff') == 'these bytes are no utf-8 text'
    assert refusal(encode, 'utf-8', 5) == 'utf-8 takes a text, not 5'
    assert refusal(encode, 'utf-8', 'ü' * 257) == '514 bytes are too many: 512 at most'
    assert 'cannot write' in refusal(encode, 'utf-8', '\ud800')


@pytest.mark.parametrize('text', ['de ad be ef', 'DEADBEEF', '0xdeadbeef', '0XDEADBEEF', ' de ad\tbeef '])
def test_bytes_can_be_written_in_many_ways(text):
    assert encode('hex', text) == bytes.fromhex('deadbeef')


def test_bytes():
    assert decode('hex', b'\xde\xad') == 'dead'
    assert (decode('hex', b''), encode('hex', '')) == ('', b'')
    for text in ('dea', 'xy', 'de,ad', '0x0xde'):
        assert refusal(encode, 'hex', text) == f'hex takes pairs of hexadecimal digits, not {text!r}'
    refusal(encode, 'hex', 12)
    assert 'too many' in refusal(encode, 'hex', 'ab' * 513)


# all


@FUZZ
@given(st.sampled_from(FORMATS), ANYTHING)
@example('float64', 10**400)
def test_a_value_is_written_or_refused_with_a_short_sentence(name, value):
    try:
        data = encode(name, value)
    except ValueFormatError as error:
        assert str(error) == error.template.format(**error.values)
        assert len(str(error)) < 140 and not str(error).endswith('.')
        return
    assert len(data) <= 512
    assert decode(name, data) is not None


@FUZZ
@given(st.sampled_from(FORMATS), st.binary(max_size=10))
def test_any_bytes_are_a_value_or_refused(name, data):
    try:
        value = decode(name, data)
    except ValueFormatError as error:
        assert str(error) == error.template.format(**error.values)
        return
    assert not isinstance(value, float) or math.isfinite(value)


def test_bytes_may_come_as_a_bytearray():
    assert decode('uint8', bytearray(b'\7')) == 7
    assert decode('utf-8', bytearray(b'a')) == 'a'


def test_a_plain_sentence_is_an_error_too():
    assert str(ValueFormatError('expected {true} or false')) == 'expected {true} or false'
