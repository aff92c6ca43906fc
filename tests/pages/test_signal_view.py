"""How a device is heard: gaps where it was not, attempts in words, a ladder without steps that are not taken."""
import pytest

from edgeos.bluetooth.adverts import Strength
from edgeos.connections.bluetooth import Attempt
from edgeos.connections.ladder import STEPS, Step
from edgeos.connections.state import CODES
from pages.format import Format
from pages.ladder_view import step_words, steps_of
from pages.signal_view import outcome_words, shown_attempts, strength_rows


def same(text: str) -> str:
    return text


ENGLISH = Format('en', same)


def test_no_line_is_drawn_where_nothing_was_heard() -> None:
    samples = [Strength(100.0, -60), Strength(110.0, -61), Strength(150.0, -70)]
    assert strength_rows(samples, 15) == [(100.0, -60), (110.0, -61), (130.0, None), (150.0, -70)]
    assert (130.0, None) not in strength_rows(samples, 60)


def test_no_line_is_drawn_back_in_time() -> None:
    assert strength_rows([Strength(100.0, -60), Strength(90.0, -61)], 15)[1] == (95.0, None)


def test_an_attempt_says_how_it_ended_how_long_it_took_and_how_strong_the_signal_was() -> None:
    attempts = [Attempt(100.0, 15.0, 'device_not_found', None), Attempt(200.0, 0.81, 'connected', -57)]
    assert shown_attempts(attempts, ENGLISH, same) == [
        (200.0, 'connected', '', 'in 810\u00a0ms · \u221257\u00a0dBm'),
        (100.0, 'failed', 'It was not heard.', 'after 15 s')]  # fmt: skip


def test_failures_of_one_kind_in_a_row_are_one_line() -> None:
    attempts = [Attempt(t, 2.0, outcome, None) for t, outcome in
                enumerate(['timeout', 'connected', 'connected', 'timeout', 'timeout', 'adapter_off'])]  # fmt: skip
    assert [(t, note) for t, _kind, _why, note in shown_attempts(attempts, ENGLISH, same)] == [
        (5, 'after 2 s'), (4, 'after 2 s · 2 times'), (2, 'in 2 s'), (1, 'in 2 s'), (0, 'after 2 s')]  # fmt: skip


@pytest.mark.parametrize('code', sorted(CODES))
def test_every_outcome_has_words(code: str) -> None:
    assert outcome_words(code, same)


def steps(*states: str) -> list[Step]:
    return [Step(name, state, None if state == 'waiting' else 10.0) for name, state in zip(STEPS, states, strict=True)]


@pytest.mark.parametrize(('states', 'expected'), [
    (('passed', 'passed', 'passed', 'passed'), [('network', 'passed', 10.0), ('data', 'passed', 30.0)]),
    (('failed', 'waiting', 'waiting', 'waiting'), [('network', 'failed', 10.0), ('data', 'waiting', None)]),
    (('passed', 'failed', 'waiting', 'waiting'), [('network', 'passed', 10.0), ('data', 'failed', 10.0)]),
])  # fmt: skip
def test_what_is_only_heard_has_two_steps(states: tuple[str, ...], expected: list[tuple[str, str, float]]) -> None:
    assert steps_of(steps(*states), 'heard') == expected
    assert steps_of(steps(*states), 'bluetooth') == steps(*states)


def test_bluetooth_has_words_of_its_own_for_the_steps() -> None:
    assert list(step_words(same, 'bluetooth').values()) == ['Heard', 'Connected', 'Services', 'Values']
    assert step_words(same, 'mqtt')['login'] == 'Login'
