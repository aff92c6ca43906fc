"""What can go wrong, one tree; and the numbers it has on the wire."""

from typing import Any

INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
PERMISSION_DENIED = -32001
WRITE_FAILED = -32002
LIMIT_REACHED = -32003
UNKNOWN = -32004
BAD_CONFIG = -32010
GONE = -32099  # never on the wire


class PluginError(Exception):
    """Raised when the app refuses a call; `code` is its JSON-RPC number."""

    code = INTERNAL


class PermissionDenied(PluginError):
    """Raised when the plugin lacks the permission the message names: plugin.json asks for it, the owner grants it."""

    code = PERMISSION_DENIED


class WriteFailed(PluginError):
    """Raised when a point could not be written; raise it in `on_write` when yours could not."""

    code = WRITE_FAILED


class LimitReached(PluginError):
    """Raised when the plugin has too much of something: points, subscriptions, storage."""

    code = LIMIT_REACHED


class UnknownPoint(PluginError, LookupError):
    """Raised when there is no point with that id (yet)."""

    code = UNKNOWN


class Disconnected(PluginError, ConnectionError):
    """Raised when the app is gone; the plugin is about to end."""

    code = GONE


class ConfigError(PluginError, ValueError):
    """Raise it in `start` or `on_config` when the configuration cannot be used; the message is for the owner.

    The plugin then ends and is not started again until the owner has changed something.
    """

    code = BAD_CONFIG


_BY_CODE: dict[int, type[PluginError]] = {
    kind.code: kind for kind in (PermissionDenied, WriteFailed, LimitReached, UnknownPoint, ConfigError, Disconnected)
}


def error_of(answer: dict[str, Any]) -> PluginError:
    """The exception for the `error` of an answer."""
    code = answer.get('code', INTERNAL)
    error = _BY_CODE.get(code, PluginError)(str(answer.get('message', '')))
    error.code = code
    return error
