"""What the page of the system says of processes and of the machine, and where its graphs draw no line."""
import asyncio
from math import nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgeos.connections.history import HistoryStore
from edgeos.connections.history_file import Vital
from edgeos.limits import MEMORY, LastRestart
from edgeos.usage import UsageRing
from edgeos.vitals import Vitals
from pages.format import Format
from pages.limit_form import choice_of
from pages.machine_graphs import MOST_CORES, MachineGraphs, columns_of, lines_of_cores
from pages.mechanism_view import sentence_of
from pages.needs import SLOW_SAMPLES, warnings_of
from pages.process_detail import ProcessDetail
from pages.process_rows import (
    Past,
    count_trouble,
    cpu_bar,
    gone_row,
    label_of,
    memory_bar,
    shown_row,
    shown_rows,
    state_of,
)
from pages.stepped import stepped
from tests.helpers import FakeClock

WORDS = Format('en', str)
GERMAN = Format('de', str)


def row(**more: Any) -> dict[str, Any]:
    """As the limiter gives it, of a process that is well."""
    return {'name': 'alarms', 'cpu_percent': 12.0, 'average_cpu_percent': 10.0, 'limit': 50.0, 'memory_mb': 40.0,
            'memory_limit_mb': 150.0, 'throttled': False, 'throttled_since': None, 'mechanism': 'duty cycle',
            'state': 'watched', 'memory_state': 'ok', **more}  # fmt: skip


def state(mechanism: str = 'duty cycle', **more: Any) -> tuple[str, str, str]:
    found = state_of(row(mechanism=mechanism, **more), more.pop('limiter', mechanism), WORDS, str)
    return found.tone, found.word, found.why


def vital(t: float = 0.0, **more: Any) -> Vital:
    return Vital(t, 10.0, 20.0, 30.0, 40.0, 0.5, 1.0, (5.0, 15.0))._replace(**more)


# processes


def test_a_process_in_the_limiters_care_is_green_until_it_is_held() -> None:
    assert state() == ('good', 'Running', '')
    assert state(throttled=True) == ('busy', 'Held', 'Held at 50\u00a0% since {time}.')
    assert state(state='released')[:2] == ('idle', 'Ending')


@pytest.mark.parametrize(('own', 'limiter', 'why'), [
    ('priority', 'priority', 'only its priority'), ('none', 'none', 'nothing can be limited'),
    ('none', 'duty cycle', 'belongs to another user'),
])  # fmt: skip
def test_what_is_not_held_says_why(own: str, limiter: str, why: str) -> None:
    found = state_of(row(throttled=True, mechanism=own), limiter, WORDS, str)
    assert (found.tone, found.word) == ('warn', 'Not held')
    assert why in found.why


def test_memory_goes_before_cpu() -> None:
    assert state(memory_state='warning', throttled=True)[:2] == ('warn', 'Warning')
    assert state(memory_state='over', throttled=True) == (
        'bad', 'Over limit', 'Above 150\u00a0MB of memory; it is restarted.')  # fmt: skip


def test_trouble_comes_first_then_names_as_people_count() -> None:
    processes = {number: row(name=name, **more) for number, (name, more) in enumerate(
        [('w 10', {}), ('w 2', {'throttled': True}), ('z', {'memory_state': 'warning'})])}  # fmt: skip
    rows = shown_rows({'mechanism': 'duty cycle', 'processes': processes}, Past(0.0, {'w 10': 3, 'w 2': 3}), WORDS, str)
    assert [each['name'] for each in rows] == ['z', 'w 2', 'w 10']
    assert [each['why'][:7] for each in rows] == ['Close t', 'Held at', 'Started']


def ended(count: int, wait: int = 1) -> dict[str, LastRestart]:
    return {'alarms': LastRestart(1000.0, MEMORY, '180 MB', count, wait)}


def test_one_that_was_ended_for_a_limit_says_so_for_an_hour() -> None:
    said = [shown_row(row(), '', Past(now, {'alarms': 2}, ended(1)), WORDS, str) for now in (1001.0, 4599.0, 4600.0)]
    assert [(each['tone'], each['why']) for each in said] == [
        *[('good', 'Ended at {time}: it took more memory than it may.')] * 2,
        ('good', 'Started 2 times in the last hour.')]
    assert [each['since'] for each in said] == [1000.0, 1000.0, None]


