"""What a schema means for a form."""
import pytest

from pages.schema_rules import MISSING, asked_of, bounds_of, fields_of, kind_of, parts_of, same, title_of

SCHEMA = {
    'type': 'object', 'required': ['way'],
    'properties': {'way': {'enum': ['mqtt', 'web']}, 'last': {'type': 'string'}},
    'if': {'properties': {'way': {'const': 'web'}}},
    'then': {'properties': {'url': {'type': 'string'}}, 'required': ['url']},
    'else': {'properties': {'retain': {'type': 'boolean'}}},
    'allOf': [{'if': {'properties': {'last': {'const': 'x'}}}, 'then': {'required': ['last']}}],
}  # fmt: skip


@pytest.mark.parametrize(('schema', 'kind'), [
    ({'type': 'string'}, 'text'), ({'type': 'string', 'format': 'password'}, 'secret'), ({'type': 'string', 'format': 'uri'}, 'text'),
    ({'type': 'string', 'format': 'point'}, 'point'), ({'type': 'string', 'format': 'glob'}, 'glob'),
    ({'type': 'integer'}, 'integer'), ({'type': 'number'}, 'number'), ({'type': 'boolean'}, 'switch'),
    ({'enum': [1, 'a']}, 'choice'), ({'enum': []}, 'json'), ({'const': None}, 'const'),
    ({'type': 'array', 'items': {'type': 'string'}}, 'list'), ({'type': 'array'}, 'json'),
    ({'type': 'object', 'properties': {}}, 'object'), ({'type': 'object'}, 'json'), ({'type': ['string', 'null']}, 'json'),
    ({'$ref': '#/a'}, 'json'), ({'type': 'string', 'anyOf': []}, 'json'), ('nonsense', 'json'), ({}, 'json'), (None, 'json'),
])  # fmt: skip
def test_every_construct_has_a_field_or_is_json(schema, kind):
    assert kind_of(schema) == kind


def test_nesting_without_end_becomes_json():
    assert kind_of({'type': 'string'}, depth=99) == 'json'


def test_fields_appear_and_go_with_values():
    assert asked_of(SCHEMA, {'way': 'web'}).names == {'way', 'last', 'url'}
    assert asked_of(SCHEMA, {'way': 'web'}).required == {'way', 'url'}
    assert asked_of(SCHEMA, {'way': 'mqtt'}).names == {'way', 'last', 'retain'}
    assert asked_of(SCHEMA, {}).names == {'way', 'last', 'retain'}
    assert asked_of(SCHEMA, {'way': 'mqtt', 'last': 'x'}).required == {'way', 'last'}


def test_what_depends_on_a_field_follows_it():
    assert [name for name, _field in fields_of(SCHEMA)] == ['way', 'url', 'retain', 'last']


def test_true_is_not_one():
    assert not same(True, 1)
    assert same(1, 1.0)
    assert not same(MISSING, None)


@pytest.mark.parametrize('path', ['devices.0.host', 'devices[0].host', '/devices/0/host', ('devices', 0, 'host')])
def test_a_place_may_be_written_in_several_ways(path):
    assert parts_of(path) == ('devices', '0', 'host')


def test_bounds_of_whole_numbers_are_whole():
    assert bounds_of({'type': 'integer', 'minimum': 0.5, 'maximum': 9.5}) == (1, 9)
    assert bounds_of({'type': 'number', 'minimum': True}) == (None, None)
    assert title_of('poll_s', {}) == 'Poll s'


@pytest.mark.parametrize('schema', [{'properties': 7}, {'if': 1, 'then': 2}, {'required': 'x'}, {'allOf': {}},
                                    {'if': {'properties': {'a': 3}}}, {'properties': {'a': None}}])
def test_a_broken_schema_breaks_nothing(schema):
    assert isinstance(asked_of(schema, {}).names, frozenset)
    list(fields_of(schema))
