"""What the views of a connection send to the browser: only what changed, in order, and never a line across a gap."""
from typing import Any

import pytest

from edgeos.connections.connection import Browsed
from edgeos.connections.history import LinkEvent
from edgeos.connections.journal import Entry, Journal
from edgeos.connections.traffic import Sample
from edgeos.gateway import Gateway
from pages.browser_view import found_node, node_of
from pages.connection_figures import shown_events
from pages.connection_graphs import RANGES, Range, to_rows
from pages.log_view import Numbered
from pages.point_sheet import rows_of
from pages.points_view import Listing, Question, natural, question_of, shown_value
from pages.symbol_choice import Change, choosing, literal_of, matching
from pages.write_form import NotMeant, kind_of, meant
from tests.helpers import FakeClock


class Nobody:
    """Owns points that nobody writes."""

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        raise NotImplementedError


def second(t: float, received: int = 0, *, errors: int = 0, gap: bool = False) -> Sample:
    return Sample(t, 0, received, 0, 10 * received, errors, gap)


# graphs


def test_seconds_become_rates() -> None:
    rows = to_rows([second(100.0, 5), second(101.0, 7)], RANGES['5min'])
    assert rows == [(100.0, 0.0, 5.0, 0.0, 50.0, 0), (101.0, 0.0, 7.0, 0.0, 70.0, 0)]


def test_no_line_is_drawn_where_seconds_are_missing() -> None:
    rows = to_rows([second(100.0, 5), second(160.0, 7)], RANGES['5min'])
    assert rows[1] == (130.0, None, None, None, None, None)
    assert len(rows) == 3


def test_no_line_is_drawn_across_a_step_of_the_clock() -> None:
    rows = to_rows([second(100.0, 5), second(101.0, 7, gap=True)], RANGES['5min'])
    assert [row[2] for row in rows] == [5.0, None, 7.0]


def test_a_sample_that_came_late_is_no_peak() -> None:
    rows = to_rows([second(100.0, 5), second(105.0, 25)], RANGES['5min'])
    assert [row[2] for row in rows] == [5.0, None, 5.0]


def test_longer_ranges_average_rates_and_add_up_errors() -> None:
    rows = to_rows([second(1000.0 + s, s, errors=1) for s in range(1, 21)], Range(3600, 10, 1))
    assert rows == [(1005.0, 0.0, 5.5, 0.0, 55.0, 10), (1015.0, 0.0, 15.5, 0.0, 155.0, 10)]


def test_minutes_become_rates_per_second() -> None:
    minutes = [Sample(60.0 * minute, 0, 120, 0, 600, 0) for minute in (20, 21)]
    assert to_rows(minutes, RANGES['24h']) == [(1260.0, 0.0, 2.0, 0.0, 10.0, 0)]


def test_a_point_that_was_stale_has_a_gap() -> None:
    gateway = Gateway()
    source = gateway.add_source('a', Nobody())
    point = gateway.point(source, 'temperature')
    assert point is not None
    gateway.deliver(point, 20.5, 1000.0)
    assert point.ring is not None
    point.ring.mark_gap(1010.0)
    gateway.deliver(point, 21.5, 1100.0)
    assert rows_of(point, 0.0) == [(1000.0, 20.5), (1010.0, None), (1100.0, 21.5)]


# values


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def listing_of(gateway: Gateway, *names: str) -> tuple[Listing, Any]:
    source = gateway.add_source('a', Nobody())
    for name in names:
        point = gateway.point(source, name, writable=name.startswith('set'))
        assert point is not None
        gateway.deliver(point, 1, 1000.0)
    listing = Listing(source, str)
    listing.follow()
    return listing, source


def names_in(listing: Listing) -> list[str]:
    return [row[0] for row in listing.window()['rows']]


def test_values_are_in_the_order_of_their_names(gateway: Gateway) -> None:
    listing, source = listing_of(gateway, 'b', 'C', 'a')
    assert names_in(listing) == ['a', 'b', 'C']
    gateway.point(source, 'aa')
    assert listing.follow()
    assert names_in(listing) == ['a', 'aa', 'b', 'C']
    assert not listing.follow()


