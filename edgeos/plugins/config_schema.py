"""The JSON Schema of a plugin's configuration: only what the form on the page can show."""
import math
import re
from collections.abc import Iterator
from typing import Any

from edgeos.plugins.config_check import pattern_problem
from edgeos.plugins.errors import BadPackage
from edgeos.plugins.findings import BadJson, Finding, read_object

MOST_BYTES = 256 * 1024
MOST_DEPTH = 6
MOST_FIELDS = 200  # of one object
FORMATS = ('password', 'uri', 'point', 'glob')
TYPES = ('string', 'integer', 'number', 'boolean', 'array', 'object')
_ALWAYS = {'type', 'title', 'description', 'default', 'enum', 'const'}
_NUMBER = {'minimum', 'maximum'}
_OF = {
    'string': {'minLength', 'maxLength', 'pattern', 'format'},
    'integer': _NUMBER,
    'number': _NUMBER,
    'boolean': set[str](),
    'array': {'items', 'minItems', 'maxItems'},
    'object': {'properties', 'required', 'additionalProperties', 'if', 'then', 'else'},
}
_TOP = {'$schema', '$id', '$comment', 'translations'}
MOST_LANGUAGES = 50
LANGUAGE = r'[a-z]{2}'
_PARTS = ('items', 'then', 'else')
_COUNTS = ('minLength', 'maxLength', 'minItems', 'maxItems')

Found = tuple[str, str]


class BadSchema(BadPackage):
    """Raised for a schema that the form cannot show."""


def read_schema(data: bytes, file: str) -> dict[str, Any]:
    """Raises BadSchema for the first thing that is wrong."""
    found = schema_findings(data, file)
    if found:
        raise BadSchema(str(found[0]) + (f' (and {len(found) - 1} more)' if len(found) > 1 else ''))
    return read_object(data, MOST_BYTES)


def schema_findings(data: bytes, file: str) -> list[Finding]:
    """Everything in it that the form cannot show."""
    try:
        schema = read_object(data, MOST_BYTES)
    except BadJson as error:
        return [Finding(file, '', str(error))]
    if schema.get('type') != 'object':
        return [Finding(file, 'type', 'expected "object"')]
    found = [*_object(schema, '', 0, _TOP), *_translations(schema)]
    return [Finding(file, key, message) for key, message in found]


def texts_of(schema: Any) -> set[str]:
    """What the form shows of it: titles, descriptions and choices. Takes a schema that may still be wrong."""
    if isinstance(schema, list):
        return {text for part in schema for text in texts_of(part)}
    if not isinstance(schema, dict):
        return set()
    own = [schema.get('title'), schema.get('description'), *_list(schema.get('enum'))]
    fields = schema.get('properties')
    parts = [*(fields.values() if isinstance(fields, dict) else ()), *(schema.get(word) for word in _PARTS)]
    return {text for text in own if isinstance(text, str)} | texts_of(parts)


def _translations(schema: dict[str, Any]) -> Iterator[Found]:
    """What the texts are called in other languages: `{"de": {"Point": "Wert"}}`."""
    found = schema.get('translations', {})
    if not isinstance(found, dict) or len(found) > MOST_LANGUAGES:
        yield 'translations', f'expected an object of at most {MOST_LANGUAGES} languages'
        return
    texts = texts_of(schema)
    for language, words in found.items():
        at = f'translations.{language[:20]}'
        if not re.fullmatch(LANGUAGE, language):
            yield 'translations', f'expected languages of two small letters, got {language[:20]!r}'
        elif not isinstance(words, dict) or not all(isinstance(word, str) and len(word) <= 1000
                                                    for word in words.values()):  # fmt: skip
            yield at, 'expected an object of texts of at most 1000 characters'
        else:
            yield from ((at, f'names {text[:80]!r}, which is no title, description or choice')
                        for text in words if text not in texts)  # fmt: skip


def _field(schema: Any, at: str, depth: int) -> Iterator[Found]:
    if not isinstance(schema, dict):
        yield at, 'expected an object'
    elif depth > MOST_DEPTH:
        yield at, f'is nested deeper than {MOST_DEPTH} levels'
    elif schema.get('type') not in TYPES:
        yield _join(at, 'type'), f'expected one of {", ".join(TYPES)}'
    elif schema['type'] == 'object':
        yield from _object(schema, at, depth)
    else:
        yield from _keywords(schema, at)
        if schema['type'] == 'array':
            yield from _field(schema.get('items'), _join(at, 'items'), depth + 1)


def _object(schema: dict[str, Any], at: str, depth: int, extra: set[str] | None = None) -> Iterator[Found]:
    yield from _keywords(schema, at, extra)
    fields = schema.get('properties', {})
    yield from _fields(fields, _join(at, 'properties'), depth)
    names = fields if isinstance(fields, dict) else {}
    yield from _required(schema.get('required', []), names, _join(at, 'required'))
    if not isinstance(schema.get('additionalProperties', False), bool):
        yield _join(at, 'additionalProperties'), 'expected true or false'
    yield from _condition(schema, names, at, depth)


