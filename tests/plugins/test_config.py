"""The configuration of a plugin against its schema, and its secrets apart from it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from edgeos.plugins.config import AGAIN, InvalidConfig, PluginConfig, load_schema
from edgeos.plugins.config_check import MOST_BYTES, active_fields, filled, pattern_problem, problems, required_fields
from edgeos.plugins.config_schema import schema_findings
from edgeos.plugins.package import open_package
from edgeos.plugins.store import Entry, Store, UnknownPlugin
from edgeos.secrets import MASK, MissingSecret, SecretStore
from edgeos.settings import SettingsError
from tests.helpers import patient
from tests.plugins.installing import make_package


def schema(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    made = {'type': 'object', 'properties': fields, 'required': list(required)}
    assert schema_findings(json.dumps(made).encode(), 'x') == []
    return made


TEXT = {'type': 'string'}
PASSWORD = {'type': 'string', 'format': 'password'}


@pytest.mark.parametrize(('field', 'good', 'bad', 'message'), [
    (TEXT, 'ä', 5, 'expected a text'),
    (TEXT, 'a', ['a'], 'expected a text'),
    (TEXT, 'a' * 10_000, 'a' * 10_001, 'expected at most 10000 characters'),
    (TEXT, 'a', '\ud800', 'expected a text that can be written'),
    (TEXT, 'a', {'$secret': 'mine'}, 'expected a text'),
    ({'type': 'integer'}, 5, True, 'expected a whole number'),
    ({'type': 'integer'}, 5.0, 5.5, 'expected a whole number'),
    ({'type': 'integer', 'minimum': 1, 'maximum': 9}, 9, 10, 'expected at most 9'),
    ({'type': 'number', 'minimum': 0.5}, 0.5, 0, 'expected at least 0.5'),
    ({'type': 'number'}, 10**400, '1', 'expected a number'),
    ({'type': 'boolean'}, False, 0, 'expected true or false'),
    ({'type': 'boolean'}, True, '', 'expected true or false'),
    ({'type': 'string', 'minLength': 3}, 'abc', 'ab', 'expected at least 3 characters'),
    ({'type': 'string', 'maxLength': 3}, 'abc', 'abcd', 'expected at most 3 characters'),
    ({'type': 'string', 'pattern': '^[a-z]+$'}, 'abc', 'aB', 'expected a text like ^[a-z]+$'),
    ({'type': 'string', 'enum': ['low', 'high']}, 'low', 'LOW', 'expected one of low, high'),
    ({'type': 'integer', 'enum': [0, 1]}, 1, 2, 'expected one of 0, 1'),
    ({'type': 'integer', 'const': 1}, 1, 0, 'expected 1'),
    ({'type': 'string', 'format': 'uri'}, 'mqtt://house:1883', 'house', 'expected an address, such as https://example.org/path'),
    ({'type': 'string', 'format': 'point'}, 'plc_001/MAIN.x', 'MAIN.x', 'expected the id of a point, such as plc_001/MAIN.fTemperature'),
    ({'type': 'string', 'format': 'glob'}, '**', 'a\nb', 'expected a pattern of point ids, such as plc_001/MAIN.*'),
    ({'type': 'array', 'items': {'type': 'integer'}, 'minItems': 1}, [1], [], 'expected at least one entry'),
    ({'type': 'array', 'items': {'type': 'integer'}, 'maxItems': 2}, [1, 2], [1, 2, 3], 'expected at most 2 entries'),
    ({'type': 'array', 'items': {'type': 'integer'}}, [], {}, 'expected a list'),
    ({'type': 'object', 'properties': {}}, {}, [], 'expected an object'),
    (PASSWORD, 'x', 5, 'expected a text'),
])  # fmt: skip
def test_each_keyword_says_what_it_expects(field: dict[str, Any], good: object, bad: object, message: str) -> None:
    made = schema(x=field)
    assert problems(made, filled(made, {'x': good})) == []
    assert problems(made, filled(made, {'x': bad})) == [(('x',), message)]


def test_a_problem_names_the_place_and_all_are_told() -> None:
    device = schema(('host',), host=TEXT, port={'type': 'integer', 'default': 502, 'maximum': 65535})
    made = schema(('devices', 'name'), name=TEXT, devices={'type': 'array', 'items': device})
    config = filled(made, {'name': '', 'devices': [{'host': 'a'}, {'port': 70_000}, 5], 'colour': 'red'})
    assert problems(made, config) == [
        (('name',), 'expected a value'), (('devices', '1', 'host'), 'expected a value'), (('devices', '1', 'port'), 'expected at most 65535'),
        (('devices', '2'), 'expected an object'), (('colour',), 'is not known')]  # fmt: skip


@pytest.mark.parametrize('config', [None, [], 'x', {'x': float('nan')}, {'x': float('inf')}, {'x': 'a' * MOST_BYTES}, {'x': {1, 2}}])
def test_what_is_no_configuration_at_all_is_refused(config: Any) -> None:
    assert problems(schema(x=TEXT), config)


def test_defaults_are_filled_in_and_null_is_no_value() -> None:
    broker = schema(('host',), host=TEXT, port={'type': 'integer', 'default': 1883})
    made = schema(('limits',), rate={'type': 'number', 'default': 2}, broker=broker, limits=schema(high={'type': 'integer', 'default': 9}),
                  list={'type': 'array', 'items': broker, 'default': []}, note=TEXT, extra=schema(on={'type': 'boolean', 'default': True}))  # fmt: skip
    assert filled(made, {'rate': None, 'note': None}) == {'rate': 2, 'limits': {'high': 9}, 'list': [], 'extra': {'on': True}}
    assert filled(made, {'broker': {'host': 'a'}, 'list': [{'host': 'b'}]}) | {'limits': 0, 'extra': 0, 'rate': 0} == {
        'broker': {'host': 'a', 'port': 1883}, 'list': [{'host': 'b', 'port': 1883}], 'limits': 0, 'extra': 0, 'rate': 0}  # fmt: skip
    assert type(filled(schema(x={'type': 'integer'}), {'x': 5.0})['x']) is int


def test_fields_that_depend_on_another_count_only_with_it() -> None:
    made = schema(('mode',), mode={'type': 'string', 'enum': ['tcp', 'serial'], 'default': 'tcp'})
    made |= {'if': {'properties': {'mode': {'const': 'serial'}}},
             'then': {'properties': {'device': TEXT, 'baud': {'type': 'integer', 'default': 9600}}, 'required': ['device']},
             'else': {'properties': {'host': TEXT}, 'required': ['host']}}  # fmt: skip
    assert schema_findings(json.dumps(made).encode(), 'x') == []
    assert problems(made, filled(made, {})) == [(('host',), 'expected a value')]
    assert list(active_fields(made, {'mode': 'serial'})) == ['mode', 'device', 'baud']
    assert required_fields(made, {'mode': 'serial'}) == ['mode', 'device']
    # what the form still has of the other branch does not count and is no mistake
    assert filled(made, {'mode': 'serial', 'device': '/dev/x', 'host': 5}) == {'mode': 'serial', 'device': '/dev/x', 'baud': 9600}
    number = schema(n={'type': 'integer'}) | {'if': {'properties': {'n': {'const': 1}}}, 'then': {'properties': {'x': TEXT}}}
    assert ['x' in active_fields(number, {'n': n}) for n in (1, 1.0, True, 2)] == [True, True, False, False]
    only = schema(on={'type': 'boolean'}) | {'if': {'properties': {'on': {'const': True}}}, 'then': {'properties': {'x': TEXT}, 'required': ['x']}}
    assert problems(only, filled(only, {})) == []
    assert problems(only, filled(only, {'on': True})) == [(('x',), 'expected a value')]


@pytest.mark.parametrize('pattern', ['^(a+)+$', '^(a|aa)+$', '(.*a){20}$', r'^(\w+\s?)*$', '(x+x+)+y'])
def test_no_pattern_can_hang_the_app(pattern: str) -> None:
    made = schema(x={'type': 'string', 'pattern': pattern})
    started = time.perf_counter()
    problems(made, {'x': 'a' * 9_000 + '!'})
    problems(made, {'x': 'x' * 9_000})
    assert time.perf_counter() - started < patient(2)


def test_a_pattern_is_that_of_json_schema() -> None:
    for pattern, good, bad in ((r'^\d+$', '12', '١٢'), (r'^\w$', 'a', 'ä'), ('b', 'abc', 'ac'), ('^a.c$', 'aäc', 'ac'), (r'^\S+$', 'ä', 'a b')):
        made = schema(x={'type': 'string', 'pattern': pattern})
        assert [problems(made, {'x': text}) != [] for text in (good, bad)] == [False, True], pattern
    assert pattern_problem('(?=x)') and pattern_problem(r'(x)\1') and pattern_problem('^[a-z]{1,63}$') is None
    assert pattern_problem(r'((\w{50}){50}){50}')


def test_the_schema_of_a_package(tmp_path: Path) -> None:
    manifest = open_package(make_package(tmp_path), tmp_path / 'a')
    assert load_schema(tmp_path / 'a', manifest) == {'type': 'object'}
    made = schema(x=TEXT)
    package = make_package(tmp_path, files={'config.schema.json': json.dumps(made).encode()})
    assert load_schema(tmp_path / 'b', open_package(package, tmp_path / 'b')) == made


# secrets


class Kept:
    """A plugin's configuration on the disk."""

    def __init__(self, folder: Path, made: dict[str, Any]) -> None:
        self.state, self.secret_file = folder / 'state.json', folder / 'secrets.toml'
        self.store = Store(self.state)
        self.environment = {'BROKER_PASSWORD': 'from outside'}
        self.secrets = SecretStore(self.secret_file, self.environment)
        self.store.put('demo', Entry(current='1.0.0'))
        self.configs = PluginConfig(self.store, self.secrets)
        self.schema = made

    def set(self, **config: Any) -> None:
        self.configs.set('demo', self.schema, config)

    def shown(self) -> dict[str, Any]:
        return self.configs.shown('demo', self.schema)

    def effective(self) -> dict[str, Any]:
        return self.configs.effective('demo', self.schema)

    def on_disk(self) -> int:
        """How many secrets there are."""
        return len(self.secrets._current().get('demo', {}))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    device = schema(('host',), host=TEXT, password=PASSWORD)
    return Kept(tmp_path, schema(('token',), user=TEXT, token=PASSWORD, inner=schema(pin=PASSWORD),
                                 devices={'type': 'array', 'items': device}, keys={'type': 'array', 'items': PASSWORD}))  # fmt: skip


