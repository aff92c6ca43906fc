"""Installing and updating: first what it may do, then how far it is, in one sheet that can be left meanwhile."""
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nicegui import ui

from edgeos.plugins.errors import PluginError
from edgeos.plugins.views import JobView, Offer, PluginView
from pages.frame import House
from pages.i18n import _
from pages.pin_gate import may_edit
from pages.plugin_consent import Subject, show_subject, subject_of_manifest, subject_of_offer
from pages.plugin_progress import ProgressView, show
from pages.plugin_rows import page_of, title_of
from pages.rows import say_error, say_phrase
from pages.sheet import Button, Sheet, Text, catch_focus, one_per_page
from pages.toasts import say_done, say_trouble

LOOK = 0.5  # s

Begin = Callable[[Sequence[str]], Awaitable[JobView]]


def install_sheet(house: House) -> 'InstallSheet':
    """The page's one."""
    return one_per_page('plugin install', lambda: InstallSheet(house))


@dataclass
class Task:
    """What the sheet is about: something to be asked, and the job once it has begun.

    With `done` that is said at the end, and the sheet closes by itself. `settle` is called when the file that it is
    made from is not needed any more.
    """

    id: str
    name: str
    job: JobView | None = None
    subject: Subject | None = None
    begin: Begin | None = None
    done: str = ''
    settle: Callable[[], None] = lambda: None

    @property
    def state(self) -> str:
        """asking, running, done or failed."""
        return 'asking' if self.job is None else self.job.state

    @property
    def is_update(self) -> bool:
        return self.subject is not None and self.subject.is_update

    @property
    def title(self) -> str:
        if self.job is not None:
            return title_of(self.job, self.name, _)
        return (_('Update {name}') if self.is_update else _('Install {name}')).format(name=self.name)

    @property
    def said(self) -> str:
        """When it has gone well."""
        version = self.subject.version if self.subject is not None else ''
        text = _('{name} is now {version}.') if self.is_update else _('{name} is installed. It does not run yet.')
        return self.done or text.format(name=self.name, version=version)


