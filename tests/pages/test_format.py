"""Figures, sizes, times and values as people read them."""
import math

import pytest

from pages.format import Format, full_value, natural, parse_number, switch_pair


def english() -> Format:
    return Format('en', lambda text: text)


def german() -> Format:
    return Format('de', lambda text: text.replace('ago', 'her'))


@pytest.mark.parametrize(('value', 'text'), [
    (0, '0'), (0.02, '<\u202f0.1'), (0.25, '0.2'), (9.94, '9.9'), (9.96, '10'), (85.4, '85'), (999.4, '999'),
    (999.6, '1.0\u202fk'), (1400, '1.4\u202fk'), (99_960, '100\u202fk'), (2_500_000, '2.5\u202fM'),
])  # fmt: skip
def test_a_rate_has_at_most_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert english().figure(value) == text


@pytest.mark.parametrize(('count', 'text'), [
    (0, '0\u00a0B'), (999, '999\u00a0B'), (1000, '1.0\u00a0kB'), (1_240_000, '1.2\u00a0MB'), (3e12, '3.0\u00a0TB'),
    (9e15, '9000\u00a0TB'),
])  # fmt: skip
def test_sizes_are_in_powers_of_1000(count: float, text: str) -> None:
    assert english().bytes(count) == text


def test_digits_are_written_as_the_language_does() -> None:
    assert english().whole(1234567) == '1,234,567'
    assert german().whole(1234567) == '1.234.567'
    assert german().milliseconds(1.94) == '1,9\u00a0ms'
    assert german().byte_rate(1400) == '1,4\u00a0kB/s'
    assert german().value(21.5) == '21,5'


@pytest.mark.parametrize(('seconds', 'text'), [
    (0.4, '0 s'), (59.9, '59 s'), (60, '1 min 0 s'), (3599, '59 min 59 s'), (7380, '2 h 3 min'), (450_000, '5 d 5 h'),
])  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert english().span(seconds) == text


@pytest.mark.parametrize(('seconds', 'text'), [
    (-3, 'now'), (1.9, 'now'), (2, '2 s ago'), (59.4, '59 s ago'), (59.6, '1 min ago'), (3569, '59 min ago'),
    (3571, '1 h ago'), (84_000, '23 h ago'), (172_800, '2 d ago'),
])  # fmt: skip
def test_an_age_never_reads_60_of_something(seconds: float, text: str) -> None:
    assert english().ago(seconds) == text


def test_words_come_from_the_catalogue() -> None:
    assert german().ago(5) == '5 s her'


@pytest.mark.parametrize(('value', 'text'), [
    (True, 'true'), (None, 'null'), (23, '23'), (21.299999237060547, '21.3'), (1e-9, '1e-09'), (math.inf, 'inf'),
    ('heat', 'heat'), ('', '""'), ('a\nb\x07', 'a\\nb\\x07'), ('\u202eevil', '\\u202eevil'), ([1, 'ä'], '[1, "ä"]'),
    ({}, '{}'), ('<img src=x>', '<img src=x>'),
])  # fmt: skip
def test_a_value_is_one_harmless_line(value: object, text: str) -> None:
    assert english().value(value) == text


@pytest.mark.parametrize('value', ['x' * 100_000, 10**4000, list(range(100_000)), ['y' * 5000] * 3])
def test_a_long_value_is_cut_in_a_list(value: object) -> None:
    shown = english().value(value)
    assert len(shown) <= 120
    assert shown.endswith('…')


def test_nothing_is_left_out_of_the_full_value() -> None:
    assert full_value('x' * 5000) == 'x' * 5000
    assert full_value('a\nb') == 'a\nb'
    assert full_value([1, 2]) == '[\n  1,\n  2\n]'
    assert full_value(21.299999237060547) == '21.299999237060547'


@pytest.mark.parametrize(('typed', 'number'), [
    ('21', 21), (' 21,5 ', 21.5), ('-3.25', -3.25), ('1e3', 1000.0), ('', None), ('abc', None), ('1_000', None),
    ('nan', None), ('inf', None), ('1,2,3', None),
])  # fmt: skip
def test_a_number_is_read_with_comma_or_point(typed: str, number: float | None) -> None:
    assert parse_number(typed) == number


def test_a_whole_number_stays_whole() -> None:
    assert type(parse_number('21')) is int


@pytest.mark.parametrize(('value', 'pair'), [
    (True, (False, True)), ('ON', ('OFF', 'ON')), ('off', ('off', 'on')), ('True', ('False', 'True')), ('on top', None),
    (1, None), ('', None), (None, None),
])  # fmt: skip
def test_what_is_on_or_off_is_recognised_in_the_spelling_of_the_device(value: object, pair: object) -> None:
    assert switch_pair(value) == pair


def test_names_come_in_the_order_people_count_in() -> None:
    ordered = ['10 m', 'Raum 2/Licht', 'raum 02/Tür', 'Raum 10', 'Raum 10/Licht', 'Raum ' + '9' * 5000, 'Raum x']
    assert sorted(ordered) != sorted(ordered, key=natural) == ordered
