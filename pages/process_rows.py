"""What the list of watched processes says of each: state, bars against limits, sentences. Pure functions."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from edgeos.limits import LastRestart
from pages.format import NBSP, Format, Translate, natural

MARK = 0.75  # where on a bar the limit is marked
TROUBLE = ('bad', 'warn')  # what comes first and needs somebody
UNHELD = ('priority', 'none')  # mechanisms that do not hold anything

Stats = Mapping[str, Any]  # as ResourceLimiter.get_stats() gives them
Row = dict[str, Any]
Bar = list[float | None]  # value, mark of the limit, latest: shares of its width from 0 to 1; None is none

NO_BAR: Bar = [None, None, None]
TRIAL = '(trial)'  # behind the id of a plugin whose new version is started to see that it comes up
RECENT = 3600.0  # s for which it is told that a process was ended for a limit


class State(NamedTuple):
    """A lamp and the sentence beside it; `{time}` in it is when the holding began, which the browser knows to write."""

    tone: str
    shape: str
    word: str
    why: str


@dataclass(slots=True)
class Past:
    """What happened to the processes before: starts in the last hour, and who was last ended for a limit; by name.

    `plugins` is what plugins are called, by id, which is the name of their process.
    """

    now: float  # epoch s
    starts: Mapping[str, int] = field(default_factory=dict)
    ended: Mapping[str, LastRestart] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)


def shown_rows(stats: Stats, past: Past, words: Format, _: Translate) -> list[Row]:
    """Trouble first, then by name; those that wait for their next start too."""
    running = [shown_row(row, stats['mechanism'], past, words, _) for row in stats['processes'].values()]
    waiting = [gone_row(name, {'label': label_of(name, _, past.plugins), 'how': ''}, _, state, since)
               for name, state, since in waiting_of(stats, past, words, _)]  # fmt: skip
    return sorted([*running, *waiting], key=lambda row: (row['tone'] not in TROUBLE, natural(row['label'])))


def shown_row(row: Row, mechanism: str, past: Past, words: Format, _: Translate) -> Row:
    """A process as the browser takes it."""
    state, since = judged(row, mechanism, past, words, _)
    limit, memory_limit = row['limit'], row['memory_limit_mb']
    return {
        'name': row['name'], 'label': label_of(row['name'], _, past.plugins),
        'tone': state.tone, 'shape': state.shape, 'word': state.word,
        'why': state.why, 'since': since,
        'cpu': cpu_bar(row['average_cpu_percent'], row['cpu_percent'], limit),
        'cpu_text': percent(row['average_cpu_percent'], words), 'cpu_of': against(limit, percent, words, _),
        'cpu_look': {'busy': 'held', 'warn': 'warn' if row['throttled'] else ''}.get(state.tone, ''),
        'cpu_now': _('now {figure}').format(figure=percent(row['cpu_percent'], words)),
        'memory': memory_bar(row['memory_mb'], memory_limit), 'memory_text': megabytes(row['memory_mb'], words),
        'memory_of': against(memory_limit, megabytes, words, _),
        'memory_look': {'ok': '', 'warning': 'warn'}.get(row['memory_state'], 'bad'),
        'how': mechanism_word(row['mechanism'], _),
    }  # fmt: skip


def gone_row(name: str, before: Row, _: Translate, state: State | None = None, since: float | None = None) -> Row:
    """A process that has ended, kept in the list while somebody looks at it, or while it waits for its next start."""
    tone, shape, word, why = state or State('idle', 'ring', _('Not running'), '')
    return {**before, 'name': name, 'tone': tone, 'shape': shape, 'word': word, 'why': why, 'since': since,
            'cpu': NO_BAR, 'cpu_text': '–', 'cpu_of': '', 'cpu_now': '', 'cpu_look': '', 'memory': NO_BAR,
            'memory_text': '–', 'memory_of': '', 'memory_look': ''}  # fmt: skip


def judged(row: Row, mechanism: str, past: Past, words: Format, _: Translate) -> tuple[State, float | None]:
    """What to say of a process that runs, by what it does now and what happened before; `{time}` in it, epoch s."""
    state, ended = state_of(row, mechanism, words, _), past.ended.get(row['name'])
    if state.tone != 'bad' and ended is not None and ended.is_trouble(past.now):
        return State('warn', 'triangle', _('Ended often'), _ended_sentence(ended, _)), ended.when
    if state.why:
        return state, epoch_of(row['throttled_since'])
    if ended is not None and past.now < ended.when + RECENT:
        return state._replace(why=_ended_sentence(ended, _)), ended.when
    starts = past.starts.get(row['name'], 0)
    again = _('Started {count} times in the last hour.').format(count=starts) if starts > 1 else ''
    return state._replace(why=again), None


def waiting_of(stats: Stats, past: Past, words: Format, _: Translate) -> list[tuple[str, State, float]]:
    """Names of those that were ended too often to be started again at once, what to say of them, `{time}` in it."""
    running = {row['name'] for row in stats['processes'].values()}
    found = []
    for name, ended in past.ended.items():
        if name not in running and ended.is_trouble(past.now) and not ended.is_due(past.now):
            left = words.span(ended.when + ended.wait - past.now)
            why = _ended_sentence(ended, _) + ' ' + _('Next start in {left}.').format(left=left)
            found.append((name, State('warn', 'triangle', _('Ended often'), why), ended.when))
    return found


def count_trouble(stats: Stats, past: Past) -> int:
    """How many processes need somebody, those that wait too."""
    words = Format('en', str)
    running = [judged(row, stats['mechanism'], past, words, str)[0] for row in stats['processes'].values()]
    return sum(state.tone in TROUBLE for state in running) + len(waiting_of(stats, past, words, str))


def _ended_sentence(ended: LastRestart, _: Translate) -> str:
    sentence = (_('Ended at {time}: {why}.') if ended.count == 1 else
                _('Ended {count} times, last at {time}: {why}.'))  # fmt: skip
    return sentence.replace('{count}', str(ended.count)).replace('{why}', _(ended.why))


def state_of(row: Row, mechanism: str, words: Format, _: Translate) -> State:
    """The worst that can be said of it; `mechanism` is the limiter's own, for it may be another one than the row's."""
    memory = _memory_sentence(row, words, _)
    limit = percent(row['limit'] or 0.0, words)
    if row['memory_state'] in ('over', 'urgent'):
        return State('bad', 'diamond', _('Over limit'), memory)
    if row['throttled'] and row['mechanism'] in UNHELD:
        return State('warn', 'triangle', _('Not held'), _unheld_sentence(row['mechanism'], mechanism, limit, _))
    if memory:
        return State('warn', 'triangle', _('Warning'), memory)
    if row['throttled']:
        return State('busy', 'pause', _('Held'), _('Held at {limit} since {time}.').replace('{limit}', limit))
    if row['state'] == 'released':
        return State('idle', 'ring', _('Ending'), '')
    return State('good', 'dot', _('Running'), '')


def _memory_sentence(row: Row, words: Format, _: Translate) -> str:
    level = row['memory_state']
    if level == 'ok' or row['memory_limit_mb'] is None:
        return ''
    sentence = (_('Close to {limit} of memory; above, it is restarted.') if level == 'warning' else
                _('Above {limit} of memory; it is restarted.'))  # fmt: skip
    return sentence.format(limit=megabytes(row['memory_limit_mb'], words))


def _unheld_sentence(own: str, mechanism: str, limit: str, _: Translate) -> str:
    if own == 'priority':
        sentence = _('Above {limit} since {time}: only its priority is lowered.')
    elif mechanism == 'none':
        sentence = _('Above {limit} since {time}: nothing can be limited here.')
    else:
        sentence = _('Above {limit} since {time}: it belongs to another user and may not be stopped.')
    return sentence.replace('{limit}', limit)


def label_of(name: str, _: Translate, plugins: Mapping[str, str]) -> str:
    """The name of a process as it is shown; only what the program itself calls so is translated."""
    prefix, _blank, rest = name.rpartition(' ')
    if prefix == 'PLC worker':
        return _('PLC worker {address}').format(address=rest)
    if rest == TRIAL:
        return _('{name} (trial start)').format(name=plugins.get(prefix, prefix))
    return plugins.get(name, name)


def mechanism_word(name: str, _: Translate) -> str:
    """A way of limiting, in one or two words."""
    words = {'duty cycle': _('Pauses'), 'cgroup': _('Control group'), 'priority': _('Priority only'),
             'none': _('No limits')}  # fmt: skip
    return words.get(name, name)


def cpu_bar(average: float, latest: float, limit: float | None) -> Bar:
    """With a limit it is marked at three quarters; without one a full bar is as many whole cores as it takes."""
    whole = limit / MARK if limit else 100.0 * max(1, -(-max(average, latest) // 100))
    return [_share(average, whole), MARK if limit else None, _share(latest, whole)]


def memory_bar(mb: float, limit: float | None) -> Bar:
    """None without a limit: there is nothing to compare it with."""
    return [_share(mb, limit / MARK), MARK, None] if limit else NO_BAR


def _share(value: float, whole: float) -> float:
    return round(min(1.0, max(0.0, value / whole)), 3)


def against(limit: float | None, write: Callable[[float, Format], str], words: Format, _: Translate) -> str:
    """`of 50 %`, or that there is no limit."""
    return _('no limit') if limit is None else _('of {limit}').format(limit=write(limit, words))


def percent(value: float, words: Format) -> str:
    """49.8 %, 100 %."""
    text = f'{value:.0f}' if value >= 99.95 or float(value).is_integer() else f'{value:.1f}'
    return words.localized(text) + f'{NBSP}%'


def megabytes(value: float, words: Format) -> str:
    """4.2 MB, 120 MB."""
    text = f'{value:.1f}' if value < 9.95 and not float(value).is_integer() else f'{value:,.0f}'
    return words.localized(text) + f'{NBSP}MB'


def epoch_of(moment: str | None) -> float | None:
    """From ISO 8601, as the limiter writes times."""
    return None if moment is None else round(datetime.fromisoformat(moment).timestamp(), 1)
