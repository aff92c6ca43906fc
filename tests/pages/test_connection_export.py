"""Connections as a file: readable again, and without secrets."""
import tomllib
from types import SimpleNamespace
from typing import Any, cast

from edgeos.connections.connection import Connection
from edgeos.settings import ConnectionSettings
from pages.connection_export import connections_toml, file_name


def connection(connection_id: str, **config: Any) -> Connection:
    settings = ConnectionSettings(id=connection_id, type='mqtt', name=f'Broker "{connection_id}"', config=config)
    return cast('Connection', SimpleNamespace(settings=settings, id=connection_id, SECRETS=('password',)))


def test_export_can_be_read_as_settings() -> None:
    text = connections_toml([connection('a', host='x', topics=['#', 'ä/☀'], write_topics={'p': 't'}),
                             connection('b', host='y', port=1884)])  # fmt: skip
    read = [ConnectionSettings.model_validate(each) for each in tomllib.loads(text)['connections']]
    assert [each.config for each in read] == [
        {'host': 'x', 'topics': ['#', 'ä/☀'], 'write_topics': {'p': 't'}}, {'host': 'y', 'port': 1884}]  # fmt: skip
    assert read[0].name == 'Broker "a"'


def test_secrets_stay_at_home_and_references_to_the_environment_go_along() -> None:
    text = connections_toml([connection('a', host='x', password='geheim'), connection('b', password='env:BROKER')])
    assert 'geheim' not in text
    assert tomllib.loads(text)['connections'][1]['config'] == {'password': 'env:BROKER'}


def test_file_is_named_after_the_only_connection() -> None:
    assert file_name([connection('a')]) == 'a.toml'
    assert file_name([connection('a'), connection('b')]) == 'connections.toml'