def test_one_that_is_ended_again_and_again_needs_somebody_until_it_has_run_for_ten_minutes() -> None:
    running, nobody = {'mechanism': '', 'processes': {1: row()}}, {'mechanism': '', 'processes': {}}
    for stats, now, needs in ((running, 1002.0, 0), (nobody, 1002.0, 0)):
        assert count_trouble(stats, Past(now, ended=ended(2, 30))) == needs
    for stats, now, needs in ((running, 1002.0, 1), (running, 1629.0, 1), (running, 1630.0, 0),
                              (nobody, 1029.0, 1), (nobody, 1030.0, 0)):  # fmt: skip
        assert count_trouble(stats, Past(now, ended=ended(3, 30))) == needs, now
    [waits] = shown_rows(nobody, Past(1002.0, ended=ended(3, 30)), WORDS, str)
    assert (waits['tone'], waits['word'], waits['cpu_text'], waits['since']) == ('warn', 'Ended often', '–', 1000.0)
    assert waits['why'] == 'Ended 3 times, last at {time}: it took more memory than it may. Next start in 28 s.'


def test_bars_mark_the_limit_and_never_leave_their_place() -> None:
    assert cpu_bar(50.0, 20.0, 50.0) == [0.75, 0.75, 0.3]
    assert cpu_bar(190.0, 90.0, 50.0) == [1.0, 0.75, 1.0]
    assert cpu_bar(150.0, 20.0, None) == [0.75, None, 0.1]
    assert memory_bar(75.0, 150.0) == [0.375, 0.75, None]
    assert memory_bar(75.0, None) == [None, None, None]


def test_figures_are_in_the_owners_digits() -> None:
    shown = shown_row(row(average_cpu_percent=49.84, memory_mb=4.25, limit=None), 'duty cycle', Past(0.0), GERMAN, str)
    assert (shown['cpu_text'], shown['cpu_of']) == ('49,8\u00a0%', 'no limit')
    assert (shown['memory_text'], shown['memory_of']) == ('4,2\u00a0MB', 'of 150\u00a0MB')
    assert shown_row(row(throttled_since='2026-01-01T00:00:01.500Z', throttled=True), '', Past(0.0), WORDS, str)['since'] == 1767225601.5


def test_an_open_process_that_has_ended_has_no_figures() -> None:
    gone = gone_row('alarms', shown_row(row(throttled=True), 'duty cycle', Past(0.0), WORDS, str), str)
    assert (gone['tone'], gone['word'], gone['cpu_text'], gone['why']) == ('idle', 'Not running', '–', '')


def test_only_names_of_our_own_are_translated() -> None:
    translate = {'PLC worker {address}': 'SPS-Prozess {address}'}.get
    assert label_of('PLC worker 10.0.0.1:1', lambda text: translate(text, text), {}) == 'SPS-Prozess 10.0.0.1:1'
    assert label_of('my PLC worker', lambda text: translate(text, text), {}) == 'my PLC worker'


def test_plugins_are_shown_by_name_also_while_a_new_version_is_tried_and_while_they_wait() -> None:
    names = {'alarms': 'Alarms', 'zz': 'Aaa'}
    processes = {number: row(name=name) for number, name in enumerate(['alarms (trial)', 'new (trial)', 'zz'])}
    rows = shown_rows({'mechanism': '', 'processes': processes}, Past(1002.0, {}, ended(3, 30), names), WORDS, str)
    assert [(each['name'], each['label']) for each in rows] == [
        ('alarms', 'Alarms'), ('zz', 'Aaa'), ('alarms (trial)', 'Alarms (trial start)'), ('new (trial)', 'new (trial start)')]


def test_a_limit_is_the_default_none_or_its_own() -> None:
    assert [choice_of(limit) for limit in (None, 0, 0.0, 5)] == ['default', 'none', 'none', 'own']


def test_an_unknown_mechanism_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('pages.mechanism_view._', str)
    assert sentence_of('magic') == 'Nothing can be limited here.'
    assert 'NOT limited' in sentence_of('priority')


