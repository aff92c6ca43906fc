"""How the machine is now, in a row of figures, and what needs the owner, with what to do."""
from collections.abc import Callable
from math import isnan

from nicegui import ui

from edgeos.connections.history_file import Vital
from edgeos.vitals import EVERY, LATE
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.live_text import LiveTexts
from pages.needs import SLOW_SAMPLES, Warned, degrees, warnings_of
from pages.process_rows import percent
from pages.sheet import Text

STALE = LATE * EVERY  # s


class MachineHead:
    """Tiles, and boxes for what needs the owner."""

    def __init__(self, house: House) -> None:
        self._system = house.system
        self._format = Format(current_language(), _)
        self._texts = LiveTexts()
        self._tiles: dict[str, ui.element] = {}
        self._words: dict[str, str] = {}
        self._shown: list[Warned] = []
        self._said: list[Text] = []
        self.warnings: list[Warned] = []
        self._look()
        with ui.element('div').classes('cp-figures sy-figures') as self._figures:
            self._build()
        self._boxes = ui.element('div').classes('sy-boxes').props('role=status')
        self.tick()

    def tick(self) -> None:
        """A second has passed."""
        self._look()
        self._texts.tick()
        if self.warnings == self._shown:
            return
        for name, tile in self._tiles.items():
            is_warned = name in self._words
            tile.classes(add='eo-warn' if is_warned else '', remove='' if is_warned else 'eo-warn')
        if [each.figure for each in self.warnings] != [each.figure for each in self._shown]:
            self._boxes.clear()
            with self._boxes:
                self._said = [self._box(each) for each in self.warnings]
        for text, each in zip(self._said, self.warnings, strict=True):
            text.set_text(each.text)
        self._shown = self.warnings

    def _box(self, warned: Warned) -> Text:
        with ui.element('div').classes('eo-why eo-warn'):
            text = Text('b', warned.text)
            Text('span', warned.hint, 'next')
        return text

    def _look(self) -> None:
        self.warnings = warnings_of(self._system.vitals.recent(SLOW_SAMPLES * EVERY + 1), self._format, _)
        self._words = {each.figure: each.word for each in self.warnings}

    def _build(self) -> None:
        write = self._format
        self._tile('cpu', _('CPU'), lambda now: percent(round(now.cpu), write), self._cores_note)
        self._tile('memory', _('Memory'), lambda now: percent(round(now.memory), write), lambda: _('in use'))
        self._tile('disk', _('Disk'), lambda now: percent(round(now.disk), write), lambda: _('in use'))
        latest = self._system.vitals.latest
        if latest is not None and not isnan(latest.temperature):
            self._tile('temperature', _('Temperature'),
                       lambda now: '–' if isnan(now.temperature) else degrees(now.temperature, write),
                       lambda: _('of the processor'))  # fmt: skip
        self._tile('load', _('Load'), lambda now: write.localized(f'{now.load:.2f}'), lambda: _('over 1 min'))
        self._tile('lag', _('Delay'), lambda now: write.milliseconds(now.lag), lambda: _('Event loop'))
        self._tile('uptime', _('Running for'), None, lambda: '')

    def _tile(self, name: str, title: str, read: Callable[[Vital], str] | None, note: Callable[[], str]) -> None:
        with ui.element('div').classes('cp-figure') as tile:
            Text('span', title)
            self._texts.add('b', lambda: self._read(read), 'eo-figure')
            self._texts.add('span', lambda: self._words.get(name) or self._age() or note(), 'note')
        self._tiles[name] = tile

    def _read(self, read: Callable[[Vital], str] | None) -> str:
        if read is None:
            return self._format.span(self._system.uptime)
        latest = self._system.vitals.latest
        return '–' if latest is None else read(latest)

    def _age(self) -> str:
        """How old the figures are, if they are; a disk that hangs holds up the measuring."""
        latest = self._system.vitals.latest
        age = self._system.services.clock.wall() - latest.t if latest is not None else 0.0
        self._figures.classes(add='stale' if age > STALE else '', remove='' if age > STALE else 'stale')
        return self._format.ago(age) if age > STALE else ''

    def _cores_note(self) -> str:
        latest = self._system.vitals.latest
        count = len(latest.cores) if latest is not None else 1
        return _('of 1 core') if count == 1 else _('of {count} cores').format(count=count)
