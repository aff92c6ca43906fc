"""Devices near this one: the strongest first, and nothing moves under a finger."""
import pytest

from edgeos.connections.state import Notice
from edgeos.discovery import Found
from pages.nearby import NEVER, Order, Strengths, bars_of, dbm, is_nameless, signal_of

STRENGTHS = {'a': -80.0, 'b': -60.0, 'c': -70.0}


def follow(order: Order, strengths: dict[str, float], now: float, touched_at: float = NEVER) -> list[str]:
    order.follow(strengths, list(strengths), now, touched_at)
    return order.keys


def settled() -> Order:
    """A list that has been there for a while: b, c, a."""
    order = Order()
    for second in range(5):
        follow(order, STRENGTHS, second)
    return order


def test_the_strongest_comes_first_while_the_list_is_forming() -> None:
    order = Order()
    assert follow(order, {'a': -80.0}, 0) == ['a']
    assert follow(order, STRENGTHS, 1) == ['b', 'c', 'a']


def test_later_ones_go_below_the_others() -> None:
    order = settled()
    assert follow(order, {**STRENGTHS, 'd': -50.0, 'e': -55.0}, 6) == ['b', 'c', 'a', 'd', 'e']


def test_the_order_is_renewed_after_a_while() -> None:
    order = settled()
    later = {**STRENGTHS, 'd': -50.0}
    assert follow(order, later, 14)[-1] == 'd'
    assert follow(order, later, 20) == ['d', 'b', 'c', 'a']


def test_nothing_moves_while_somebody_is_at_the_list() -> None:
    order = settled()
    later = {**STRENGTHS, 'd': -50.0}
    assert follow(order, later, 60, touched_at=55) == ['b', 'c', 'a', 'd']
    assert follow(order, later, 66, touched_at=55) == ['d', 'b', 'c', 'a']


def test_also_a_list_that_is_forming_is_not_moved_under_a_finger() -> None:
    order = Order()
    follow(order, {'a': -80.0}, 0)
    assert follow(order, STRENGTHS, 1, touched_at=0.5) == ['a', 'b', 'c']


def test_small_differences_are_not_worth_it() -> None:
    order = settled()
    assert follow(order, {'a': -80.0, 'b': -63.0, 'c': -59.0}, 60) == ['b', 'c', 'a']
    assert follow(order, {'a': -80.0, 'b': -70.0, 'c': -59.0}, 61) == ['c', 'b', 'a']


def test_who_is_gone_keeps_a_place_until_the_order_is_renewed() -> None:
    order = settled()
    assert follow(order, {'a': -80.0, 'c': -70.0}, 10) == ['b', 'c', 'a']
    assert follow(order, {'a': -80.0, 'c': -70.0}, 60) == ['c', 'a']
    assert follow(order, {'c': -70.0}, 120) == ['c']  # also the weakest, which is in nobody's way


def test_a_single_advert_moves_the_strength_only_a_little() -> None:
    strengths = Strengths()
    strengths.take({'a': -60, 'b': None})
    strengths.take({'a': -80, 'b': None})
    assert strengths.now == {'a': pytest.approx(-66)}
    strengths.take({})
    assert strengths.now == {}


@pytest.mark.parametrize(('rssi', 'bars'), [(-50, 4), (-60, 4), (-61, 3), (-75, 2), (-90, 1), (-95, 0)])
def test_bars_count_up_to_four(rssi: float, bars: int) -> None:
    assert bars_of(rssi) == bars


def test_a_signal_is_said_in_words_too() -> None:
    assert signal_of(-57.4, lambda text: text) == (4, '\u221257\u00a0dBm', 'Signal: very good')
    assert dbm(-100) == '\u2212100\u00a0dBm'


@pytest.mark.parametrize(('name', 'template', 'company', 'profile', 'expected'), [
    ('', '', '', '', True),
    ('', '{company} device', 'Apple', '', True),
    ('', '{company} device', 'Ruuvi', 'adverts', False),
    ('', 'JBD battery', '', '', False),
    ('Kitchen', '', '', '', False),
    ('', '', '', 'adverts', True),
])  # fmt: skip
def test_who_says_nothing_of_use_is_nameless(name: str, template: str, company: str, profile: str,
                                             expected: bool) -> None:  # fmt: skip
    words = template.format(company=company)
    config = {'address': 'AA', **({'profile': profile} if profile else {})}
    found = Found('bluetooth', name or words or 'AA', 'AA', config, -60, words, Notice(template, {'company': company}))
    assert is_nameless(found) is expected