def test_numbers_in_names_count_as_numbers(gateway: Gateway) -> None:
    listing, _source = listing_of(gateway, 'a[10]', 'a[2]', 'A[1]', 'a', 'b2c10', 'b2c9', 'b02c8')
    assert names_in(listing) == ['a', 'A[1]', 'a[2]', 'a[10]', 'b02c8', 'b2c9', 'b2c10']
    assert natural('x' + '9' * 10_000) > natural('x' + '8' * 10_000)


def test_names_that_vanish_leave_the_list(gateway: Gateway) -> None:
    listing, source = listing_of(gateway, 'a', 'b', 'c')
    listing.ask(Question(start=0, end=10))
    gateway.remove_points(source, ['b'])
    gateway.point(source, 'd')  # as many as before
    listing.ask(Question('', '', 0, 10))
    assert names_in(listing) == ['a', 'c', 'd']
    gateway.remove_points(source, ['a', 'd'])
    assert listing.follow()
    assert names_in(listing) == ['c']
    assert listing.changes() == []
    assert not listing.follow()


def test_a_value_that_cannot_be_read_is_no_value(gateway: Gateway) -> None:
    _listing, source = listing_of(gateway, 'a')
    point = source.points['a']
    gateway.deliver(point, None, 1001.0, 'bad')
    assert shown_value(point, str) == '–'
    gateway.deliver(point, None, 1002.0)  # a device that says null
    assert shown_value(point, str) == 'None'


def test_only_rows_that_changed_are_sent(gateway: Gateway) -> None:
    listing, source = listing_of(gateway, 'a', 'b', 'c', 'd')
    listing.ask(Question(start=1, end=3))
    listing.window()
    assert listing.changes() == []
    gateway.deliver(source.points['c'], 2, 1001.0)
    gateway.deliver(source.points['d'], 2, 1001.0)  # is not in the window
    assert [(place, row[1]) for place, row in listing.changes()] == [(2, '2')]
    assert listing.changes() == []


def test_values_are_found_by_text_and_by_what_can_be_set(gateway: Gateway) -> None:
    listing, _source = listing_of(gateway, 'kitchen/Temperature', 'bath/temperature', 'set/lamp', 'door')
    listing.ask(Question('TEMP'))
    assert names_in(listing) == ['bath/temperature', 'kitchen/Temperature']
    listing.ask(Question(only='writable'))
    assert names_in(listing) == ['set/lamp']
    assert listing.window()['all'] == 4


def test_a_browser_cannot_ask_for_too_much(gateway: Gateway) -> None:
    listing, _source = listing_of(gateway, *(f'p{number:04}' for number in range(1000)))
    listing.ask(question_of({'query': None, 'only': 'nonsense', 'start': -5, 'end': 10**9}))
    assert len(listing.window()['rows']) == 400
    assert question_of({'start': 'x', 'end': None}) == Question('', '', 0, 0)


# log, history, tree


def test_log_lines_keep_their_number_while_they_repeat() -> None:
    clock = FakeClock()
    journal, numbered = Journal('a', clock), Numbered()
    journal.info('one')
    assert [(line[0], line[3]) for line in numbered.take(journal.entries())[1]] == [(0, 'one')]
    clock.advance(1)
    journal.info('one')
    journal.info('two')
    _oldest, changed = numbered.take(journal.entries())
    assert [(line[0], line[3], line[4]) for line in changed] == [(0, 'one', 2), (1, 'two', 1)]
    assert numbered.take(journal.entries()) == (0, [])


def test_lines_that_are_gone_are_told_by_the_oldest_number() -> None:
    numbered = Numbered()
    entries = [Entry(float(t), 'info', 'same', 1, float(t)) for t in range(5)]
    numbered.take(entries)
    assert numbered.take(entries[3:]) == (3, [])


def test_a_lost_link_says_how_long_it_lasted() -> None:
    events = [LinkEvent(300.0, 'failed', 'refused'), LinkEvent(200.0, 'lost', 'gone'), LinkEvent(80.0, 'connected', '')]
    assert [event[3] for event in shown_events(events, lambda seconds: f'after {seconds:.0f} s')] == ['', 'after 120 s', '']


def test_no_events_are_shown_as_none():
    assert shown_events([], str) == []


