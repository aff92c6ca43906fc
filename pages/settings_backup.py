"""Backup and restore: the settings as a file to take away, and what a file would change before it does."""
import asyncio
import time
from datetime import datetime

from nicegui import events, ui

from edgeos.backup import MAX_ARCHIVE, Backup, BackupError, make_backup, read_backup
from edgeos.plugins.returning import Return
from edgeos.restore import AT_ONCE, Changed, Plan, plan_restore, restore
from edgeos.settings import ConnectionSettings, SettingsError
from pages.forms import SwitchField, switch_field
from pages.frame import House
from pages.i18n import _
from pages.permission_words import say_permissions
from pages.pin_gate import may_edit
from pages.sheet import Button, Text
from pages.toasts import say_done, say_trouble

MOST_LINES = 30
RELOAD_SECONDS = 2.5  # time to read what was done, before language or theme change


def add_backup(house: House) -> None:
    """One panel: take away, and bring back."""
    with ui.element('section').classes('eo-panel st-backup'):
        Text('h2', _('Backup'))
        Text('p', _('Connections, routes, settings, and which plugins there are with their settings, as one file. '
                    'Your password, PIN and API tokens are never in it, nor what plugins have kept.'),
             'eo-muted')  # fmt: skip
        _add_download(house)
        Restore(house)


def _add_download(house: House) -> None:
    with_secrets = switch_field(_('Include the passwords of connections and plugins'))
    warning = Text('p', _('Whoever has the file can read these passwords. Keep it as safe as a key.'),
                   'eo-why eo-warn')  # fmt: skip
    warning.set_visibility(False)
    with_secrets.on_change(lambda: warning.set_visibility(with_secrets.value))

    async def download() -> None:
        if with_secrets.value and not await may_edit(house):
            return
        button.set_busy(True)
        try:
            data = await asyncio.to_thread(make_backup, house.system, with_secrets=with_secrets.value)
        except (BackupError, SettingsError, OSError) as error:
            say_trouble(str(error))
        else:
            ui.download(data, f'smarthome-edge-os-{time.strftime("%Y-%m-%d")}.zip', 'application/zip')
        finally:
            button.set_busy(False)

    with ui.element('div').classes('eo-row'):
        button = Button(_('Download backup'), download, icon='download')


class Restore:
    """Takes a file, says what it would change, and changes it when that is confirmed."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._backup: Backup | None = None
        self._returns: list[Return] = []
        self._with_plugins: SwitchField | None = None
        Text('h3', _('Restore'), 'st-restore')
        self._upload = ui.upload(auto_upload=True, max_file_size=MAX_ARCHIVE, on_upload=self._take,
                                 on_rejected=self._reject).classes('st-upload').props('accept=.zip')  # fmt: skip
        with ui.element('div').classes('eo-row') as self._place:
            self._choose = Button(_('Choose a backup'), icon='upload')
            self._choose.on('click', js_handler=f'() => getElement({self._upload.id}).pickFiles()')
        with ui.element('div').classes('eo-field'):
            self._error = Text('div', '', 'eo-error').props('role=alert')
        self._plan = ui.element('div').classes('st-plan').props('role=region tabindex=-1')
        self._plan.props['aria-label'] = _('What the backup would change')
        self._clear()

    def _clear(self) -> None:
        self._backup, self._returns, self._with_plugins = None, [], None
        self._error.set_visibility(False)
        self._plan.set_visibility(False)
        self._plan.clear()
        self._upload.reset()

    def _reject(self) -> None:
        self._clear()
        self._say_error(_('A backup is a zip file of at most 1 MB.'))

    def _say_error(self, text: str) -> None:
        self._error.set_text(text)
        self._error.set_visibility(True)
        _bring_into_view(self._error)

    async def _take(self, event: events.UploadEventArguments) -> None:
        self._clear()
        try:
            if event.file.size() > MAX_ARCHIVE:
                raise BackupError('The file is larger than a backup can be.')
            backup = await asyncio.to_thread(read_backup, await event.file.read())
            plan = await asyncio.to_thread(plan_restore, self._house.system, backup)
            self._returns = await self._house.system.plugins.returning.plan(backup.plugins)
        except BackupError as error:
            self._say_error(_(error.notice.template).format_map(error.notice.values))
            return
        self._backup = backup
        self._show(backup, plan)

    def _show(self, backup: Backup, plan: Plan) -> None:
        self._plan.set_visibility(True)
        with self._plan:
            Text('b', _('Made {created} by version {version}').format(
                created=_local(backup.created), version=backup.version))  # fmt: skip
            is_empty = plan.is_empty and not any(each.release for each in self._returns)
            if plan.is_empty and not self._returns:
                Text('p', _('It changes nothing: everything is already like this.'))
            _list_changes(plan)
            self._with_plugins = _list_plugins(self._returns)
            with ui.element('div').classes('eo-row eo-wrap st-plan-bar'):
                Button(_('Close') if is_empty else _('Cancel'), self._clear)
                if not is_empty:
                    self._button = Button(_('Restore'), self._restore, look='pri')
        _bring_into_view(self._plan)

    async def _restore(self) -> None:
        backup = self._backup
        if backup is None or not await may_edit(self._house):
            return
        self._button.set_busy(True)
        try:
            plan = await restore(self._house.system, backup)
        except BackupError as error:
            self._say_error(_(error.notice.template).format_map(error.notice.values))
            return
        except (SettingsError, OSError) as error:
            self._say_error(str(error))
            return
        finally:
            self._button.set_busy(False)
        with self._place:  # the button that was pressed goes away
            returns = self._returns if self._with_plugins is not None and self._with_plugins.value else []
            self._house.system.plugins.returning.bring_back(returns)
            self._clear()
            say_done(_('Restored. The old settings are kept beside the new ones.') if not returns else
                     _('Restored. The plugins are being installed; the page Plugins shows them as they come.'))
            if any(key in AT_ONCE for key in plan.others):
                ui.timer(RELOAD_SECONDS, ui.navigate.reload, once=True)


def _local(created: str) -> str:
    """The time in the house's own zone; a file may claim anything."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime('%Y-%m-%d %H:%M')
    except (ValueError, OverflowError, OSError):
        return '?'


