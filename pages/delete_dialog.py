"""Deleting connections: says what is lost before it is."""
from nicegui import ui

from edgeos.connections.connection import Connection
from edgeos.connections.manager import UnknownConnection
from edgeos.settings import SettingsError
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.toasts import say_done, say_trouble

NAMED = 5
DAY = 86_400.0
WEEK = 7 * 86_400


async def ask(house: House, ids: list[str]) -> None:
    """Ask whether these connections shall go, and let them go."""
    known = house.system.connections.connections
    chosen = [known[each] for each in ids if each in known]
    if not chosen:
        say_trouble(_('This connection does not exist any more.'))
    elif await may_edit(house):
        await one_per_page('delete', lambda: DeleteDialog(house)).ask(chosen)


class DeleteDialog:
    """Names what goes, and what goes with it; Cancel has the focus."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._chosen: list[Connection] = []
        self._sheet = Sheet(look='small')
        with self._sheet.body:
            self._lost = ui.element('div').classes('eo-col')
        with self._sheet.bar:
            self._cancel = Button(_('Cancel'), self._sheet.close).take_focus()
            self._delete = Button(_('Delete'), self._remove, look='danger pri')

    async def ask(self, chosen: list[Connection]) -> None:
        """Open with these connections."""
        self._chosen = chosen
        one = chosen[0] if len(chosen) == 1 else None
        self._sheet.set_title(_('Delete {name}?').format(name=one.name) if one else
                              _('Delete {count} connections?').format(count=len(chosen)))  # fmt: skip
        losses = await self._losses_of(one) if one else names_of(chosen)
        self._lost.clear()
        with self._lost:
            Text('p', _('This is lost for good:'))
            with ui.element('ul').classes('eo-losses'):
                for loss in losses:
                    Text('li', loss)
            if one is None:
                values = sum(len(connection.source.points) for connection in chosen)
                Text('p', _('With their settings, passwords and history, and {count} live values.')
                     .format(count=values))  # fmt: skip
            if routes := self._routes_of(chosen):
                with ui.element('div').classes('eo-why eo-warn'):
                    Text('b', _('Used by {count} route').format(count=routes) if routes == 1 else
                         _('Used by {count} routes').format(count=routes))  # fmt: skip
                    Text('span', _('They stay, but have nothing to copy until it is back.'), 'next')
        self._sheet.open()

    async def _losses_of(self, connection: Connection) -> list[str]:
        losses = [_('the settings of {id}').format(id=connection.id)]
        manager, secrets = self._house.system.connections, connection.SECRETS
        if any(manager.has_secret(connection, key) and not refers(connection, key) for key in secrets):
            losses.append(_('the stored password'))
        if days := await self._days_of_history(connection):
            losses.append(_('the history of {count} day').format(count=days) if days == 1 else
                          _('the history of {count} days').format(count=days))  # fmt: skip
        if values := len(connection.source.points):
            losses.append(_('{count} live value').format(count=values) if values == 1 else
                          _('{count} live values').format(count=values))  # fmt: skip
        return losses

    async def _days_of_history(self, connection: Connection) -> int:
        """Begun days, from the oldest minute that is kept; today's seconds count as one."""
        minutes = await self._house.system.history.minutes(connection.id, WEEK)
        if minutes:
            return 1 + int((connection.clock.wall() - minutes[0].t) // DAY)
        return 1 if connection.traffic.recent(60) else 0

    def _routes_of(self, chosen: list[Connection]) -> int:
        ids = {connection.id for connection in chosen}
        routes = self._house.system.settings_file.settings.routes
        return sum(1 for route in routes if ids & {end.partition('/')[0] for end in (route.from_, route.to)})

    async def _remove(self) -> None:
        if not await may_edit(self._house):
            return
        self._delete.set_busy(True)
        manager, failed, why = self._house.system.connections, list[str](), ''
        there = [chosen for chosen in self._chosen if chosen.id in manager.connections]  # others may have deleted too
        try:
            await manager.remove(*(connection.id for connection in there))
        except (UnknownConnection, SettingsError, OSError) as error:
            failed, why = [connection.name for connection in there], str(error)
        self._delete.set_busy(False)
        self._sheet.close()
        self._report(len(self._chosen) - len(failed), failed, why)
        self._chosen = []

    def _report(self, done: int, failed: list[str], why: str) -> None:
        if failed:
            names = ', '.join(failed[:NAMED])
            say_trouble(_('{names} could not be deleted: {why}').format(names=names, why=why))
        elif done == 1:
            say_done(_('{name} was deleted.').format(name=self._chosen[0].name))
        else:
            say_done(_('{count} connections were deleted.').format(count=done))


def names_of(chosen: list[Connection]) -> list[str]:
    """The first few, and how many more there are."""
    names = [connection.name for connection in chosen[:NAMED]]
    if len(chosen) > NAMED:
        names.append(_('and {count} more').format(count=len(chosen) - NAMED))
    return names


def refers(connection: Connection, key: str) -> bool:
    """Whether a secret is only named in the settings and lives in the environment."""
    return str(connection.settings.config.get(key) or '').startswith('env:')
