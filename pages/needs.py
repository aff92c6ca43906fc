"""What needs the owner on this page: of the machine, and of the processes. Pure functions."""
from collections.abc import Sequence
from typing import NamedTuple

from edgeos.connections.history_file import Vital
from edgeos.system import System
from edgeos.vitals import EVERY
from pages.format import NBSP, Format, Translate
from pages.process_rows import Past, count_trouble, percent

FULL = 90.0  # %
HOT = 80.0  # °C
SLOW = 100.0  # ms
SLOW_SAMPLES = 5  # of which the middle one counts: a single hiccup needs nobody


class Warned(NamedTuple):
    """What needs the owner: which figure, a word for it, a sentence, and what to do."""

    figure: str
    word: str
    text: str
    hint: str


def warnings_of(vitals: Sequence[Vital], words: Format, _: Translate) -> list[Warned]:
    """By the newest of them."""
    if not vitals:
        return []
    now, found = vitals[-1], []
    if now.disk > FULL:
        found.append(Warned('disk', _('nearly full'),
                            _('The disk is {percent} full.').format(percent=percent(now.disk, words)),
                            _('Make room on it: when it is full, histories and reports are lost.')))  # fmt: skip
    if now.memory > FULL:
        found.append(Warned('memory', _('nearly full'),
                            _('The memory is {percent} full.').format(percent=percent(now.memory, words)),
                            _('See below which process takes it, and restart it or lower its limit.')))  # fmt: skip
    if now.temperature > HOT:
        found.append(Warned('temperature', _('too hot'),
                            _('The processor is at {degrees}.').format(degrees=degrees(now.temperature, words)),
                            _('Give it air or shade: it becomes slow to protect itself.')))  # fmt: skip
    lags = sorted(vital.lag for vital in vitals[-SLOW_SAMPLES:])
    lag = lags[len(lags) // 2]
    if lag > SLOW and len(vitals) >= SLOW_SAMPLES:
        found.append(Warned('lag', _('late'),
                            _('The program answers {ms} late.').format(ms=words.milliseconds(lag)),
                            _('See below what takes the CPU; fewer values or slower polling help.')))  # fmt: skip
    return found


def degrees(value: float, words: Format) -> str:
    """54 °C."""
    return words.localized(f'{value:.0f}') + f'{NBSP}°C'


def count_needs(system: System) -> int:
    """For the badge: the same that the page counts."""
    machine = warnings_of(system.vitals.recent(SLOW_SAMPLES * EVERY + 1), Format('en', str), str)
    past = Past(system.services.clock.wall(), ended=system.limits.restarts)
    return len(machine) + count_trouble(system.limits.limiter.get_stats(), past)
