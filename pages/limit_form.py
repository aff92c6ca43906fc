"""What the owner types as a limit: for one process, and for all that have none of their own."""
import asyncio
from collections.abc import Awaitable, Callable

from nicegui import ui

from edgeos.bounds import LEAST_CPU, LEAST_MEMORY
from edgeos.settings import SettingsError
from edgeos.settings_models import MOST_CPU, MOST_MEMORY, LimitSettings, ProcessLimit
from pages.format import Format
from pages.forms import DecimalField, NumberField, choice_field, decimal_field, focus_first_error, number_field
from pages.frame import House
from pages.i18n import _, current_language
from pages.pin_gate import may_edit
from pages.process_rows import megabytes, percent
from pages.sheet import Button, Text
from pages.toasts import say_done, say_trouble

DEFAULT, NONE, OWN = 'default', 'none', 'own'


class LimitChoice:
    """Default, none, or a number of its own, which is asked for only then."""

    def __init__(self, label: str, default: str, limit: float | None, otherwise: float,
                 make_number: Callable[[], DecimalField | NumberField]) -> None:  # fmt: skip
        """`otherwise` is proposed where there is no number yet."""
        options = {DEFAULT: _('As for all: {limit}').format(limit=default), NONE: _('No limit'), OWN: _('Its own')}
        self._choice = choice_field(label, options, choice_of(limit)).on_change(self._show)
        self.number = make_number()
        self._propose(limit or otherwise)
        self._show()

    @property
    def is_valid(self) -> bool:
        return self._choice.value != OWN or self.number.check()

    @property
    def limit(self) -> float | None:
        """As ProcessLimit has it: None is the default, 0 none."""
        return {DEFAULT: None, NONE: 0}.get(self._choice.value, self.number.value)

    def put(self, limit: float | None) -> None:
        """Another limit was set."""
        self._choice.value = choice_of(limit)
        if limit:
            self._propose(limit)
        self._show()

    def _propose(self, value: float) -> None:
        if isinstance(self.number, NumberField):
            self.number.value = int(value)
        else:
            self.number.value = value

    def _show(self) -> None:
        self.number.set_visibility(self._choice.value == OWN)


class ProcessLimitForm:
    """The limits of one process; they hold at once."""

    def __init__(self, house: House, name: str) -> None:
        self._house = house
        self._name = name
        words, held = Format(current_language(), _), house.system.settings_file.settings.limits
        own = house.system.limits.of(name)
        with ui.element('form').classes('eo-form sy-limits').props('novalidate autocomplete="off"') as form:
            Text('h3', _('Limits'))
            self._cpu = LimitChoice(_('CPU'), percent(held.cpu_percent, words), own.cpu_percent, held.cpu_percent,
                                    _cpu_field)  # fmt: skip
            self._memory = LimitChoice(_('Memory'), megabytes(held.memory_mb, words), own.memory_mb, held.memory_mb,
                                       _memory_field)  # fmt: skip
            self._apply = Button(_('Apply'), look='pri', submits=True)
        form.on('submit.prevent', self._submit, [])

    async def _submit(self) -> None:
        if not all([self._cpu.is_valid, self._memory.is_valid]):
            focus_first_error([self._cpu.number, self._memory.number])
            return
        if not await may_edit(self._house):
            return
        before, memory = self._house.system.limits.of(self._name), self._memory.limit
        wanted = ProcessLimit(cpu_percent=self._cpu.limit, memory_mb=None if memory is None else int(memory))
        self._apply.set_busy(True)
        if await self._change(wanted):
            say_done(_('The limits hold now.'), undo=lambda: self._undo(before))
        self._apply.set_busy(False)

    async def _change(self, limit: ProcessLimit) -> bool:
        return await stored(lambda: self._house.system.limits.change(self._name, limit))

    async def _undo(self, before: ProcessLimit) -> None:
        if await self._change(before):
            self._cpu.put(before.cpu_percent)
            self._memory.put(before.memory_mb)


class DefaultsForm:
    """The limits of every process that has none of its own."""

    def __init__(self, house: House) -> None:
        self._house = house
        with ui.element('section').classes('eo-panel sy-defaults').props(f'aria-label="{_("Limits for all")}"'):
            Text('h2', _('Limits for all'))
            Text('p', _('For each PLC worker and plugin. Those with limits of their own keep them.'), 'eo-muted')
            with ui.element('form').classes('eo-form').props('novalidate autocomplete="off"') as form:
                with ui.element('div').classes('eo-fields even'):
                    self._cpu, self._memory = _cpu_field(), _memory_field()
                self._save = Button(_('Save'), look='pri', submits=True)
            form.on('submit.prevent', self._submit, [])
        self._put(house.system.settings_file.settings.limits)

    async def _submit(self) -> None:
        cpu, memory = self._cpu, self._memory
        if not all([cpu.check(), memory.check()]):
            focus_first_error([cpu, memory])
            return
        if not await may_edit(self._house):
            return
        before = self._house.system.settings_file.settings.limits
        self._save.set_busy(True)
        if await self._change(cpu.value or before.cpu_percent, memory.value or before.memory_mb):
            say_done(_('The limits for all hold now.'), undo=lambda: self._undo(before))
        self._save.set_busy(False)

    async def _change(self, cpu: float, memory: int) -> bool:
        limits, settings_file = self._house.system.limits, self._house.system.settings_file

        async def change() -> None:
            await asyncio.to_thread(settings_file.set_values, {'limits.cpu_percent': cpu, 'limits.memory_mb': memory})
            limits.apply_defaults()

        return await stored(change)

    async def _undo(self, before: LimitSettings) -> None:
        if await self._change(before.cpu_percent, before.memory_mb):
            self._put(before)

    def _put(self, limits: LimitSettings) -> None:
        self._cpu.value, self._memory.value = limits.cpu_percent, limits.memory_mb


async def stored(change: Callable[[], Awaitable[None]]) -> bool:
    """Do it; says what is wrong if that does not work."""
    try:
        await change()
    except (SettingsError, OSError) as error:
        say_trouble(str(error))
        return False
    return True


def choice_of(limit: float | None) -> str:
    """Which of the three a limit is."""
    return DEFAULT if limit is None else OWN if limit else NONE


def _cpu_field() -> DecimalField:
    return decimal_field(_('CPU limit'), _('100 % is one whole core; this machine has {count}.').format(
        count=MOST_CPU // 100), low=LEAST_CPU, high=MOST_CPU, unit=_('% of one core'))  # fmt: skip


def _memory_field() -> NumberField:
    return number_field(_('Memory limit'), hint=_('Above it, the process is restarted.'), low=LEAST_MEMORY,
                        high=MOST_MEMORY, unit='MB')  # fmt: skip