def _bring_into_view(element: ui.element) -> None:
    ui.run_javascript(f'setTimeout(() => document.getElementById("{element.html_id}").scrollIntoView('
                      '{block: "nearest"}), 50)')  # fmt: skip


def _list_changes(plan: Plan) -> None:
    lines: list[tuple[str, str, str, str]] = []
    lines += [('eo-good', _('New'), *_named(each)) for each in plan.added]
    lines += [('eo-warn', _('Changed'), *_changed(each)) for each in plan.changed]
    lines += [('eo-bad', _('Removed'), *_named(each)) for each in plan.removed]
    if secrets := plan.secrets.keys() - {each.id for each in plan.added}:
        lines.append(('eo-warn', _('Changed'), _('Passwords of connections'), ', '.join(sorted(secrets))))
    if plan.others:
        lines.append(('eo-warn', _('Changed'), _('Other settings'), ', '.join(plan.others)))
    if lines:
        with ui.element('ul').classes('st-changes'):
            for line in lines[:MOST_LINES]:
                _add_line(*line)
    if len(lines) > MOST_LINES:
        Text('p', _('and {count} more').format(count=len(lines) - MOST_LINES), 'eo-muted')
    if plan.removed:
        Text('p', _('What is removed is disconnected, and its stored password is forgotten.'), 'eo-small')
    if plan.needs_restart:
        Text('p', _('Some of the other settings apply from the next start on.'), 'eo-small')


def _list_plugins(returns: list[Return]) -> SwitchField | None:
    """Each with what it may do then; the switch that says whether they are installed, if any can be."""
    if not returns:
        return None
    Text('b', _('Plugins'))
    with ui.element('ul').classes('st-changes'):
        for each in returns[:MOST_LINES]:
            _add_plugin(each)
    if len(returns) > MOST_LINES:
        Text('p', _('and {count} more').format(count=len(returns) - MOST_LINES), 'eo-muted')
    if not any(each.release for each in returns):
        return None
    return switch_field(_('Install these plugins, with what they may do'), value=True)


def _add_plugin(each: Return) -> None:
    if each.release is None:
        why = each.why_not
        _add_line('eo-warn', _('Missing'), each.plugin.name, _(why.template).format_map(why.values) if why else '')
        return
    said = [permission.text for permission in say_permissions(each.release.permissions, (), _)]
    _add_line('eo-good', _('New'), f'{each.release.name} {each.release.version}', '. '.join(said))


def _add_line(colour: str, word: str, name: str, detail: str) -> None:
    with ui.element('li').classes(colour):
        Text('span', word, 'eo-lamp')
        with ui.element('div').classes('eo-grow'):
            Text('b', name, 'st-name')
            Text('div', detail, 'eo-muted eo-small st-name')


def _named(settings: ConnectionSettings) -> tuple[str, str]:
    place = [str(settings.config[key]) for key in ('host', 'port', 'address') if key in settings.config]
    return settings.name or settings.id, ' · '.join((settings.type, ':'.join(place)) if place else (settings.type,))


def _changed(change: Changed) -> tuple[str, str]:
    details = ', '.join(_difference(change, key) for key in change.keys)
    if change.loses_secret:
        details += '. ' + _('Its stored password is not sent to the new address: enter it again afterwards.')
    return change.old.name or change.old.id, details


def _difference(change: Changed, key: str) -> str:
    """`host: a → b` where both are short, else only the name of the key."""
    name = key.removeprefix('config.')
    if name == key:
        old, new = getattr(change.old, key), getattr(change.new, key)
    else:
        old, new = change.old.config.get(name), change.new.config.get(name)
    if all(isinstance(value, str | int | float) and len(str(value)) <= 40 for value in (old, new)):
        return f'{name}: {old} → {new}'
    return name
