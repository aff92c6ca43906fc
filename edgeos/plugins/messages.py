"""What app and plugin say to each other: JSON-RPC 2.0, one object per line of at most 1 MiB."""

from collections.abc import Callable
from typing import Any

import orjson

from edgeos.rpc import RpcError

LINE_BYTES = 1_048_576
CONTAINERS = 20_000  # lists and objects in one line; parsing a MiB of `{}` would hold the loop for 0.1 s

INVALID, NO_METHOD, BAD_PARAMS, INTERNAL = -32600, -32601, -32602, -32603
DENIED, WRITE_FAILED, LIMIT, UNKNOWN, BAD_CONFIG = -32001, -32002, -32003, -32004, -32010

Message = dict[str, Any]
Make = Callable[[], Message | None]


class BadLine(Exception):
    """Raised for a line after which there is nothing more to say to each other; goes on after 'because '."""


def too_long() -> BadLine:
    """For a line without end, too."""
    return BadLine('it sent a line of more than 1 MiB')


def encoded(message: Message) -> bytes:
    """One line; raises RpcError for what JSON cannot carry or one line cannot hold."""
    try:
        line = orjson.dumps({'jsonrpc': '2.0', **message})
    except TypeError as error:
        raise RpcError(BAD_PARAMS, f'this cannot be sent: {error}') from error
    if len(line) >= LINE_BYTES:
        raise RpcError(LIMIT, 'this is more than the 1 MiB of one message')
    return line + b'\n'


def decoded(line: bytes) -> Any:
    """Any JSON value, without NaN and infinity; raises BadLine."""
    if len(line) > LINE_BYTES:
        raise too_long()
    if len(line) > CONTAINERS and line.count(b'{') + line.count(b'[') > CONTAINERS:
        raise BadLine('it sent more than 20000 lists and objects in one message')
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadLine('it sent a line that is not JSON') from None


def error_in(answer: Message) -> RpcError | None:
    """The error of an answer, made from whatever stands there."""
    if 'error' not in answer:
        return None
    error = answer['error'] if type(answer['error']) is dict else {}
    code, text = error.get('code'), error.get('message')
    return RpcError(code if type(code) is int else 0, text if type(text) is str else '', error.get('data'))
