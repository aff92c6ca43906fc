"""Reading a TOML file that people edit by hand, and saying in one line what is wrong with it."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from edgeos.toml_text import BOM, key_text

MAX_BYTES = 1024 * 1024
SECRET_WORDS = re.compile(r'passw|secret|token|hash|dsn|(^|_)(key|pin)$', re.IGNORECASE)
POSITION = re.compile(r' \(at (?:line (\d+), column (\d+)|end of document)\)$')

EXPECTED = {
    'string_type': 'text in quotes',
    'int_type': 'a whole number',
    'int_from_float': 'a whole number',
    'float_type': 'a number',
    'bool_type': 'true or false',
    'list_type': 'a list',
    'dict_type': 'a table',
    'model_type': 'a table',
    'missing': 'a value',
    'finite_number': 'a finite number',
    'greater_than_equal': 'at least {ge}',
    'greater_than': 'more than {gt}',
    'less_than_equal': 'at most {le}',
    'less_than': 'less than {lt}',
    'string_too_short': 'at least {min_length} character(s)',
    'string_too_long': 'at most {max_length} characters',
    'too_short': 'at least {min_length} item(s)',
    'too_long': 'at most {max_length} items',
    'string_pattern_mismatch': 'text like {pattern}',
    'literal_error': '{expected}',
}


class SettingsError(Exception):
    """Raised when a settings file cannot be used or changed; the text is one line naming file, key and expectation."""

    def __init__(self, text: str) -> None:
        super().__init__(_visible(' '.join(text.split())))


def read_text(path: Path) -> str:
    """The file's text with its line ends and a byte order mark, if any, as they are. Raises SettingsError."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            found = 'a folder' if stat.S_ISDIR(status.st_mode) else 'something else'
            raise SettingsError(f'{path}: expected a file, got {found}')
        with path.open('rb') as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f'{path}: expected a readable file, got: {reason}') from error
    return decode(path, data)


def decode(path: Path, data: bytes) -> str:
    """Raises SettingsError when the bytes are too many or no UTF-8."""
    if len(data) > MAX_BYTES:
        raise SettingsError(f'{path}: expected at most 1 MiB, got more')
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b'\n') + 1, len(before) - before.rfind(b'\n')
        got = f'the byte 0x{data[error.start]:02x}'
        raise SettingsError(f'{path}: line {line}, column {column}: expected UTF-8 text, got {got}') from error


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Raises SettingsError naming line and column."""
    text = text.removeprefix(BOM)
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number of too many digits
        raise SettingsError(f'{path}: {_place(text, str(error))}') from error
    except RecursionError as error:
        raise SettingsError(f'{path}: expected less than some hundred levels of nested lists') from error


def _place(text: str, message: str) -> str:
    """Turns tomllib's 'Message (at line 1, column 2)' around; what it found instead of TOML may be its whole text."""
    position = POSITION.search(message)
    if not position:
        return f'expected TOML, got: {_visible(message)}'
    line, column = position[1], position[2]
    if not line:
        line, column = str(text.count('\n') + 1), str(len(text) - text.rfind('\n'))
    found = _visible(message[: position.start()])
    what = found[0].lower() + found[1:]
    return f'line {line}, column {column}: {what if what.startswith("expected") else f"expected TOML, got: {what}"}'


def explain(
    path: Path,
    error: ValidationError,
    model: type[BaseModel],
    data: Mapping[str, Any],
    prefix: tuple[str | int, ...] = (),
) -> SettingsError:
    """The first of pydantic's findings in `data`, as one line; `prefix` is where the model's own data is in it."""
    findings = error.errors(include_url=False)
    first = findings[0]
    place = (*prefix, *first['loc'])
    where = f'{path}: {key_path(place, data)}'
    more = f' (and {len(findings) - 1} more)' if len(findings) > 1 else ''
    if first['type'] == 'extra_forbidden':
        return SettingsError(f'{where}: expected {_known_keys(model, first["loc"])}, got an unknown key{more}')
    got = 'nothing' if first['type'] == 'missing' else short(first['input'], place)
    return SettingsError(f'{where}: {_expectation(first)}, got {got}{more}')


def key_path(place: Sequence[str | int], data: Mapping[str, Any]) -> str:
    """`connections[0].config.port (connection "plc_001")`."""
    text = ''.join(f'[{part}]' if isinstance(part, int) else f'.{key_text(part)}' for part in place).lstrip('.')
    if len(place) < 2 or place[0] not in ('connections', 'routes') or not isinstance(place[1], int):
        return text
    entries = data.get(place[0])
    entry = entries[place[1]] if isinstance(entries, list) and place[1] < len(entries) else None
    owner = entry.get('id') if isinstance(entry, Mapping) else None
    return f'{text} ({place[0].removesuffix("s")} "{_visible(owner)[:63]}")' if isinstance(owner, str) else text


def short(value: object, place: Sequence[str | int] = ()) -> str:
    """A value in a few characters; what may be a secret is not shown."""
    if any(isinstance(part, str) and SECRET_WORDS.search(part) for part in place):
        return 'something else'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return 'a table' if isinstance(value, dict) else 'a list'
    if isinstance(value, str | int | float):
        text = repr(value[:80]) if isinstance(value, str) else _number(value)
        return text if len(text) <= 40 else f'{text[:36]}…'
    return f'a {type(value).__name__}'


def _number(value: float) -> str:
    return 'a huge number' if isinstance(value, int) and value.bit_length() > 200 else repr(value)


def _expectation(finding: Any) -> str:
    if finding['type'] in EXPECTED:
        return f'expected {EXPECTED[finding["type"]].format(**finding.get("ctx", {}))}'
    message = finding['msg'].removeprefix('Value error, ').removeprefix('Input should be ')
    return _visible(message if message.startswith('expected ') else f'expected {message}')


def _known_keys(model: type[BaseModel], location: tuple[str | int, ...]) -> str:
    name = str(location[-1])
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            models = [item for item in (annotation, *get_args(annotation)) if _is_model(item)]
            model = models[0] if models else BaseModel
    if SECRET_WORDS.search(name):
        return 'no such key here (secrets are entered on the page or kept in secrets.toml)'
    keys = [str(item.validation_alias or key) for key, item in model.model_fields.items()]
    return f'one of {", ".join(keys)}' if keys else 'no such key'


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _visible(text: str) -> str:
    return ''.join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
