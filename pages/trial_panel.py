"""Trying settings out before they are saved: the ladder, the time it took and the first values as the proof."""
import time
from collections.abc import Awaitable
from typing import Any

from nicegui import ui

from edgeos.connections.journal import visible
from edgeos.connections.ladder import STEPS, Step
from edgeos.connections.manager import InvalidConfig
from edgeos.connections.trial import TrialResult
from pages.connection_form import ConnectionForm
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.ladder_view import Repair, show_ladder
from pages.sheet import Text

NAME_CHARACTERS = 160


class TrialPanel:
    """One trial at a time; a newer one, or `forget`, makes the older one's answer go unheard."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._turn = 0
        self._began = 0.0
        self.is_running = False
        self.area = ui.element('section').classes('eo-trial').props('role="status" tabindex="-1"')
        self._clock: Text | None = None
        self.area.set_visibility(False)

    def begin(self, body: dict[str, Any], form: ConnectionForm) -> Awaitable[TrialResult | None]:
        """Await it for the result, or None when nobody waits for that any more; raises InvalidConfig."""
        self._turn += 1
        self._show_waiting(form)
        return self._run(self._turn, body, form)

    async def _run(self, turn: int, body: dict[str, Any], form: ConnectionForm) -> TrialResult | None:
        try:
            result = await self._house.system.connections.test(body)
        except InvalidConfig:
            if turn != self._turn:
                return None
            raise
        finally:
            if turn == self._turn:
                self.is_running = False
        if turn != self._turn or self.area.is_deleted:
            return None
        self._show(result, form)
        return result

    def forget(self) -> None:
        """Nothing is being tried and nothing is shown."""
        self._turn += 1
        self.is_running = False
        self.area.set_visibility(False)
        self.area.classes(remove='old')

    def grow_old(self) -> None:
        """What is shown was true for other settings than those in the form now."""
        if self.is_running:
            self.forget()
        elif self.area.visible:
            self.area.classes(add='old')

    def tick(self) -> None:
        """Once a second, so that waiting is seen to go on."""
        if self.is_running and self._clock is not None:
            seconds = round(time.monotonic() - self._began)
            self._clock.text = _('{count} s').format(count=seconds)

    def _show_waiting(self, form: ConnectionForm) -> None:
        self.is_running, self._began = True, time.monotonic()
        self.area.classes(remove='old')
        self.area.clear()
        self.area.set_visibility(True)
        with self.area:
            with ui.element('div').classes('eo-row'):
                Text('h3', _('Testing'))
                self._clock = Text('span', '', 'eo-muted eo-num')
            show_ladder([Step(name, 'waiting', None) for name in STEPS], None, kind=form.ladder_kind, is_trying=True)
        self._come_into_view()

    def _show(self, result: TrialResult, form: ConnectionForm) -> None:
        self.area.clear()
        self._clock = None
        with self.area:
            Text('h3', _('It works') if result.ok else _('It does not work yet'))
            show_ladder(result.steps, result.error, kind=form.ladder_kind,
                        repair=None if result.ok else repair_for(result, form))  # fmt: skip
            if result.ok:
                show_proof(result, form.without_values())
        self._come_into_view()
        if not result.ok:
            self.area.run_method('focus')  # the Save button that may have had it is gone

    def _come_into_view(self) -> None:
        self.area.run_method('scrollIntoView', {'block': 'nearest'})


def repair_for(result: TrialResult, form: ConnectionForm) -> Repair | None:
    """The way to the field that most likely is wrong."""
    found = form.repair_of(result.error.code) if result.error else None
    return (found[0], found[1].focus) if found else None


def show_proof(result: TrialResult, without_values: str) -> None:
    """What the device calls itself, and its first values, or that there are none yet."""
    if result.detail:
        Text('p', _('It answers: {detail}').format(detail=visible(result.detail, NAME_CHARACTERS)), 'eo-answers')
    if not result.values:
        Text('p', without_values, 'eo-hint')
        return
    form = Format(current_language(), _)
    Text('p', _('The first values:'), 'eo-hint')
    with ui.element('dl').classes('eo-proof'):
        for point in result.values:
            Text('dt', visible(point.name, NAME_CHARACTERS), 'eo-ellipsis')
            Text('dd', f'{form.value(point.value)} {point.unit}'.strip(), 'eo-ellipsis eo-num')