def test_secrets_are_kept_apart_and_shown_as_a_mask(kept: Kept) -> None:
    given = {'user': 'me', 'token': 'hunter1', 'inner': {'pin': 'hunter2'}, 'devices': [{'host': 'a', 'password': 'hunter3'}], 'keys': ['hunter4']}
    kept.set(**given)
    assert 'hunter' not in kept.state.read_text()
    assert kept.effective() == given
    assert kept.shown() == {'user': 'me', 'token': MASK, 'inner': {'pin': MASK}, 'devices': [{'host': 'a', 'password': MASK}], 'keys': [MASK]}
    assert Kept(kept.state.parent, kept.schema) and sorted(kept.secrets.values()) == ['hunter1', 'hunter2', 'hunter3', 'hunter4']


def test_the_mask_keeps_a_secret_a_new_one_replaces_it_and_nothing_removes_it(kept: Kept) -> None:
    kept.set(token='one', inner={'pin': 'two'})
    kept.set(**(kept.shown() | {'user': 'me'}))
    assert kept.effective() == {'user': 'me', 'token': 'one', 'inner': {'pin': 'two'}}
    kept.set(token='three', inner={'pin': MASK})
    assert kept.effective()['token'] == 'three' and kept.on_disk() == 2
    kept.set(token=MASK, inner={'pin': ''})
    assert kept.effective() == {'token': 'three', 'inner': {}} and kept.on_disk() == 1
    with pytest.raises(InvalidConfig, match='token: expected a value'):
        kept.set(token='')
    kept.set(token=MASK)
    assert kept.effective()['token'] == 'three' and kept.on_disk() == 1


