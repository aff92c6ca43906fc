"""What a JSON Schema says of a form: kinds of fields, which are asked for now, where a problem belongs. Pure."""
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

Schema = Mapping[str, Any]

FORMATS = {'password': 'secret', 'point': 'point', 'glob': 'glob'}
SIMPLE = {'string': 'text', 'integer': 'integer', 'number': 'number', 'boolean': 'switch'}
TOO_MUCH = frozenset((
    '$ref', '$dynamicRef', 'oneOf', 'anyOf', 'not', 'patternProperties', 'propertyNames', 'dependentSchemas',
    'dependentRequired', 'prefixItems', 'contains', 'unevaluatedProperties', 'unevaluatedItems',
))  # fmt: skip
MOST_DEPTH = 8


class Missing:
    """Stands for a value that is not there, which is another thing than null."""


MISSING: Final = Missing()


def kind_of(schema: Any, depth: int = 0) -> str:
    """const, choice, secret, point, glob, text, integer, number, switch, object, list; json for all else."""
    if not isinstance(schema, Mapping) or TOO_MUCH & schema.keys() or depth > MOST_DEPTH:
        return 'json'
    if 'const' in schema:
        return 'const'
    if isinstance(schema.get('enum'), Sequence) and schema['enum']:
        return 'choice'
    kind = schema.get('type')
    if kind == 'string':
        return FORMATS.get(str(schema.get('format')), 'text')
    if kind == 'object' and isinstance(schema.get('properties'), Mapping):
        return 'object'
    if kind == 'array' and isinstance(schema.get('items'), Mapping):
        return 'list'
    return SIMPLE.get(str(kind), 'json') if isinstance(kind, str) else 'json'


def title_of(name: str, schema: Any) -> str:
    """What a field is called."""
    title = schema.get('title') if isinstance(schema, Mapping) else None
    return str(title) if title else name.replace('_', ' ').strip().capitalize() or name


def hint_of(schema: Any) -> str:
    return str(schema.get('description') or '') if isinstance(schema, Mapping) else ''


def bounds_of(schema: Schema) -> tuple[float | None, float | None]:
    """Least and most of a number; None is open."""
    low, high = number_of(schema, 'minimum'), number_of(schema, 'maximum')
    if schema.get('type') == 'integer':
        return (None if low is None else math.ceil(low)), (None if high is None else math.floor(high))
    return low, high


def number_of(schema: Schema, key: str) -> float | None:
    value = schema.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def count_of(schema: Schema, key: str, otherwise: int) -> int:
    """A length or a number of entries."""
    value = schema.get(key)
    return value if type(value) is int and value >= 0 else otherwise


class Rule(NamedTuple):
    """What is asked for besides when fields have certain values, and else."""

    wanted: Mapping[str, Any]
    then: Schema
    otherwise: Schema

    def holds(self, values: Mapping[str, Any]) -> bool:
        return all(same(values.get(name, MISSING), value) for name, value in self.wanted.items())


def same(one: Any, other: Any) -> bool:
    """As JSON has it: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def rules_of(schema: Schema) -> list[Rule]:
    """Its own if, and those in allOf."""
    parts = [schema, *(part for part in _list(schema.get('allOf')) if isinstance(part, Mapping))]
    return [rule for part in parts if (rule := _rule(part)) is not None]


def _rule(part: Schema) -> Rule | None:
    asked = part.get('if')
    tests = asked.get('properties') if isinstance(asked, Mapping) else None
    if not isinstance(tests, Mapping):
        return None
    wanted = {name: test['const'] for name, test in tests.items() if isinstance(test, Mapping) and 'const' in test}
    return Rule(wanted, _object(part.get('then')), _object(part.get('else'))) if len(wanted) == len(tests) else None


class Asked(NamedTuple):
    """The fields of an object as they are asked for now."""

    names: frozenset[str]
    required: frozenset[str]


def asked_of(schema: Schema, values: Mapping[str, Any]) -> Asked:
    """With these values."""
    names, required = set(_object(schema.get('properties'))), set(_names(schema.get('required')))
    for rule in rules_of(schema):
        branch = rule.then if rule.holds(values) else rule.otherwise
        names |= set(_object(branch.get('properties')))
        required |= set(_names(branch.get('required')))
    return Asked(frozenset(names), frozenset(required & names))


def fields_of(schema: Schema) -> Iterator[tuple[str, Any]]:
    """All that may ever be asked for, in order: what depends on a field follows it."""
    rules, given = rules_of(schema), _object(schema.get('properties'))
    seen = set(given)
    for name, field in given.items():
        yield name, field
        for rule in rules:
            if name in list(rule.wanted)[-1:]:
                for branch in (rule.then, rule.otherwise):
                    for more, its in _object(branch.get('properties')).items():
                        if more not in seen:
                            seen.add(more)
                            yield more, its


def default_of(schema: Any) -> Any:
    """MISSING where there is none."""
    return schema.get('default', MISSING) if isinstance(schema, Mapping) else MISSING


def parts_of(path: Any) -> tuple[str, ...]:
    """Of a place such as `devices.0.host`, `devices[0].host` or its parts."""
    if isinstance(path, str):
        return tuple(part for part in path.replace('[', '.').replace(']', '').replace('/', '.').split('.') if part)
    return tuple(str(part) for part in path)


def key_of(value: Any) -> str:
    """A choice's value as a key that nothing else has."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def word_of(value: Any) -> str:
    """A choice's value as it is shown."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _object(value: Any) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]
