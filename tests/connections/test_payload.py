"""What an MQTT payload means."""
import math

import pytest

from edgeos.connections.payload import LARGE, TEXT_LIMIT, decode, encode, leaves


@pytest.mark.parametrize(('payload', 'value'), [
    (b'21.5', 21.5), (b'-3', -3), (b'true', True), (b'false', False), (b'null', None), (b'"on"', 'on'),
    (b'ON', 'ON'), (b'', ''), (b'NaN', 'NaN'), (b'007', '007'), (b'[1, 2]', [1, 2]), (b' 4 ', 4),
    ('leicht bewölkt'.encode(), 'leicht bewölkt'), ('🔥'.encode(), '🔥'), (b'[INFO] started', '[INFO] started'),
])  # fmt: skip
def test_scalars_are_what_they_look_like(payload, value):
    decoded = decode(payload)
    assert decoded.value == value
    assert type(decoded.value) is type(value)
    assert decoded.error == ''


@pytest.mark.parametrize('payload', [b'{"a": 1', b'{a: 1}', b'[1, 2', b'[{"a":1}', b'{"a": NaN}', b'{"a": "\xc3\xa4'])
def test_malformed_json_stays_readable_and_is_an_error(payload):
    decoded = decode(payload)
    assert decoded.value == payload.decode()
    assert decoded.error


@pytest.mark.parametrize('payload', [b'\xff\xfe\x00\x01', b'ab\x00cd', bytes(range(256))])
def test_bytes_that_are_no_text_are_shown_as_size_and_hex(payload):
    decoded = decode(payload)
    assert decoded.declared_type == 'binary'
    assert decoded.value.startswith(f'{len(payload)} bytes: {payload[:4].hex(" ")}')
    assert len(decoded.value) < 200


def test_an_object_becomes_one_value_per_leaf():
    value = decode(b'{"t": 21, "in": {"a": true, "b": {"c": null}}, "list": [1, {"x": 2}], "none": {}}').value
    assert list(leaves('room', value)) == [
        ('room/t', 21), ('room/in/a', True), ('room/in/b/c', None), ('room/list', [1, {'x': 2}]), ('room/none', {}),
    ]  # fmt: skip


def test_leaves_go_on_after_a_nested_object():
    assert [name for name, _ in leaves('t', {'a': {'b': 1}, 'c': 2})] == ['t/a/b', 't/c']


def test_slashes_and_percents_in_keys_are_encoded():
    assert dict(leaves('t', {'a/b': 1, '50%': 2, 'a%2Fb': 3})) == {'t/a%2Fb': 1, 't/50%25': 2, 't/a%252Fb': 3}


def test_other_top_level_values_are_one_point():
    assert list(leaves('t', [1, 2])) == [('t', [1, 2])]
    assert list(leaves('t', 'x')) == [('t', 'x')]
    assert list(leaves('t', {})) == [('t', {})]


def test_deep_nesting_ends_without_recursion_errors():
    value = 1
    for _ in range(900):
        value = {'k': value}
    assert list(leaves('t', value)) == [('t/' + '/'.join(['k'] * 900), 1)]
    assert decode(b'{"k":' * 100_000).error


def test_what_is_kept_of_large_values_is_bounded_and_says_so():
    text = decode(b'x' * 1_000_000).value
    assert len(text) < TEXT_LIMIT + 100
    assert '1000000 characters' in text
    array = decode(b'[' + b'1,' * LARGE + b'1]').value
    assert array == f'array of {LARGE + 1} items, {2 * LARGE + 3} bytes'
    name, leaf = next(leaves('t', {'a': 'y' * 100_000}))
    assert (name, leaf[:2]) == ('t/a', 'yy')
    assert len(leaf) < TEXT_LIMIT + 100


@pytest.mark.parametrize(('value', 'payload'), [
    ('ON', b'ON'), (True, b'true'), (False, b'false'), (21.5, b'21.5'), (3, b'3'), (None, b'null'),
    ({'a': 1}, b'{"a":1}'), ([1], b'[1]'), ('ä', 'ä'.encode()),
])  # fmt: skip
def test_values_go_out_as_they_are(value, payload):
    assert encode(value) == payload


@pytest.mark.parametrize('value', [math.nan, math.inf, 10**30, {'a': 10**30}, '\ud800'])
def test_what_cannot_be_sent_is_refused(value):
    with pytest.raises(ValueError):
        encode(value)