def test_a_mask_without_a_secret_is_a_problem(kept: Kept) -> None:
    with pytest.raises(InvalidConfig) as refused:
        kept.set(token=MASK, inner={'pin': MASK})
    assert refused.value.problems == [(('token',), AGAIN), (('inner', 'pin'), AGAIN)]


def test_secrets_stay_with_their_entry_when_a_list_is_changed(kept: Kept) -> None:
    def devices(**pairs: str) -> list[dict[str, str]]:
        return [{'host': host, 'password': password} for host, password in pairs.items()]

    kept.set(token='t', devices=devices(a='1', b='2', c='3'))
    kept.set(token=MASK, devices=devices(c=MASK, b=MASK, a=MASK))
    assert kept.effective()['devices'] == devices(c='3', b='2', a='1')
    kept.set(token=MASK, devices=devices(b=MASK, a=MASK))
    assert kept.effective()['devices'] == devices(b='2', a='1') and kept.on_disk() == 3
    kept.set(token=MASK, devices=devices(renamed=MASK, a=MASK))
    assert kept.effective()['devices'] == devices(renamed='2', a='1')
    kept.set(token=MASK, devices=devices(new='9', renamed=MASK, a=MASK))
    assert kept.effective()['devices'] == devices(new='9', renamed='2', a='1')
    with pytest.raises(InvalidConfig) as refused:  # whose password would it be?
        kept.set(token=MASK, devices=devices(other=MASK))
    assert refused.value.problems == [(('devices', '0', 'password'), AGAIN)]


