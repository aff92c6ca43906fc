"""Reading other people's JSON, and saying in one line what is wrong with it."""
import contextlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from edgeos.plugins.errors import BadPackage
from edgeos.plugins.phrase import Phrase, at_place
from edgeos.settings_file import EXPECTED, key_path, short

_JSON = {'dict_type': 'an object', 'model_type': 'an object', 'string_type': 'a text', 'list_type': 'a list',
         'tuple_type': 'a list'}  # fmt: skip


class BadJson(BadPackage):
    """Raised for what is no JSON, or more of it than is read."""


class Finding(NamedTuple):
    """`file` is its name in the package, `key` the place in it, '' for the whole."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return str(self.phrase)

    @property
    def phrase(self) -> str:
        """As one text, as far as it can be said in another language."""
        return at_place(self.message, self.file, self.key)


def read_json(data: bytes, most: int) -> Any:
    """At most `most` bytes, UTF-8, no NaN, at most 1024 levels deep. Raises BadJson. Blocks when it is much."""
    if len(data) > most:
        raise BadJson(Phrase('expected at most {most} bytes, got {count}', most=most, count=len(data)))
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadJson(Phrase('expected JSON, got: {error}', error=error)) from None


def read_object(data: bytes, most: int) -> dict[str, Any]:
    """The same where only an object will do."""
    found = read_json(data, most)
    if not isinstance(found, dict):
        raise BadJson(Phrase('expected an object, got {text}', text=short(found)))
    return found


def read_manifest_object(data: bytes, most: int) -> dict[str, Any]:
    """The same where no key may be there twice: one reader would take the first, another the last."""
    found = read_object(data, most)
    with contextlib.suppress(RecursionError):  # whoever reads it next refuses what is so deep
        json.loads(data, object_pairs_hook=_each_once)
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _value in pairs:
        if key in seen:
            raise BadJson(Phrase('{key} is there twice', key=short(key)))
        seen.add(key)


def explain(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Each of pydantic's findings: key and what was expected."""
    for finding in error.errors(include_url=False, include_context=True):
        place = finding['loc']
        if finding['type'] == 'extra_forbidden':
            yield key_path(place, {}), 'is not known here'
            continue
        if finding['type'] == 'json_invalid':  # it was read before, so only the depth can be wrong
            yield '', 'is nested too deep'
            continue
        got = 'nothing' if finding['type'] == 'missing' else short(finding['input'])
        expected = _expectation(finding)
        yield key_path(place, {}), expected if ', got ' in expected else f'{expected}, got {got}'


def _expectation(finding: Any) -> str:
    known = {**EXPECTED, **_JSON}.get(finding['type'])
    if known is not None:
        limits = {key: f'{value:g}' if isinstance(value, float) else value
                  for key, value in finding.get('ctx', {}).items()}  # fmt: skip
        return f'expected {known.format(**limits)}'
    message = str(finding['msg']).removeprefix('Value error, ').removeprefix('Input should be ')
    return message if message.startswith('expected ') else f'expected {message}'
