"""Packages as a whole."""
import json
import sys
from pathlib import Path

import pytest

from edgeos.plugins.errors import BadPackage
from edgeos.plugins.manifest import Requires
from edgeos.plugins.package import Incompatible, differs, incompatible, open_package
from tests.plugins.packages import lock_line, manifest, manifest_data, package_content, wheel, write_package
from tests.plugins.registries import release


def refused(tmp_path: Path, content: dict[str, object]) -> str:
    package = write_package(tmp_path, content)
    with pytest.raises(BadPackage) as caught:
        open_package(package, tmp_path / 'opened')
    assert sorted(path.name for path in tmp_path.iterdir()) == [package.name], 'something is left behind'
    return str(caught.value)


def test_a_good_one_is_opened(tmp_path):
    assert open_package(write_package(tmp_path), tmp_path / 'opened') == manifest()
    assert (tmp_path / 'opened/wheels').is_dir()


@pytest.mark.parametrize(('name', 'data', 'message'), [
    ('plugin.json', None, 'plugin.json: is missing'), ('plugin.json', b'{', 'plugin.json: expected JSON'),
    ('README.md', None, 'README.md: is missing'), ('README.md', b'\xff', 'README.md: expected text'),
    ('icon.svg', None, 'icon.svg: is missing'), ('icon.svg', b'<svg><script>1</script></svg>', 'icon.svg: expected a picture only'),
    ('icon.svg', b'<!DOCTYPE x><svg/>', 'icon.svg: expected a picture only'), ('icon.svg', b'PNG', 'icon.svg: expected an SVG'),
    ('requirements.lock', None, 'requirements.lock: is missing'), ('requirements.lock', b'requests', 'requirements.lock: line 1'),
    ('venv/bin/python', b'#!/bin/sh', 'venv: does not belong into a package'), ('setup.py', b'', 'setup.py: does not belong'),
    ('data/x', b'', 'data: does not belong'), ('wheels/demo-1.0.tar.gz', b'', 'is a source package'),
    ('config.schema.json', b'{"type": "object", "oneOf": []}', 'config.schema.json: oneOf: the form cannot show this'),
    ('wheels/demo_plugin-1.0.0-py3-none-any.whl', None, 'the wheel with the hash'),
])  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_left(tmp_path, name, data, message):
    content = package_content()
    if data is None:
        del content[name]
    else:
        content[name] = data
    assert message in refused(tmp_path, content)


def test_an_id_that_is_a_path_is_refused(tmp_path):
    assert 'plugin.json: id: expected 2 to 63' in refused(tmp_path, package_content(id='../../../etc/cron.d'))


def test_a_package_without_its_own_module_is_refused(tmp_path):
    other = wheel({'other/__init__.py': ''})
    content = {**package_content(), 'wheels/demo_plugin-1.0.0-py3-none-any.whl': other, 'requirements.lock': lock_line(other)}
    assert refused(tmp_path, content) == 'plugin.json: entry.module: no wheel has the module demo_plugin'


def test_a_schema_that_is_named_has_to_be_there(tmp_path):
    assert refused(tmp_path, package_content(config_schema='mine.json')) == 'plugin.json: config_schema: there is no file mine.json'


@pytest.mark.parametrize(('requires', 'reason'), [
    ({'edgeos': '>=99'}, 'needs SmartHome Edge OS >=99; this is'), ({'python': '>=4'}, 'needs Python >=4; this is 3.'),
    ({'platforms': ['win32']}, 'runs on win32 only; this is linux'), ({'platforms': [f'{sys.platform}-vax']}, f'runs on {sys.platform}-vax only'),
    ({'system': ['no-such-program']}, 'needs the program no-such-program'),
])  # fmt: skip
def test_what_does_not_run_here_says_why(tmp_path, requires, reason):
    assert reason in str(incompatible(manifest(requires=requires)))
    package = write_package(tmp_path, package_content(requires=requires))
    with pytest.raises(Incompatible, match=r'^Demo 1\.0\.0 '):
        open_package(package, tmp_path / 'opened')
    assert not (tmp_path / 'opened').exists()


def test_what_runs_here_has_no_reason_not_to():
    assert incompatible(manifest(requires={'edgeos': '>=0.1', 'python': '>=3.11', 'platforms': [sys.platform], 'system': ['sh']})) is None


@pytest.mark.parametrize(('told', 'key'), [
    ({'id': 'other'}, 'id'), ({'version': '1.0.1'}, 'version'), ({'permissions': ()}, 'permissions'), ({'requires': Requires(edgeos='>=1')}, 'requires'),
])  # fmt: skip
def test_a_package_that_is_not_what_the_registry_says_is_told_apart(told, key):
    inside = manifest(permissions=['points.read:a', 'http.out:*:443'])
    same = release(permissions=('http.out:*:443', 'points.read:a'))
    assert differs(inside, same) is None
    assert str(differs(inside, release(**{'permissions': same.permissions, **told}))).startswith(f'plugin.json: {key} is not what the registry says')


def test_the_manifest_of_a_package_is_checked_whole(tmp_path):
    content = {**package_content(), 'plugin.json': json.dumps({**manifest_data(), 'evil': 1})}
    assert refused(tmp_path, content) == 'plugin.json: evil: is not known here'