def _fields(fields: Any, at: str, depth: int) -> Iterator[Found]:
    if not isinstance(fields, dict) or len(fields) > MOST_FIELDS:
        yield at, f'expected an object of at most {MOST_FIELDS} fields'
        return
    for name, field in fields.items():
        if not 0 < len(name) <= 64 or not name.isprintable():
            yield at, 'expected names of 1 to 64 characters'
        yield from _field(field, _join(at, name), depth + 1)


def _required(required: Any, names: dict[str, Any], at: str) -> Iterator[Found]:
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield at, 'expected a list of names'
        return
    yield from ((at, f'names {name!r}, which is no field') for name in required if name not in names)


def _condition(schema: dict[str, Any], names: dict[str, Any], at: str, depth: int) -> Iterator[Found]:
    """`if` may ask only whether fields beside it have certain values."""
    if 'if' not in schema:
        yield from ((_join(at, word), 'stands without if') for word in ('then', 'else') if word in schema)
        return
    asked = schema['if'].get('properties') if isinstance(schema['if'], dict) else None
    if not isinstance(asked, dict) or not asked or set(schema['if']) - {'properties', 'required'}:
        yield _join(at, 'if'), 'expected {"properties": {"<field>": {"const": …}}}'
        return
    for name, test in asked.items():
        if name not in names:
            yield _join(at, 'if.properties'), f'names {name!r}, which is no field'
        if not isinstance(test, dict) or set(test) != {'const'} or isinstance(test['const'], dict | list):
            yield _join(at, f'if.properties.{name}'), 'expected {"const": …} with a plain value'
    for word in ('then', 'else'):
        if word in schema:
            yield from _branch(schema[word], names, _join(at, word), depth)


def _branch(branch: Any, names: dict[str, Any], at: str, depth: int) -> Iterator[Found]:
    if not isinstance(branch, dict) or set(branch) - {'properties', 'required'}:
        yield at, 'expected an object with properties and required only'
        return
    fields = branch.get('properties', {})
    yield from _fields(fields, _join(at, 'properties'), depth)
    known = {**names, **(fields if isinstance(fields, dict) else {})}
    yield from _required(branch.get('required', []), known, _join(at, 'required'))


def _keywords(schema: dict[str, Any], at: str, extra: set[str] | None = None) -> Iterator[Found]:
    kind = schema['type']
    for word in schema:
        if word not in _ALWAYS | _OF[kind] | (extra or set()):
            yield _join(at, word), f'the form cannot show this for a field of type {kind}'
    for word in ('title', 'description'):
        if word in schema and not (isinstance(schema[word], str) and len(schema[word]) <= 1000):
            yield _join(at, word), 'expected a text of at most 1000 characters'
    for word in _COUNTS:
        if word in schema and not (type(schema[word]) is int and 0 <= schema[word] < 2**31):
            yield _join(at, word), 'expected a whole number'
    for word in _NUMBER:
        if word in schema and not (type(schema[word]) in (int, float) and math.isfinite(schema[word])):
            yield _join(at, word), 'expected a number'
    yield from _texts(schema, at)
    yield from _values(schema, at)


def _texts(schema: dict[str, Any], at: str) -> Iterator[Found]:
    if 'format' in schema and schema['format'] not in FORMATS:
        yield _join(at, 'format'), f'expected one of {", ".join(FORMATS)}'
    if 'pattern' not in schema:
        return
    pattern = schema['pattern']
    if not isinstance(pattern, str) or len(pattern) > 200:
        yield _join(at, 'pattern'), 'expected a text of at most 200 characters'
    elif problem := pattern_problem(pattern):
        yield _join(at, 'pattern'), problem


def _values(schema: dict[str, Any], at: str) -> Iterator[Found]:
    """The values it names are of its own type."""
    choices = schema.get('enum')
    if 'enum' in schema and (not isinstance(choices, list) or not 0 < len(choices) <= MOST_FIELDS):
        yield _join(at, 'enum'), f'expected a list of 1 to {MOST_FIELDS} values'
    elif isinstance(choices, list) and not all(_is_of(value, schema['type']) for value in choices):
        yield _join(at, 'enum'), f'expected values of type {schema["type"]}'
    for word in ('default', 'const'):
        if word in schema and not _is_of(schema[word], schema['type']):
            yield _join(at, word), f'expected a value of type {schema["type"]}'
    if schema.get('format') == 'password' and schema.get('default'):
        yield _join(at, 'default'), 'a secret has no default: everybody would know it'


def _is_of(value: Any, kind: str) -> bool:
    if kind == 'number':
        return type(value) in (int, float)
    if kind == 'integer':
        return type(value) is int or (type(value) is float and value.is_integer())
    return type(value) is {'string': str, 'boolean': bool, 'array': list, 'object': dict}[kind]


def _join(at: str, word: str) -> str:
    return f'{at}.{word}' if at else word


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