# the machine


def test_a_healthy_machine_needs_nobody() -> None:
    assert warnings_of([], WORDS, str) == []
    assert warnings_of([vital(temperature=nan)], WORDS, str) == []


def test_each_warning_says_what_to_do() -> None:
    found = warnings_of([vital(disk=90.1, memory=95.0, temperature=81.0)], WORDS, str)
    assert [each.figure for each in found] == ['disk', 'memory', 'temperature']
    assert found[0].text == 'The disk is 90.1\u00a0% full.'
    assert all(each.hint for each in found)


def test_a_single_hiccup_needs_nobody() -> None:
    lags = [1.0, 900.0, 1.0, 1.0, 900.0]
    assert warnings_of([vital(lag=lag) for lag in lags], WORDS, str) == []
    assert warnings_of([vital(lag=900.0)] * (SLOW_SAMPLES - 1), WORDS, str) == []
    assert [each.figure for each in warnings_of([vital(lag=900.0)] * SLOW_SAMPLES, WORDS, str)] == ['lag']


def test_cores_that_are_too_many_are_one_line() -> None:
    assert columns_of(vital(), 3)[:5] == (0.0, 10.0, 5.0, 15.0, pytest.approx(nan, nan_ok=True))
    assert columns_of(vital(), MOST_CORES + 1)[:3] == (0.0, 10.0, 15.0)
    names = [line.name for line in lines_of_cores(4)]
    assert names == ['1', '2', '3', '4']


# graphs


def test_no_line_is_drawn_where_nothing_was_measured() -> None:
    assert stepped([(0, 1.0), (2, 2.0), (40, 3.0)], 0, 6) == [(0, 1.0), (2, 2.0), (21.0, None), (40, 3.0)]


def test_steps_are_averages_but_for_the_worst() -> None:
    samples = [(1, 2.0, 5.0), (9, 4.0, 50.0), (11, nan, 1.0)]
    assert stepped(samples, 10, 8, worst=(2,)) == [(5.0, 3.0, 50.0), (15.0, None, 1.0)]


class Drawn:
    """A graph that remembers what it was told."""

    is_deleted = False

    def __init__(self) -> None:
        self.told: list[str] = []

    def show(self, _data: object) -> None:
        self.told.append('show')

    def extend(self, _end: float, _rows: object) -> None:
        self.told.append('extend')


async def test_the_graphs_of_the_machine_begin_anew_when_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    vitals = Vitals(tmp_path, HistoryStore(None), clock)
    graphs = MachineGraphs.__new__(MachineGraphs)
    graphs._vitals, graphs._clock, graphs._name, graphs._cores, graphs._is_hot = vitals, clock, '5min', 2, False
    graphs._last = graphs._seen = graphs._due = 0.0
    drawn = Drawn()
    graphs._graphs = [drawn, drawn]  # type: ignore[list-item]
    monkeypatch.setattr('pages.machine_graphs.background_tasks.create', lambda work, **_: asyncio.ensure_future(work))
    for step in (2.0, -600.0, 2.0):
        clock.step_wall(step)
        vitals._take(vital())
        graphs.tick()
        await asyncio.sleep(0)
    assert drawn.told == ['extend', 'extend', 'show', 'show', 'extend', 'extend']


def test_the_graph_of_a_process_begins_anew_when_the_clock_was_set_back() -> None:
    clock, usage = FakeClock(), UsageRing()
    detail = ProcessDetail.__new__(ProcessDetail)
    detail.name = 'a'
    detail._system = SimpleNamespace(  # type: ignore[assignment]
        services=SimpleNamespace(clock=clock),
        usage=SimpleNamespace(recent=lambda _name, seconds: usage.since(clock.wall() - seconds)))  # fmt: skip
    detail._last = 0.0
    drawn = detail._graph = Drawn()  # type: ignore[assignment]
    for step in (2.0, -600.0, 2.0):
        clock.step_wall(step)
        usage.add(clock.wall(), 1.0, 10.0)
        detail._grow()
    assert drawn.told == ['extend', 'show', 'extend']
