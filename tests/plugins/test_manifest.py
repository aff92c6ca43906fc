"""plugin.json."""
import json

import pytest

from edgeos.plugins.manifest import BadManifest, Manifest, manifest_findings, manifest_schema, read_manifest
from tests.plugins.packages import manifest, manifest_data


def test_what_is_left_out_has_its_default():
    found = manifest()
    assert (found.mode, found.restart, found.permissions) == ('daemon', 'on-failure', ())
    assert (found.resources.cpu_percent, found.resources.memory_mb, found.resources.max_processes) == (50, 150, 16)
    assert (found.health.interval_s, found.health.timeout_s, found.health.misses) == (10, 5, 3)
    assert (found.start_timeout_s, found.stop_timeout_s, found.schema_file) == (10, 5, 'config.schema.json')


@pytest.mark.parametrize(('change', 'message'), [
    ({'id': None}, 'id: expected a value, got nothing'),
    ({'id': '../../etc'}, "id: expected 2 to 63 small letters, digits and \"-\", a letter first, got '../../etc'"),
    ({'id': '/etc/passwd'}, 'id: expected 2 to 63'),
    ({'id': 'a/b'}, 'id: expected 2 to 63'),
    ({'id': 'demo\n'}, 'id: expected 2 to 63'),
    ({'id': 'x' * 64}, 'id: expected 2 to 63'),
    ({'id': 'cache'}, "id: expected another id, got 'cache', which is reserved"),
    ({'id': 5}, 'id: expected a text, got 5'),
    ({'schema': True}, 'schema: expected a whole number, got true'),
    ({'schema': 2}, 'schema: expected at most 1, got 2'),
    ({'api': 2}, 'api: expected at most 1, got 2'),
    ({'version': '1.0'}, "version: expected a version like 1.2.3 or 1.2.3-beta.1, got '1.0'"),
    ({'name': 'a\nb'}, 'name: expected one line'),
    ({'name': ''}, 'name: expected at least 1 character'),
    ({'name': 'x' * 61}, 'name: expected at most 60 characters'),
    ({'homepage': 'javascript:alert(1)'}, 'homepage: expected an address that begins with https://'),
    ({'requires': {'edgeos': 'new'}}, 'requires.edgeos: expected a range of versions'),
    ({'requires': {'gateway': '>=1'}}, 'requires.gateway: is not known here'),
    ({'requires': {'platforms': ['beos']}}, 'requires.platforms[0]: expected text like'),
    ({'requires': {'system': ['../sh']}}, 'requires.system[0]: expected text like'),
    ({'entry': {'module': 'os;system'}}, "entry.module: expected package.module:Class, got 'os;system'"),
    ({'entry': {'command': ['sh']}}, 'entry.module: expected a value, got nothing'),
    ({'mode': 'once'}, "mode: expected 'daemon', got 'once'"),
    ({'restart': 'maybe'}, 'restart: expected'),
    ({'permissions': ['serial:*']}, "permissions[0]: expected one of points.read, points.write, http.out, got 'serial:*'"),
    ({'permissions': ['points.read:a'] * 2}, 'permissions: expected each only once'),
    ({'permissions': 'points.read:a'}, 'permissions: expected a list'),
    ({'resources': {'cpu_percent': True}}, 'resources.cpu_percent: expected a number, got true'),
    ({'resources': {'memory_mb': 1}}, 'resources.memory_mb: expected at least 16, got 1'),
    ({'health': {'misses': 0}}, 'health.misses: expected at least 1, got 0'),
    ({'stop_timeout_s': 1000}, 'stop_timeout_s: expected at most 30, got 1000'),
    ({'config_schema': '../x.json'}, 'config_schema: expected text like'),
    ({'surprise': 1}, 'surprise: is not known here'),
    ({'schema_version': 1}, 'schema_version: is not known here'),
])
def test_what_is_wrong_is_said_with_its_key(change, message):
    with pytest.raises(BadManifest) as caught:
        read_manifest(json.dumps(manifest_data(**change)).encode())
    assert str(caught.value).startswith(f'plugin.json: {message}')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('data', 'message'), [
    (b'', 'expected JSON'), (b'{', 'expected JSON'), (b'[1]', 'expected an object, got a list'), (b'\xff\xfe{}', 'expected JSON'),
    (b'{"a": NaN}', 'expected JSON'), (b'[' * 60_000, 'expected JSON'), (b'{"ui":{"a":' + b'[' * 900 + b']' * 900 + b'}}', 'is nested too deep'),
    (b'{"ui": {"a": 1, "a": 1}}', "'a' is there twice"), (b'{"id": "a", "id": "b"}', "'id' is there twice"),
    (b'{}' + b' ' * 65_536, 'expected at most 65536 bytes'),
])
def test_what_is_no_manifest_at_all_is_refused(data, message):
    with pytest.raises(BadManifest, match=message):
        read_manifest(data)


def test_an_author_is_told_everything_at_once():
    data = json.dumps(manifest_data(id='X', version='1', api=None)).encode()
    assert {finding.key for finding in manifest_findings(data)} == {'id', 'version', 'api'}
    with pytest.raises(BadManifest, match=r'\(and 2 more\)'):
        read_manifest(data)


def test_the_schema_for_editors_names_every_key_as_it_is_written():
    schema = manifest_schema()
    assert set(schema['properties']) == {field.alias or name for name, field in Manifest.model_fields.items()}
    assert set(schema['required']) == {'schema', 'id', 'name', 'version', 'api', 'entry'}
    json.dumps(schema)
