"""A configuration against its schema: what is wrong, what is filled in, which fields there are just now. Pure.

The schema is one that `config_schema.read_schema` has let through.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from edgeos.plugins.phrase import Phrase

Schema = Mapping[str, Any]
Place = tuple[str, ...]
Problem = tuple[Place, str]  # ('devices', '0', 'host'), 'expected …' as a phrase

MOST_BYTES = 64 * 1024
MOST_CHARACTERS = 10_000  # of a text whose schema says nothing
MOST_ID = 512
KINDS = {'string': Phrase('a text'), 'integer': Phrase('a whole number'), 'number': Phrase('a number'),
         'boolean': Phrase('true or false'), 'array': Phrase('a list'), 'object': Phrase('an object')}  # fmt: skip
TYPES = {'string': str, 'boolean': bool, 'array': list, 'object': dict}
_URI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/?#][^\s]*')
_FORMATS: dict[str, tuple[Callable[[str], object], str]] = {
    'uri': (_URI.fullmatch, Phrase('an address, such as https://example.org/path')),
    'point': (lambda text: _is_id(text) and '/' in text.strip('/'),
              Phrase('the id of a point, such as plc_001/MAIN.fTemperature')),
    'glob': (lambda text: _is_id(text), Phrase('a pattern of point ids, such as plc_001/MAIN.*')),
}  # fmt: skip


class Secret(str):
    """The name under which a secret is kept; stands in a configuration in place of the secret and needs no check."""

    __slots__ = ()


def problems(schema: Schema, config: object) -> list[Problem]:
    """Everything that is wrong; no message shows a value. Takes a configuration with its defaults filled in."""
    if not isinstance(config, dict):
        return [((), _expected(KINDS['object']))]
    try:
        size = len(json.dumps(config, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        return [((), _expected(Phrase('JSON without infinite numbers')))]
    if size > MOST_BYTES:
        return [((), Phrase('expected at most {most} kB, got {size}', most=MOST_BYTES >> 10, size=size >> 10))]
    return list(_object(schema, config, ()))


def filled(schema: Schema, config: Mapping[str, Any]) -> dict[str, Any]:
    """With defaults, and without nulls and without fields that do not count at present."""
    given = {name: value for name, value in config.items() if value is not None}
    result = _with_defaults(schema.get('properties', {}), schema.get('required', ()), given)
    branch = _branch(schema, result)
    result |= _with_defaults(branch.get('properties', {}), branch.get('required', ()), {**given, **result})
    active, idle = active_fields(schema, result), known_fields(schema)
    kept = {name: value for name, value in given.items() if name not in idle}
    return {name: value for name, value in result.items() if name in active} | kept


def active_fields(schema: Schema, config: Mapping[str, Any]) -> dict[str, Schema]:
    """The fields that count with these values, in order: the form shows them."""
    branch = _branch(schema, config)
    return {**schema.get('properties', {}), **branch.get('properties', {})}


def required_fields(schema: Schema, config: Mapping[str, Any]) -> list[str]:
    """Those of them that need a value."""
    return [*schema.get('required', ()), *_branch(schema, config).get('required', ())]


def known_fields(schema: Schema) -> dict[str, Schema]:
    """All there can be, whatever the values; what may be a secret is one."""
    parts = [part.get('properties', {}) for part in (schema.get('else', {}), schema.get('then', {}), schema)]
    fields = [item for part in parts for item in part.items()]
    return dict(sorted(fields, key=lambda item: is_secret(item[1])))


def is_secret(schema: Schema) -> bool:
    """Whether a field holds a password or the like."""
    return schema.get('type') == 'string' and schema.get('format') == 'password'


def _branch(schema: Schema, config: Mapping[str, Any]) -> Schema:
    """A field without a value has none of the values that are asked for."""
    if 'if' not in schema:
        return {}
    asked = schema['if']['properties'].items()
    holds = all(name in config and _same(config[name], test['const']) for name, test in asked)
    branch: Schema = schema.get('then' if holds else 'else', {})
    return branch


def _with_defaults(fields: Schema, required: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, field in fields.items():
        if name in given:
            found[name] = _inner(field, given[name])
        elif 'default' in field:
            found[name] = _inner(field, field['default'])
        elif field['type'] == 'object':
            empty = filled(field, {})
            if name in required or (empty and not any(_object(field, empty, ()))):
                found[name] = empty
    return found


def _inner(field: Schema, value: Any) -> Any:
    if field['type'] == 'object' and isinstance(value, dict):
        return filled(field, value)
    if field['type'] == 'array' and isinstance(value, list):
        return [_inner(field['items'], item) for item in value]
    if field['type'] == 'integer' and type(value) is float and value.is_integer():
        return int(value)
    return value


def _object(schema: Schema, config: dict[str, Any], place: Place) -> Iterator[Problem]:
    required, fields = required_fields(schema, config), active_fields(schema, config)
    for name, field in fields.items():
        is_empty = name not in config or config[name] == ''
        if is_empty and name in required:
            yield (*place, name), _expected(Phrase('a value'))
        elif not is_empty:
            yield from _field(field, config[name], (*place, name))
        elif name in config and field['type'] != 'string':
            yield (*place, name), _expected(KINDS[field['type']])
    if schema.get('additionalProperties') is not True:
        yield from (((*place, str(name)[:64]), Phrase('is not known')) for name in config if name not in fields)


def _field(schema: Schema, value: Any, place: Place) -> Iterator[Problem]:
    if isinstance(value, Secret) and is_secret(schema):
        return
    kind = schema['type']
    if not _is_of(value, kind):
        yield place, _expected(KINDS[kind])
        return
    if 'enum' in schema and not any(_same(value, choice) for choice in schema['enum']):
        yield place, _expected(Phrase('one of {choices}', choices=_listed(schema['enum'])))
    if 'const' in schema and not _same(value, schema['const']):
        yield place, _expected(_listed([schema['const']]))
    yield from ((place, _expected(text)) for text in _expectations(schema, value))
    if kind == 'object':
        yield from _object(schema, value, place)
    elif kind == 'array':
        for number, item in enumerate(value):
            yield from _field(schema['items'], item, (*place, str(number)))


def _expectations(schema: Schema, value: Any) -> Iterator[str]:
    """What its limits ask for and it does not keep."""
    if isinstance(value, str):
        yield from _of_text(schema, value)
    elif isinstance(value, list):
        if len(value) < (least := schema.get('minItems', 0)):
            yield Phrase('at least {count} entries' if least > 1 else 'at least one entry', count=least)
        if len(value) > (most := schema.get('maxItems', MOST_CHARACTERS)):
            yield Phrase('at most {count} entries' if most > 1 else 'at most one entry', count=most)
    elif isinstance(value, int | float):
        if value < schema.get('minimum', -math.inf):
            yield Phrase('at least {limit}', limit=f'{schema["minimum"]:g}')
        if value > schema.get('maximum', math.inf):
            yield Phrase('at most {limit}', limit=f'{schema["maximum"]:g}')


def _of_text(schema: Schema, value: str) -> Iterator[str]:
    if len(value) < (least := schema.get('minLength', 0)):
        yield Phrase('at least {count} characters', count=least)
    if len(value) > (most := min(MOST_CHARACTERS, schema.get('maxLength', MOST_CHARACTERS))):
        yield Phrase('at most {count} characters', count=most)
        return
    if not _is_unicode(value):
        yield Phrase('a text that can be written')
        return
    if (pattern := schema.get('pattern')) and not _fits(pattern, value):
        yield Phrase('a text like {pattern}', pattern=pattern)
    is_right, what = _FORMATS.get(schema.get('format', ''), (bool, ''))
    if what and not is_right(value):
        yield what


def _expected(what: str) -> Phrase:
    return Phrase('expected {what}', what=what)


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern cannot be checked here; None when it can."""
    return None if _validator(pattern) else 'expected a regular expression without look-around and back references'


def _fits(pattern: str, text: str) -> bool:
    validator = _validator(pattern)
    if validator is None:
        return True
    try:
        validator.validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=256)
def _validator(pattern: str) -> SchemaValidator | None:
    """Pydantic's engine takes time that grows with the text only, whatever the pattern; Python's can take for ever.

    As in JSON Schema, letters and digits are those of ASCII, as far as the engine can say so.
    """
    for form in (f'(?-u:{pattern})', pattern):
        try:
            return SchemaValidator(core_schema.str_schema(pattern=form))
        except SchemaError:
            continue
    return None


def _is_of(value: Any, kind: str) -> bool:
    if kind in ('integer', 'number'):
        return type(value) is int or (type(value) is float and (kind == 'number' or value.is_integer()))
    return isinstance(value, TYPES[kind])


def _same(value: Any, other: Any) -> bool:
    """1 is 1.0 and not true."""
    return bool(isinstance(value, bool) == isinstance(other, bool) and value == other)


def _listed(choices: list[Any]) -> str:
    texts = [choice if isinstance(choice, str) else json.dumps(choice) for choice in choices]
    return ', '.join(texts[:10]) + (' …' if len(texts) > 10 else '')


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MOST_ID and text.isprintable()


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
