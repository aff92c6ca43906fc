"""Forms of plugins in the owner's language."""
import json
from pathlib import Path

import pytest

from edgeos.plugins.config_schema import schema_findings, texts_of
from edgeos.plugins.manifest import read_manifest
from edgeos.processes import PROJECT
from pages.schema_form import name_of
from pages.schema_words import in_language, name_of_choice

SHIPPED = sorted(path.parent for path in (PROJECT / 'plugins').glob('*/plugin.json'))
LEVEL = {'type': 'string', 'title': 'Level', 'enum': ['low', 'high'], 'description': 'As it is'}
SCHEMA = {'type': 'object', 'properties': {'level': LEVEL, 'rules': {'type': 'array', 'title': 'Rules', 'items': {
    'type': 'object', 'properties': {'level': LEVEL, 'port': {'type': 'integer', 'title': 'Port', 'enum': [1, 2]}},
    'if': {'properties': {'level': {'const': 'low'}}}, 'then': {'properties': {'way': {'type': 'string', 'title': 'Way'}}}}}},
    'translations': {'de': {'Level': 'Stufe', 'low': 'niedrig', 'Rules': 'Regeln', 'Way': 'Weg'}, 'en': {'low': 'lowest'}},
}  # fmt: skip


def test_titles_hints_and_choices_are_said_as_the_schema_translates_them() -> None:
    said = in_language(SCHEMA, 'de')
    level, rules = said['properties']['level'], said['properties']['rules']
    assert (level['title'], level['description'], rules['title']) == ('Stufe', 'As it is', 'Regeln')
    assert [name_of_choice(level, value) for value in level['enum']] == ['niedrig', 'high']
    assert rules['items']['then']['properties']['way']['title'] == 'Weg'
    assert name_of({'level': 'low'}, rules['items'], 1) == 'niedrig'
    assert [name_of_choice(rules['items']['properties']['port'], value) for value in (1, 2)] == ['1', '2']
    assert name_of_choice(in_language(SCHEMA, 'en')['properties']['level'], 'low') == 'lowest'
    assert in_language(SCHEMA, 'fr') is SCHEMA
    assert SCHEMA['properties']['level'] is LEVEL and 'names' not in LEVEL


@pytest.mark.parametrize(('translations', 'said'), [
    ({'de': {'Levle': 'Stufe'}}, "config.schema.json: translations.de: names 'Levle', which is no title, description or choice"),
    ({'German': {}}, "config.schema.json: translations: expected languages of two small letters, got 'German'"),
    ({'de': {'Level': 1}}, 'config.schema.json: translations.de: expected an object of texts of at most 1000 characters'),
    ([], 'config.schema.json: translations: expected an object of at most 50 languages'),
])  # fmt: skip
def test_translations_that_would_never_be_shown_are_named(translations: object, said: str) -> None:
    schema = {**SCHEMA, 'translations': translations}
    assert [str(found) for found in schema_findings(json.dumps(schema).encode(), 'config.schema.json')] == [said]


@pytest.mark.parametrize('folder', SHIPPED, ids=lambda path: path.name)
def test_the_plugins_that_ship_say_everything_in_german(folder: Path) -> None:
    schema = json.loads((folder / 'config.schema.json').read_bytes())
    names = {'bool', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64', ''}
    assert texts_of(schema) - schema['translations']['de'].keys() - names == set()
    assert read_manifest((folder / 'plugin.json').read_bytes()).translations['de'].description
