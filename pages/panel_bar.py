"""The bar of the panel on the wall: time, trouble, whether changes are locked, and the power menu."""
from pathlib import Path

from nicegui import ElementFilter, context, ui
from nicegui.element import Element

from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.panel import keyboard_of, real_keyboard, rest_of
from pages.panel_power import open_power
from pages.pin_gate import caller_of, may_edit
from pages.toasts import say_done
from pages.words import say_needs

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
TICK = 1.0  # s


class PanelBar(Element, component=_ASSETS / 'panel' / 'panel_bar.js'):
    """One element, below the places of the rail. Time and countdown run in the browser."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house
        self._who, _address = caller_of(context.client)
        self._request = context.client.request
        self._until = 0.0  # when changes lock by themselves, as the browser was told
        self._format = Format(current_language(), _)
        self._props['words'] = _words()
        self._props['locale'] = current_language()
        self.on('unlock', self._unlock, [])
        self.on('lock', self._lock_now, [])
        self.on('power', self._open_power, [])
        self.on('dark', self._went_dark, [])
        self._refresh()
        ui.timer(TICK, self._tick)

    async def _tick(self) -> None:
        await real_keyboard.look()
        self._refresh()

    def _refresh(self) -> None:
        kiosk, feed = self._house.system.settings_file.settings.kiosk, self._house.feed
        trouble = feed.count_trouble()
        self._set('trouble', trouble)
        self._set('grave', feed.is_grave)
        self._set('sum', say_needs(trouble, self._format))
        self._set('power', kiosk.power_menu)
        self._set('rest', rest_of(kiosk))
        self._set('keyboard', keyboard_of(kiosk, self._request))
        self._show_lock()

    def _set(self, name: str, value: object) -> None:
        if name not in self._props or self._props[name] != value:
            self._props[name] = value

    def _show_lock(self) -> None:
        pin = self._house.doors.pin
        left = pin.seconds_left(self._who)
        if not pin.is_needed or not left:
            self._until = 0.0
            self._set('lock', 0 if pin.is_needed else -1)
            return
        until = self._house.system.services.clock.monotonic() + left
        if abs(until - self._until) > 1:
            self._until = until
            self._set('lock', round(left, 1))

    async def _unlock(self) -> None:
        await may_edit(self._house)
        self._refresh()

    def _lock_now(self) -> None:
        self._house.doors.pin.lock(self._who)
        self._refresh()
        say_done(_('Changes need the PIN again.'))

    def _went_dark(self) -> None:
        """Whoever wakes it is somebody else: changes are locked, and what was begun behind the PIN is not left open."""
        self._house.doors.pin.lock(self._who)
        self._refresh()
        if self._house.doors.pin.is_needed:
            for dialog in ElementFilter(kind=ui.dialog):
                dialog.close()

    async def _open_power(self) -> None:
        if await may_edit(self._house):
            await open_power(self._house)
        self._refresh()


def _words() -> dict[str, str]:
    return {
        'bar': _('Panel'),
        'well': _('All well'),
        'needs_one': _('needs you'),
        'needs_many': _('need you'),
        'locked': _('Locked'),
        'locked_hint': _('Changes are locked. Unlock with the PIN'),
        'unlocked_for': _('Unlocked for {time} · Lock now'),
        'lock_now': _('Lock now'),
        'power': _('Restart or switch off'),
    }
