"""What a form says in the owner's language: the texts of a schema, by the translations it brings along. Pure."""
from collections.abc import Mapping
from typing import Any

from pages.schema_rules import Schema, key_of, word_of

NAMES = 'names'  # of choices: key to text, beside their `enum`
_PARTS = ('items', 'then', 'else')


def in_language(schema: Schema, language: str) -> Schema:
    """The same schema with titles, descriptions and names of choices as its `translations` have them.

    {"translations": {"de": {"Point": "Wert"}}}: what is not in there stays as it is.
    """
    translations = schema.get('translations')
    words = translations.get(language) if isinstance(translations, Mapping) else None
    return _said(schema, words) if isinstance(words, Mapping) else schema


def _said(schema: Any, words: Mapping[str, Any]) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    found = dict(schema)
    for key in ('title', 'description'):
        if isinstance(text := found.get(key), str):
            found[key] = words.get(text, text)
    if isinstance(found.get('enum'), list | tuple):
        found[NAMES] = {key_of(value): words.get(word_of(value), word_of(value)) for value in found['enum']}
    if isinstance(found.get('properties'), Mapping):
        found['properties'] = {name: _said(field, words) for name, field in found['properties'].items()}
    found.update({part: _said(found[part], words) for part in _PARTS if part in found})
    return found


def name_of_choice(schema: Any, value: Any) -> str:
    """What one of its choices is called."""
    names = schema.get(NAMES) if isinstance(schema, Mapping) else None
    return str(names.get(key_of(value), word_of(value))) if isinstance(names, Mapping) else word_of(value)
