"""Schemas of configurations."""
import json

import pytest

from edgeos.plugins.config_schema import BadSchema, read_schema, schema_findings

GOOD = {
    '$schema': 'https://json-schema.org/draft/2020-12/schema', 'type': 'object', 'title': 'T', 'description': 'D', 'additionalProperties': False,
    'required': ['host', 'mode'],
    'properties': {
        'host': {'type': 'string', 'minLength': 1, 'maxLength': 200, 'pattern': '^[a-z.]+$', 'default': 'localhost'},
        'port': {'type': 'integer', 'minimum': 1, 'maximum': 65535, 'default': 502},
        'scale': {'type': 'number', 'default': 1},
        'on': {'type': 'boolean', 'const': True},
        'password': {'type': 'string', 'format': 'password'},
        'mode': {'type': 'string', 'enum': ['a', 'b']},
        'points': {'type': 'array', 'minItems': 1, 'maxItems': 10, 'items': {'type': 'string', 'format': 'point'}},
        'rules': {'type': 'array', 'items': {'type': 'object', 'properties': {'name': {'type': 'string'}}, 'required': ['name']}},
        'more': {'type': 'object', 'properties': {'url': {'type': 'string', 'format': 'uri'}}},
    },
    'if': {'properties': {'mode': {'const': 'a'}}}, 'then': {'required': ['port']}, 'else': {'properties': {'extra': {'type': 'string'}}, 'required': ['extra']},
}  # fmt: skip


def keys(schema: object) -> dict[str, str]:
    return {finding.key: finding.message for finding in schema_findings(json.dumps(schema).encode(), 's.json')}


def test_what_the_form_can_show_is_taken():
    assert read_schema(json.dumps(GOOD).encode(), 's.json') == GOOD


@pytest.mark.parametrize(('field', 'key', 'message'), [
    ({'type': 'string', 'oneOf': []}, 'properties.x.oneOf', 'the form cannot show this for a field of type string'),
    ({'$ref': '#/x'}, 'properties.x.type', 'expected one of'), ({'type': ['string', 'null']}, 'properties.x.type', 'expected one of'),
    ({'type': 'null'}, 'properties.x.type', 'expected one of'), (5, 'properties.x', 'expected an object'),
    ({'type': 'integer', 'multipleOf': 2}, 'properties.x.multipleOf', 'cannot show'), ({'type': 'string', 'minimum': 2}, 'properties.x.minimum', 'cannot show'),
    ({'type': 'string', 'format': 'date'}, 'properties.x.format', 'expected one of password, uri, point, glob'),
    ({'type': 'string', 'pattern': '('}, 'properties.x.pattern', 'expected a regular expression'), ({'type': 'string', 'pattern': 5}, 'properties.x.pattern', 'expected a text'),
    ({'type': 'string', 'pattern': '(?=x)y'}, 'properties.x.pattern', 'without look-around'), ({'type': 'string', 'pattern': r'((\w{50}){50}){50}'}, 'properties.x.pattern', 'regular expression'),
    ({'type': 'string', 'default': 5}, 'properties.x.default', 'expected a value of type string'), ({'type': 'integer', 'default': True}, 'properties.x.default', 'expected a value'),
    ({'type': 'string', 'enum': []}, 'properties.x.enum', 'expected a list of 1'), ({'type': 'string', 'enum': [1]}, 'properties.x.enum', 'expected values of type'),
    ({'type': 'string', 'format': 'password', 'default': 'x'}, 'properties.x.default', 'a secret has no default'),
    ({'type': 'array'}, 'properties.x.items', 'expected an object'), ({'type': 'string', 'minLength': -1}, 'properties.x.minLength', 'whole number'),
    ({'type': 'string', 'title': 5}, 'properties.x.title', 'expected a text'), ({'type': 'object', 'properties': []}, 'properties.x.properties', 'expected an object'),
    ({'type': 'object', 'required': ['y']}, 'properties.x.required', "names 'y', which is no field"), ({'type': 'object', 'then': {}}, 'properties.x.then', 'without if'),
    ({'type': 'object', 'if': {'properties': {'y': {'const': 1}}}}, 'properties.x.if.properties', 'no field'),
    ({'type': 'object', 'properties': {'y': {'type': 'string'}}, 'if': {'properties': {'y': {'minLength': 1}}}}, 'properties.x.if.properties.y', 'expected {"const"'),
])  # fmt: skip
def test_what_it_cannot_show_is_named(field, key, message):
    found = keys({'type': 'object', 'properties': {'x': field}})
    assert message in found.get(key, ''), found


@pytest.mark.parametrize(('data', 'message'), [
    (b'', 'expected JSON'), (b'[]', 'expected an object'), (b'{"type":"string"}', 'expected "object"'), (b'{' + b' ' * 300_000, 'at most'),
    (b'{"type":"object","properties":' * 200 + b'{}' + b'}' * 200, 'expected'),
])  # fmt: skip
def test_what_is_no_schema_is_refused(data, message):
    with pytest.raises(BadSchema, match=message):
        read_schema(data, 's.json')


def test_depth_ends_somewhere():
    schema: dict = {'type': 'string'}
    for _ in range(100):
        schema = {'type': 'array', 'items': schema}
    assert any('nested deeper' in message for message in keys({'type': 'object', 'properties': {'x': schema}}).values())
