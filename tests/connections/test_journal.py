import logging
import tracemalloc
from collections.abc import Callable

import pytest

from edgeos.connections.journal import MOST_BYTES, MOST_CHARACTERS, MOST_ENTRIES, Entry, Journal, visible
from tests.helpers import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def journal(clock: FakeClock) -> Journal:
    return Journal('mqtt_home', clock)


def texts(journal: Journal) -> list[str]:
    return [entry.text for entry in journal.entries()]


def test_entries_are_oldest_first_and_limited_to_the_newest(journal: Journal, clock: FakeClock) -> None:
    journal.info('connected')
    clock.advance(2)
    journal.error('lost')
    journal.warning('failed')
    now = clock.wall()
    assert journal.entries() == [Entry(now - 2, 'info', 'connected', 1, now - 2), Entry(now, 'error', 'lost', 1, now),
                                 Entry(now, 'warning', 'failed', 1, now)]  # fmt: skip
    assert [entry.text for entry in journal.entries(2)] == ['lost', 'failed']
    assert journal.entries(0) == []


def test_entries_of_a_minimum_level(journal: Journal) -> None:
    for write in (journal.info, journal.warning, journal.error):
        write(write.__name__)
    assert [entry.level for entry in journal.entries(10, 'warning')] == ['warning', 'error']
    assert [entry.level for entry in journal.entries(1, 'warning')] == ['error']
    with pytest.raises(ValueError, match='verbose'):
        journal.entries(10, 'verbose')


def test_a_repeat_counts_and_makes_no_new_line(journal: Journal, clock: FakeClock) -> None:
    first = clock.wall()
    for _ in range(40):
        journal.warning('no answer')
        clock.advance(1)
    assert journal.entries() == [Entry(first, 'warning', 'no answer', 40, first + 39)]


def test_a_flapping_link_does_not_flood(journal: Journal) -> None:
    journal.info('begin')
    for _ in range(1000):
        for text in ('connected', 'lost', 'failed', 'trying'):
            journal.warning(text)
    assert [(entry.text, entry.count) for entry in journal.entries()] == [
        ('begin', 1), ('connected', 1000), ('lost', 1000), ('failed', 1000), ('trying', 1000)]  # fmt: skip


def test_a_repeat_after_five_other_lines_is_a_new_line(journal: Journal) -> None:
    for text in ('lost', '1', '2', '3', '4', '5', 'lost'):
        journal.info(text)
    assert texts(journal) == ['lost', '1', '2', '3', '4', '5', 'lost']


def test_the_same_text_on_another_level_is_another_line(journal: Journal) -> None:
    journal.info('odd')
    journal.error('odd')
    assert [entry.level for entry in journal.entries()] == ['info', 'error']


# bounds and hostile texts


def length(number: int) -> int:
    """A megabyte now and then, otherwise more than is kept of a line."""
    return 1_000_000 if number % 100 == 99 else 3000


def test_the_oldest_lines_go_first(journal: Journal) -> None:
    for number in range(MOST_ENTRIES + 10):
        journal.info(f'line {number}')
    assert [entry.text for entry in journal.entries(9999)] == [f'line {number}' for number in range(10, MOST_ENTRIES + 10)]


@pytest.mark.parametrize('hostile', [
    lambda n: f'{n}' + 'x' * length(n), lambda n: f'{n}' + '\U0001f525' * length(n),
    lambda n: f'{n}' + '\0' * length(n), lambda n: f'{n}' + '\udc80' * length(n), lambda n: f'{n}', lambda n: '\r\n' * n,
], ids=['long', 'emoji', 'zeros', 'surrogates', 'short', 'newlines'])  # fmt: skip
def test_memory_is_bounded_whatever_is_written(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, hostile: Callable[[int], str]
) -> None:
    monkeypatch.setattr(logging.getLogger('edgeos.connection.hostile'), 'disabled', True)
    tracemalloc.start()
    journal = Journal('hostile', clock)
    before = tracemalloc.get_traced_memory()[0]
    for number in range(550):
        clock.advance(1)
        journal.info(hostile(number))
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    entries = journal.entries()
    assert used <= MOST_BYTES + 8192
    assert len(entries) <= MOST_ENTRIES
    assert all(len(entry.text) <= MOST_CHARACTERS for entry in entries)
    assert entries[-1].last == clock.wall()


@pytest.mark.parametrize(('text', 'shown'), [
    ('a\nb\r\tc', 'a\\nb\\r\\tc'), ('\x1b[31mred\x07', '\\x1b[31mred\\x07'), ('\0', '\\x00'), ('\x9b1m', '\\x9b1m'),
    ('exe\u202etxt.', 'exe\\u202etxt.'), ('a\u2028b\u200bc\ufeff', 'a\\u2028b\\u200bc\\ufeff'), ('\udc80', '\\udc80'),
    ('<script>alert(1)</script>', '<script>alert(1)</script>'), ('Küche 🔥 👨‍👩‍👧 日本', 'Küche 🔥 👨‍👩‍👧 日本'),
])  # fmt: skip
def test_control_characters_are_shown_and_others_left_alone(text: str, shown: str) -> None:
    assert visible(text) == shown
    visible(text).encode()


def test_long_texts_are_cut_and_say_so() -> None:
    assert visible('x' * 2000) == 'x' * 2000
    assert visible('x' * 2001) == 'x' * 1999 + '…'
    assert visible('\n' * 2000) == ('\\n' * 1000)[:1999] + '…'
    assert visible('abcdef', 4) == 'abc…'


# levels


def test_debug_is_kept_only_while_asked_for(journal: Journal, clock: FakeClock) -> None:
    journal.debug('before')
    assert (journal.level, journal.level_until) == ('info', None)
    journal.set_level('debug', 600)
    assert (journal.level, journal.level_until) == ('debug', clock.wall() + 600)
    clock.advance(599)
    journal.debug('during')
    clock.advance(1)
    journal.debug('after')
    assert (journal.level, journal.level_until) == ('info', None)
    assert texts(journal) == ['during']


def test_a_temporary_level_ends_in_time_though_the_clock_is_set(journal: Journal, clock: FakeClock) -> None:
    journal.set_level('error', 60)
    clock.step_wall(-7200)
    journal.warning('not severe enough')
    assert journal.level_until == clock.wall() + 60
    clock.advance(60)
    journal.warning('again')
    assert texts(journal) == ['again']


def test_an_unknown_level_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="'loud' is not one of debug, info, warning, error"):
        journal.set_level('loud', 60)
    assert journal.level == 'info'


# the app's log


def test_lines_go_to_the_log_of_the_connection(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        journal.warning('100 % lost\n%s %d')
    assert caplog.record_tuples == [('edgeos.connection.mqtt_home', logging.WARNING, '100 % lost\\n%s %d')]


def test_at_most_twenty_lines_a_second_are_forwarded_and_the_rest_is_told(
    journal: Journal, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for number in range(100):
            journal.info(f'line {number}')
        assert caplog.messages == [*(f'line {number}' for number in range(20)),
                                   'more than 20 lines a second: the rest is left out']  # fmt: skip
        caplog.clear()
        clock.advance(1)
        journal.info('calm')
        clock.advance(1)
        journal.info('still calm')
    assert caplog.messages == ['80 lines were left out here', 'calm', 'still calm']
    assert len(journal.entries()) == 102


def test_repeats_reach_the_log_rarely(journal: Journal, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for _ in range(5000):
            journal.warning('no answer')
            clock.advance(1)
        clock.advance(100)
        journal.warning('no answer')
    assert caplog.messages == ['no answer', *(f'no answer ({count} times)' for count in (10, 100, 1000, 5001))]