def test_a_node_is_named_by_what_it_adds() -> None:
    entry = Browsed('house/kitchen', children=2)
    assert node_of(entry, 'house', {})[1] == 'kitchen'
    assert node_of(Browsed('MAIN.fTemp'), 'MAIN', {})[1] == 'fTemp'
    assert node_of(Browsed('/'), '/', {})[6] == 0  # a node that is its own child cannot be opened for ever


def test_a_result_of_a_search_is_named_by_its_last_part() -> None:
    assert found_node(Browsed('MAIN.stRoom.fTemp', selectable=True), {})[:2] == ('MAIN.stRoom.fTemp', 'fTemp')
    assert found_node(Browsed('house/kitchen.temperature'), {})[1] == 'kitchen.temperature'


# choosing


def test_choosing_a_branch_makes_single_choices_below_it_needless() -> None:
    before = ['MAIN.stRoom.fTemp', 'main.stroom.aProfile[3]', 'MAIN.stRoom2.fTemp', 'MAIN.stRoom.*Temp']
    change = choosing(before, 'MAIN.stRoom')
    assert change.applied(before) == ['MAIN.stRoom2.fTemp', 'MAIN.stRoom']
    assert sorted(change.undone.applied(change.applied(before))) == sorted(before)


def test_choosing_a_pattern_leaves_the_others_alone() -> None:
    assert choosing(['MAIN.a'], 'MAIN.*').applied(['MAIN.a']) == ['MAIN.*']
    assert choosing(['MAIN.a'], '*.a').applied(['MAIN.a']) == ['MAIN.a', '*.a']


def test_names_differ_in_more_than_case() -> None:
    assert choosing(['MAIN.a'], 'main.A').applied(['MAIN.a']) == ['MAIN.a']
    assert Change((), ('main.A',)).applied(['MAIN.a', 'MAIN.b']) == ['MAIN.b']


def test_taking_back_keeps_what_was_chosen_meanwhile() -> None:
    change = Change(('MAIN.a',), ('MAIN.b',))
    assert change.undone.applied(['MAIN.a', 'MAIN.c']) == ['MAIN.c', 'MAIN.b']


@pytest.mark.parametrize(('pattern', 'names'), [
    ('MAIN.st', ['MAIN.st.a', 'MAIN.st.b[1]']),
    ('main.ST.A', ['MAIN.st.a']),
    ('MAIN.*', ['MAIN.st.a', 'MAIN.st.b[1]', 'MAIN.stop']),
    ('*.b[1]', ['MAIN.st.b[1]']),
    ('GVL', []),
])  # fmt: skip
def test_a_choice_stands_for_what_it_names(pattern: str, names: list[str]) -> None:
    assert matching(['MAIN.st.a', 'MAIN.st.b[1]', 'MAIN.stop'], pattern) == names


def test_matches_are_looked_for_by_the_longest_text_in_the_pattern() -> None:
    assert literal_of('*.aProfile[1*') == '.aProfile[1'
    assert literal_of('**') == ''


# writing


@pytest.mark.parametrize(('declared', 'value', 'kind'), [
    ('BOOL', None, 'switch'), ('', True, 'switch'), ('', 'ON', 'switch'), ('E_Mode', 'Off', 'text'),
    ('LREAL', None, 'number'), ('T_Temperature', 21.5, 'number'), ('TIME', 1500, 'span'), ('DATE', '2026-11-24', 'text'),
    ('STRING(80)', 'on', 'text'), ('', [1], 'json'), ('', 'warm', 'text'), ('', None, 'text'),
])  # fmt: skip
def test_a_value_is_set_as_its_type_wants(gateway: Gateway, declared: str, value: Any, kind: str) -> None:
    point = gateway.point(gateway.add_source('a', Nobody()), 'x', declared_type=declared)
    assert point is not None
    gateway.deliver(point, value, 1000.0)
    assert kind_of(point) == kind


def test_what_is_typed_becomes_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('pages.write_form._', lambda text: text)
    assert meant('21,5', 'number') == 21.5
    assert meant(' T#1h ', 'span') == 'T#1h'
    assert meant('1500', 'span') == 1500
    assert meant(' as it is ', 'text') == ' as it is '
    for text, kind in (('warm', 'number'), ('{', 'json')):
        with pytest.raises(NotMeant):
            meant(text, kind)
