"""What is pasted into the MQTT form, and what of it is written."""
import pytest

from edgeos.connections.mqtt_config import filter_problem, topic_problem
from pages.mqtt_form import Address, split_address, split_pair, topic_words


@pytest.mark.parametrize(('text', 'address'), [
    ('broker.lan', Address('broker.lan')),
    ('broker.lan:1884', Address('broker.lan', 1884)),
    ('mqtt://broker.lan', Address('broker.lan', None, False)),
    ('mqtts://192.168.1.20:8884/', Address('192.168.1.20', 8884, True)),
    ('[fe80::1]:1883', Address('fe80::1', 1883)),
    ('fe80::1', Address('fe80::1')),
    ('http://broker.lan', Address('http://broker.lan')),
    ('a b', Address('a b')),
    ('', Address('')),
])  # fmt: skip
def test_a_pasted_address_is_taken_apart(text: str, address: Address) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(('line', 'pair'), [
    ('lamp/state = lamp/set', ('lamp/state', 'lamp/set')),
    ('lamp/state=lamp/set', ('lamp/state', 'lamp/set')),
    ('a=b = c=d', ('a=b', 'c=d')),
    ('lamp/state', None),
    ('lamp/state =', None),
    ('= lamp/set', None),
])  # fmt: skip
def test_a_value_and_the_topic_that_sets_it_stand_on_one_line(line: str, pair: tuple[str, str] | None) -> None:
    assert split_pair(line) == pair


@pytest.mark.parametrize('problem', [
    topic_problem(''), topic_problem('a/+'), filter_problem('#/a'), filter_problem('a+/b'), topic_problem('a\0'),
    topic_problem('\ud800'), topic_problem('x' * 70_000),
])  # fmt: skip
def test_every_problem_of_a_topic_has_plain_words(monkeypatch: pytest.MonkeyPatch, problem: str) -> None:
    monkeypatch.setattr('pages.mqtt_form._', lambda text: text)
    assert problem and problem in topic_words()