def test_nobody_can_ask_for_a_secret_by_its_name(kept: Kept) -> None:
    kept.secrets.set('demo', 'mine', 'hunter2')
    with pytest.raises(InvalidConfig):
        kept.set(token={'$secret': 'mine'})
    with pytest.raises(InvalidConfig):
        kept.set(token='t', user={'$secret': 'mine'})


def test_a_secret_may_stand_for_a_variable(kept: Kept) -> None:
    kept.set(token='env:BROKER_PASSWORD')
    assert kept.effective()['token'] == 'from outside'
    del kept.environment['BROKER_PASSWORD']
    with pytest.raises(MissingSecret):
        kept.effective()


def test_a_secret_for_a_variable_that_is_not_set_is_refused_before_anything_is_kept(kept: Kept) -> None:
    kept.set(user='old', token='env:BROKER_PASSWORD')
    before = kept.secret_file.read_bytes()
    with pytest.raises(InvalidConfig, match="'NOT_SET' is not set") as refused:
        kept.set(user='new', token='env:NOT_SET')
    assert [path for path, _ in refused.value.problems] == [('token',)]
    del kept.environment['BROKER_PASSWORD']
    with pytest.raises(InvalidConfig, match="'BROKER_PASSWORD' is not set"):
        kept.set(user='new', token=MASK)
    kept.environment['BROKER_PASSWORD'] = 'back'
    assert kept.effective() == {'user': 'old', 'token': 'back'} and kept.secret_file.read_bytes() == before


def test_whatever_fails_in_a_write_leaves_no_secret_behind(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.set(token='one')

    def gone(plugin_id: str, **_fields: Any) -> None:
        raise UnknownPlugin(plugin_id)

    monkeypatch.setattr(kept.store, 'change', gone)
    with pytest.raises(UnknownPlugin):
        kept.set(token='two')
    assert kept.on_disk() == 1


def test_a_write_that_fails_leaves_configuration_and_secrets(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.set(user='old', token='one')
    kept.store._path = kept.state / 'nowhere'
    with pytest.raises(OSError):
        kept.set(user='new', token='two')
    assert kept.effective() == {'user': 'old', 'token': 'one'} and kept.on_disk() == 1
    kept.secret_file.write_text('no toml [')
    with pytest.raises(SettingsError):
        kept.set(user='new', token='two')


def test_an_update_that_sees_a_field_differently(kept: Kept) -> None:
    kept.set(user='me', token='one', inner={'pin': '1'}, keys=['2'])
    other = schema(('place',), user=PASSWORD, token=TEXT, place=TEXT)
    assert kept.configs.shown('demo', other)['user'] == MASK  # what is a secret now is hidden at once
    assert kept.configs.problems('demo', other) == [(('token',), 'expected a text'), (('place',), 'expected a value')]
    kept.configs.set('demo', other, {'user': MASK, 'token': 'x', 'place': 'here'})
    assert kept.configs.effective('demo', other) == {'user': 'me', 'token': 'x', 'place': 'here'}
    assert 'me' not in kept.state.read_text().split('"config"')[1].split('}')[0].replace('"', ' ').split()
    assert list(kept.secrets.values()) == ['me']


def test_a_secret_is_one_whichever_branch_says_so(tmp_path: Path) -> None:
    made = schema(on={'type': 'boolean'}, key=TEXT)
    made |= {'if': {'properties': {'on': {'const': True}}}, 'then': {'properties': {'key': PASSWORD}}}
    kept = Kept(tmp_path, made)
    kept.set(on=True, key='hunter2')
    assert 'hunter2' not in kept.state.read_text() and kept.effective() == {'on': True, 'key': 'hunter2'}


def test_a_secret_that_is_kept_is_not_checked_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path, schema(pin=PASSWORD | {'maxLength': 4}))
    kept.set(pin='1234')
    kept.set(pin=MASK)
    with pytest.raises(InvalidConfig, match='at most 4 characters'):
        kept.set(pin='12345')
    assert kept.effective() == {'pin': '1234'}


def test_strange_names_of_fields(tmp_path: Path) -> None:
    kept = Kept(tmp_path, schema(**{'Paß "wort".1]\\': PASSWORD, '7': PASSWORD}))
    kept.set(**{'Paß "wort".1]\\': 'x', '7': 'y'})
    assert kept.effective() == {'Paß "wort".1]\\': 'x', '7': 'y'}


def test_a_plugin_that_is_not_there_has_none(kept: Kept) -> None:
    with pytest.raises(UnknownPlugin):
        kept.configs.shown('other', kept.schema)
