"""The Connection Manager: every connection at a glance."""
from functools import partial

from nicegui import context, ui

from edgeos.connections.manager import UnknownConnection
from edgeos.settings import SettingsError
from pages import connection_dialog, delete_dialog, demo_page, evidence
from pages.frame import House
from pages.i18n import _, current_language
from pages.overview_grid import OverviewGrid, overview_labels
from pages.toasts import say_done, say_trouble

BULK = 'bulk_'
PAUSE_MINUTES = 10


def content(house: House) -> None:
    """One element for all connections, and the dialogs around it."""
    language = current_language()
    rows = house.feed.first_rows(language)
    grid = OverviewGrid(rows, labels=overview_labels(_), locale=language,
                        settings={'can_demo': house.system.demo is None})  # fmt: skip
    context.client.on_delete(house.feed.join(grid, language, rows))
    grid.on_add(partial(connection_dialog.add, house))
    grid.on_demo(partial(demo_page.start, house))
    grid.on_action(partial(act, house, grid))


async def act(house: House, grid: OverviewGrid, action: str, ids: list[str]) -> None:
    """Do what a button asks for."""
    if action.startswith(BULK):
        await act_on_many(house, grid, action.removeprefix(BULK), ids)
    elif not ids or ids[0] not in house.system.connections.connections:
        say_trouble(_('This connection does not exist any more.'))
    elif action == 'stats':
        ui.navigate.to(f'/connections/{ids[0]}')
    elif action == 'edit':
        await connection_dialog.edit(house, ids[0])
    elif action == 'delete':
        await delete_dialog.ask(house, ids)
    elif action == 'log':
        evidence.show(house, ids[0])
    else:
        await switch(house, action, ids[0])


async def switch(house: House, action: str, connection_id: str) -> None:
    """Connect, retry, pause or disconnect one."""
    manager = house.system.connections
    try:
        if action == 'pause':
            connection = await manager.pause(connection_id, PAUSE_MINUTES * 60)
            say_done(_('{name} is paused for {count} minutes.').format(name=connection.name, count=PAUSE_MINUTES),
                     undo=partial(manager.connect, connection_id))  # fmt: skip
            return
        if action == 'disconnect':
            (connection,) = await manager.disconnect(connection_id)
            say_done(_('{name} is off.').format(name=connection.name), undo=partial(manager.connect, connection_id))
        else:
            await manager.connect(connection_id)
    except (SettingsError, OSError) as error:
        say_trouble(str(error))


async def act_on_many(house: House, grid: OverviewGrid, action: str, ids: list[str]) -> None:
    """The same for all that are selected; says how many it went well for."""
    manager = house.system.connections
    if action == 'delete':
        await delete_dialog.ask(house, ids)
        return
    if action == 'export':
        connection_dialog.export(house, ids)
        return
    there = [connection_id for connection_id in ids if connection_id in manager.connections]
    if action == 'retry':  # what the owner has stopped stays stopped
        there = ids = [connection_id for connection_id in there if manager.get(connection_id).enabled]
    failed = [connection_id for connection_id in ids if connection_id not in there]
    try:
        await (manager.disconnect(*there) if action == 'disconnect' else manager.connect(*there))
    except (UnknownConnection, SettingsError, OSError) as error:
        say_trouble(str(error))
        there, failed = [], ids
    text = _('{count} done').format(count=len(there))
    if failed:
        text += ', ' + _('{count} failed').format(count=len(failed))
    grid.report(text, failed)
