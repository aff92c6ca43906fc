"""What an MQTT payload means: pure functions from bytes to named values.

A JSON object becomes one value per leaf, named by its keys; every other payload is one value.
"""
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

HEX_BYTES = 32
TEXT_LIMIT = 64 * 1024  # characters of text kept of one value
LARGE = 256 * 1024  # bytes of a payload above which an array is described, not kept

_AFTER_BRACKET = frozenset(b'{["0123456789-tfn]')


class Decoded(NamedTuple):
    """A payload's value; `declared_type` is 'binary' for bytes that are no text; `error` says what is malformed."""

    value: Any
    declared_type: str = ''
    error: str = ''


def decode(payload: bytes) -> Decoded:
    """JSON where it is JSON, else text, else size and hex. Malformed JSON stays readable as text, with an error."""
    try:
        value = orjson.loads(payload)
        return Decoded(value if len(payload) <= LARGE or type(value) is not list else describe_array(value, payload))
    except orjson.JSONDecodeError as failure:
        reason = str(failure)
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return Decoded(describe_bytes(payload), 'binary')
    if '\0' in text:
        return Decoded(describe_bytes(payload), 'binary')
    return Decoded(shorten(text), error=reason if looks_like_json(payload) else '')


def looks_like_json(payload: bytes) -> bool:
    """Whether text that is not JSON was meant to be: it opens an object, or an array with a possible element."""
    head = payload.lstrip()[:2]
    if head[:1] == b'{':
        return True
    return head[:1] == b'[' and head[1:2] != b'' and head[1] in _AFTER_BRACKET


def describe_bytes(payload: bytes) -> str:
    """Size and the first bytes in hex."""
    more = ' …' if len(payload) > HEX_BYTES else ''
    return f'{len(payload)} bytes: {payload[:HEX_BYTES].hex(" ")}{more}'


def describe_array(value: list[Any], payload: bytes) -> str:
    """An array too large to keep for every topic."""
    return f'array of {len(value)} items, {len(payload)} bytes'


def shorten(text: str) -> str:
    """Text within TEXT_LIMIT, saying how much there was."""
    return text if len(text) <= TEXT_LIMIT else f'{text[:TEXT_LIMIT]}… ({len(text)} characters)'


def leaves(topic: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of each leaf of a JSON object below its topic; an empty object is a leaf itself."""
    if type(value) is not dict or not value:
        yield topic, shorten(value) if type(value) is str else value
        return
    stack = [(topic, iter(value.items()))]
    while stack:
        prefix, items = stack[-1]
        for key, item in items:
            if '%' in key or '/' in key:
                key = key.replace('%', '%25').replace('/', '%2F')
            if type(item) is dict and item:
                stack.append((f'{prefix}/{key}', iter(item.items())))
                break
            yield f'{prefix}/{key}', shorten(item) if type(item) is str else item
        else:
            stack.pop()


def encode(value: Any) -> bytes:
    """Text goes out as it is, booleans as true/false, everything else as JSON. Raises ValueError."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, float) and value - value != 0:
        raise ValueError('a number that is not finite cannot be sent')
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from error
