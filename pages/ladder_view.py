"""The steps of reaching a device, as the owner sees them: which one fails, when, and what to do about it."""
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from edgeos.connections.ladder import Step
from edgeos.connections.state import Failure
from pages.format import Format
from pages.i18n import _, current_language
from pages.rows import Translate, say, say_hint
from pages.sheet import Button, Text

LOOKS = {'passed': 'ok', 'failed': 'fail', 'waiting': ''}

Repair = tuple[str, Callable[[], Any]]


def show_ladder(steps: Sequence[Step], failure: Failure | None, *, kind: str = '', is_trying: bool = False,
                repair: Repair | None = None) -> Element:  # fmt: skip
    """Network, answer, login, data, each with its time; the failed one with its sentence, hint and repair button.

    `kind` is the type of the connection, which may have its own word for a step. `is_trying` marks the first step that
    is still open as the one being waited for.
    """
    words = step_words(_, kind)
    steps = steps_of(steps, kind)
    trying = next((step.name for step in steps if step.state == 'waiting'), '') if is_trying else ''
    with ui.element('ol').classes('eo-ladder') as ladder:
        for step in steps:
            look = 'wait' if step.name == trying else LOOKS[step.state]
            with ui.element('li').classes(look):
                with ui.element('div').classes('eo-grow'):
                    Text('div', words[step.name])
                    Text('span', state_words(_)['trying' if look == 'wait' else step.state], 'eo-sr')
                    if step.state == 'failed' and failure is not None:
                        _show_failure(failure, repair)
                if step.ms is not None:
                    Text('span', Format(current_language(), _).milliseconds(step.ms), 'time')
    return ladder


def _show_failure(failure: Failure, repair: Repair | None) -> None:
    with ui.element('div').classes('eo-why eo-bad'):
        Text('b', say(_, failure))
        if hint := say_hint(_, failure):
            Text('span', hint, 'next')
    if repair is not None:
        Button(repair[0], repair[1], look='eo-repair')


def step_words(_: Translate, kind: str = '') -> dict[str, str]:
    """The steps from here to the device; a PLC knows no login, but must know the way back."""
    if kind in ('bluetooth', 'heard'):
        return {'network': _('Heard'), 'answer': _('Connected'), 'login': _('Services'), 'data': _('Values')}
    return {'network': _('Network'), 'answer': _('Answer'), 'login': _('Route') if kind == 'plc' else _('Login'),
            'data': _('Data')}  # fmt: skip


def steps_of(steps: Sequence[Step], kind: str) -> list[Step]:
    """Those that the kind has: what is only heard is never connected to, so all after the first is one step."""
    if kind != 'heard':
        return list(steps)
    first, *later = steps
    state = next((each.state for each in later if each.state != 'passed'), 'passed')
    took = [each.ms for each in later if each.ms is not None]
    return [first, Step('data', state, round(sum(took), 2) if took else None)]


def state_words(_: Translate) -> dict[str, str]:
    """For who cannot see the marks."""
    return {'passed': _('done'), 'failed': _('failed'), 'waiting': _('not reached'), 'trying': _('waiting')}