class InstallSheet:
    """Asks, then follows the job. What goes on while the sheet is closed, or shows another, is told at its end."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._manager = house.system.plugins
        self._task = Task('', '')
        self._left: list[Task] = []  # jobs that go on unseen
        self._state = ''  # as last shown
        self._sheet = Sheet()
        with self._sheet.body:
            self._asking = ui.element('div').classes('eo-col eo-gap-3')
            self._progress = ProgressView()
            self._error = Text('div', '', 'eo-error').props('role=alert')
        with self._sheet.bar:
            self._add_buttons()
        self._timer = ui.timer(LOOK, self._tick, active=False)
        self._sheet.on_close(self._closed)

    def _add_buttons(self) -> None:
        self._skip = Button(_('Skip this version'), self._skip_version, look='gh first')
        self._stop = Button(_('Stop it'), self._cancel_job, look='gh first')
        self._close = Button('', self._sheet.close)
        self._again = Button(_('Try again'), self._go, look='pri')
        self._settings = Button(_('Settings'), lambda: ui.navigate.to(page_of(self._task.id, 'settings')))
        self._start = Button(_('Start now'), self._start_now, look='pri')
        self._install = Button('', self._go, look='pri')

    # what it is opened for

    async def open_offer(self, offer: Offer) -> None:
        """Something that can be had."""
        added = self._manager.new_permissions(offer.id, offer.version)
        subject = subject_of_offer(offer, added, self._manager.plugins.get(offer.id))
        await self._ask(subject, lambda grant: self._manager.install_plugin(offer.id, offer.version, grant))

    async def open_update(self, plugin: PluginView) -> None:
        """The newer version of what is installed."""
        offers = await self._manager.available()
        offer = next((each for each in offers.list if each.id == plugin.id and each.version == plugin.update), None)
        if offer is None:
            say_trouble(_('This version is not offered any more.'))
        else:
            await self.open_offer(offer)

    async def open_file(self, path: Path, settle: Callable[[], None]) -> None:
        """A package; `settle` is called once the file is not needed any more. Raises PluginError."""
        manifest, added = await self._manager.look_into(path)
        subject = subject_of_manifest(manifest, added, self._manager.plugins.get(manifest.id))
        await self._ask(subject, lambda grant: self._manager.install_file(path, grant), settle)

    def follow(self, job: JobView, plugin_id: str, name: str, done: str = '') -> None:
        """Watch it; with `done` that is said at the end and the sheet closes by itself."""
        tasks = (task for task in (self._task, *self._left) if task.job is not None)
        known = next((task for task in tasks if task.job and task.job.id == job.id), None)
        task = known or Task(plugin_id, name, job)
        task.done = done or task.done
        self._follow(task)

    def adopt(self, job: JobView, plugin_id: str, name: str) -> None:
        """Somebody else began it, or this page before it was loaded again: its end is told."""
        known = {task.job.id for task in (self._task, *self._left) if task.job is not None}
        if job.state == 'running' and job.id not in known:
            self._left.append(Task(plugin_id, name, job))
            self._timer.activate()

    def _follow(self, task: Task) -> None:
        self._take(task)
        if task.job is not None:
            self._progress.begin(task.job)
        self._timer.activate()
        self._tick()
        self._sheet.open()

    def _take(self, task: Task) -> None:
        """Show this one; another that is still running goes on unseen."""
        if self._task is not task:
            self._leave()
        self._left = [each for each in self._left if each is not task]
        self._task = task
        self._sheet.set_title(task.title)
        self._error.set_text('')
        self._progress.say('')

    def _leave(self) -> None:
        if self._task.state == 'running':
            self._left.append(self._task)
        else:
            self._task.settle()
            self._task.settle = lambda: None

    # asking

    async def _ask(self, subject: Subject, begin: Begin, settle: Callable[[], None] = lambda: None) -> None:
        self._take(Task(subject.id, subject.name, subject=subject, begin=begin, settle=settle))
        self._install.set_text(_('Update') if subject.is_update else _('Install'))
        self._asking.clear()
        with self._asking:
            await show_subject(subject)
        self._show_parts()
        self._sheet.open()

    async def _go(self) -> None:
        task = self._task
        if task.subject is None or task.begin is None or not await may_edit(self._house):
            return
        button = self._install if task.job is None else self._again
        button.set_busy(True)
        try:
            task.job = await task.begin(list(task.subject.permissions))
        except (PluginError, LookupError, OSError) as error:
            self._error.set_text(say_error(_, error))
        else:
            self._follow(task)
        finally:
            button.set_busy(False)

    async def _skip_version(self) -> None:
        subject = self._task.subject
        if subject is None or not await may_edit(self._house):
            return
        try:
            await self._manager.do_not_offer(subject.id, subject.version)
        except (PluginError, LookupError, OSError) as error:
            self._error.set_text(say_error(_, error))
            return
        self._sheet.close()
        say_done(_('{version} of {name} is not offered again.').format(version=subject.version, name=subject.name))

    # following

    def _tick(self) -> None:
        for task in [task for task in self._left if task.state != 'running']:
            self._left.remove(task)
            task.settle()
            self._tell(task)
        task, job = self._task, self._task.job
        if job is not None and self._sheet.is_open:
            self._progress.show(job)
            self._show_parts()
            if job.state == 'done':
                self._finish(task)
        if not self._left and task.state != 'running':
            self._timer.deactivate()

    def _finish(self, task: Task) -> None:
        task.settle()
        task.settle = lambda: None
        if task.done:
            self._sheet.close()
            say_done(task.done)
        else:
            self._progress.say(self._said(task))

    def _tell(self, task: Task) -> None:
        """What has become of something that nobody watched."""
        if task.job is not None and task.state == 'failed':
            say_trouble(f'{task.title}: {say_phrase(_, (task.job.error or {}).get("message", ""))}')
        else:
            say_done(self._said(task))

    def _said(self, task: Task) -> str:
        """What has come of it. Of what was begun elsewhere only its kind is known."""
        if task.done or task.subject is not None or task.job is None or task.job.title == 'install':
            return task.said
        plugin = self._manager.plugins.get(task.id)
        if plugin is None:
            return _('{name} is uninstalled.').format(name=task.name)
        return _('{name} is now {version}.').format(name=task.name, version=plugin.version)

    def _show_parts(self) -> None:
        task, state = self._task, self._task.state
        can_start = (state == 'done' and task.job is not None and task.job.title == 'install'
                     and task.id in self._manager.plugins)  # fmt: skip
        show(self._asking, state == 'asking')
        show(self._progress.area, state != 'asking')
        show(self._install, state == 'asking' and not (task.subject and task.subject.why_not))
        show(self._skip, state == 'asking' and task.is_update)
        show(self._stop, state == 'running' and bool(task.job and task.job.can_cancel))
        show(self._again, state == 'failed' and task.begin is not None)
        show(self._settings, can_start)
        show(self._start, can_start)
        if state != self._state:
            self._state = state
            catch_focus(self._start if can_start else self._again if self._again.visible else self._close)
        word = _('Cancel') if state == 'asking' else _('Leave it running') if state == 'running' else _('Close')
        if self._close.text != word:
            self._close.set_text(word)

    async def _cancel_job(self) -> None:
        job = self._task.job
        if job is not None and await may_edit(self._house) and not job.cancel():
            say_trouble(_('It has gone too far to be stopped.'))

    async def _start_now(self) -> None:
        if not await may_edit(self._house):
            return
        self._sheet.close()
        try:
            await self._manager.start_plugin(self._task.id)
        except (PluginError, LookupError, OSError) as error:
            say_trouble(say_error(_, error))

    def _closed(self) -> None:
        self._leave()
        self._task = Task(self._task.id, self._task.name)
