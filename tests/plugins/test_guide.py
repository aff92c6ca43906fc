"""The author's guide says what is so."""
import json
import re

import pytest

from edgeos.plugins import permissions
from edgeos.plugins.config_schema import FORMATS, schema_findings
from edgeos.plugins.manifest import Manifest
from edgeos.plugins.registry_entries import read_registry
from edgeos.processes import PROJECT

GUIDE = (PROJECT / 'docs/plugins.md').read_text(encoding='utf-8')
EXAMPLES = [json.loads(text) for text in re.findall(r'```json\n(.*?)```', GUIDE, re.DOTALL)]


def test_every_key_of_the_manifest_is_explained():
    told = set(re.findall(r'`([a-z_.0-9]+)`', GUIDE))
    for name, field in Manifest.model_fields.items():
        key = field.alias or name
        assert key in told or any(word.startswith(f'{key}.') for word in told), key
        for part in getattr(field.annotation, 'model_fields', {}):
            assert {part, f'{key}.{part}'} & told or f'"{part}"' in GUIDE, f'{key}.{part}'


@pytest.mark.parametrize('word', [*permissions.KINDS, *FORMATS])
def test_every_permission_and_format_is_explained(word):
    assert f'`{word}' in GUIDE


def test_the_examples_are_good():
    schema, registry = EXAMPLES
    assert schema_findings(json.dumps(schema).encode(), 'example') == []
    text = json.dumps(registry).replace('base64,\u2026', 'base64,AAAA').replace('base64,\\u2026', 'base64,AAAA')
    text = text.replace('"sha256": "\\u2026"', f'"sha256": "{"ab" * 32}"')
    found = read_registry(text.encode(), 'https://example.org/registry.json')
    assert found.problems == []
    assert [release.id for release in found.releases] == ['room-climate']
