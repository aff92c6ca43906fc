"""Install, update, go back, remove. Each can be cut short at any point and typed again."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edgeos.service import copies, files, health, program
from edgeos.service.commands import Commands, as_user, run, told
from edgeos.service.layout import KIOSK_UNIT, UNIT, USER, Layout, ServiceError
from edgeos.service.missing import missing, rights, room

LOOK, LOOK_AT_KIOSK = (f'sudo journalctl -u {unit.removesuffix(".service")} -n 50' for unit in (UNIT, KIOSK_UNIT))
MOST_SETTINGS = 2**20  # bytes
CHECK_SECONDS = 60.0


class Installer:
    """Tells what it does in lines. Methods raise ServiceError, and then what ran before runs again."""

    def __init__(self, layout: Layout, source: Path, tell: Callable[[str], None]) -> None:
        """`source` is the folder of the program that is to be installed."""
        self._layout = layout
        self._source = source
        self._tell = tell
        self._commands = Commands(layout)

    def install(self, kiosk: str | None = None) -> None:
        """The program in the source, also over another version; `kiosk` None leaves that as it is."""
        wanted = files.kiosk_of(self._layout) if kiosk is None else kiosk
        if problems := missing(self._layout, wanted):
            raise ServiceError('\n'.join(problems))
        old = program.version_at(self._layout.current)
        more = '; the first time this takes some minutes' if old is None else ''
        self._tell(f'Preparing {program.name_of(self._source)}{more} ...')
        new = program.stage(self._layout, self._source)
        if old is None or old == new:
            self._begin(new, wanted)
        else:
            self._check_settings(new)
            self._change(old, new, before=program.version_at(self._layout.previous), kiosk=wanted, restoring=False)
        self._clean_up()
        self._tell_where(new)

    def update(self) -> None:
        """As install, where it is installed."""
        if program.version_at(self._layout.current) is None:
            raise ServiceError('nothing is installed yet: sudo make service')
        self.install()

    def back(self) -> None:
        """To the version before, with the settings and databases that it left; the way forward is the same."""
        self._check_rights()
        old, new = program.version_at(self._layout.current), program.version_at(self._layout.previous)
        if old is None or new is None:
            raise ServiceError('there is no version to go back to')
        for problem in room(self._layout):
            raise ServiceError(problem)
        self._change(old, new, before=new, kiosk=files.kiosk_of(self._layout), restoring=True)
        self._tell(f'Settings, passwords and history are those that {new.name} left. Those of {old.name} are kept: '
                   f'the same command goes forward to them again.')  # fmt: skip
        self._tell_where(new)

    def remove(self, *, purge: bool = False) -> None:
        """All but settings and data, and the user they belong to; with `purge` these, too."""
        self._check_rights()
        for unit in (KIOSK_UNIT, UNIT):
            if (self._layout.root / 'etc/systemd/system' / unit).exists():
                self._commands.disable(unit)
                self._commands.stop(unit)
        files.remove_all(self._layout)
        self._commands.reload()
        shutil.rmtree(self._layout.program, ignore_errors=True)
        if not purge and self._layout.state.exists():
            self._tell(f'Removed. Settings and data are still in {self._layout.state}, '
                       f'of the user {USER} (PURGE=1 takes them away).')  # fmt: skip
            return
        if self._layout.state.exists():
            shutil.rmtree(self._layout.state)
            self._commands.remove_user()
        self._tell('Removed, with settings and data.' if purge else 'Removed; there are no settings and data.')

    # steps

    def _check_rights(self) -> None:
        for problem in rights(self._layout):
            raise ServiceError(problem)

    def _begin(self, new: Path, kiosk: str) -> None:
        """Nothing ran before, or the same did."""
        program.point(self._layout, new, program.version_at(self._layout.previous))
        self._put(new, kiosk)
        self._start(new, kiosk)

    def _change(self, old: Path, new: Path, *, before: Path | None, kiosk: str, restoring: bool) -> None:
        """From one version to another, and back again when it does not come up."""
        is_kept = False
        try:
            self._commands.stop(UNIT)
            self._keep(old)
            is_kept = True
            if restoring:
                self._restore(new)
            program.point(self._layout, new, old)
            self._put(new, kiosk)
            self._start(new, kiosk)
        except (ServiceError, OSError, KeyboardInterrupt) as error:
            why = 'interrupted' if isinstance(error, KeyboardInterrupt) else told(error)
            with undisturbed():
                if is_kept:
                    self._tell(f'{new.name} does not come up: {why}')
                self._return(old, before, kiosk, is_changed=is_kept)
            if not is_kept:
                raise ServiceError(f'Settings and databases were not copied, so nothing was changed: {why}') from error
            raise ServiceError(f'{old.name} runs again, with settings and data as they were. What {new.name} said: '
                               f'{LOOK}') from error  # fmt: skip

    def _return(self, old: Path, before: Path | None, kiosk: str, *, is_changed: bool) -> None:
        """Everything is as it was before the change, or the person has to know."""
        try:
            if is_changed:  # else the copy beside it is an older one
                self._commands.stop(UNIT)
                self._restore(old)
                program.point(self._layout, old, before)
                self._put(old, kiosk)
            self._start(old, kiosk)
        except (ServiceError, OSError) as error:
            raise ServiceError(f'{old.name} does not come up again either: {told(error)}. See: {LOOK}') from error
        self._clean_up()

    def _put(self, version: Path, kiosk: str) -> None:
        if kiosk == files.NO_KIOSK and files.kiosk_of(self._layout) != files.NO_KIOSK:
            self._commands.disable(KIOSK_UNIT)
            self._commands.stop(KIOSK_UNIT)
        files.put_one(self._layout, version, files.USERS)
        self._commands.make_user(self._layout.root / files.USERS.place)  # first: rules for nobody are left out
        files.put(self._layout, version, kiosk)
        self._commands.reload()

    def _start(self, version: Path, kiosk: str) -> None:
        self._commands.enable(UNIT)
        self._commands.start(UNIT)
        if self._layout.is_running:
            health.wait_until_healthy(self._commands.status_of(UNIT), program.number_of(version),
                                      lambda: self._commands.is_active(UNIT))  # fmt: skip
        if kiosk != files.NO_KIOSK:
            self._show()

    def _show(self) -> None:
        """A screen that stays dark is no reason to go back: the app runs."""
        self._commands.enable(KIOSK_UNIT)
        try:
            self._commands.restart(KIOSK_UNIT)
        except ServiceError:
            self._tell(f'The screen does not come up. See: {LOOK_AT_KIOSK}')

    def _check_settings(self, new: Path) -> None:
        """The new program reads them before the old one is stopped."""
        try:
            as_user(self._layout, partial(_check, new, self._layout.settings))
        except ServiceError as error:
            program.prune(self._layout)
            raise ServiceError(f'{new.name} does not take the settings, so nothing was changed: {error}') from error

    def _keep(self, version: Path) -> None:
        as_user(self._layout, partial(copies.keep, self._layout.state, self._layout.copies(version.name)))

    def _restore(self, version: Path) -> None:
        as_user(self._layout, partial(copies.restore, self._layout.state, self._layout.copies(version.name)))

    def _clean_up(self) -> None:
        """A version that nobody goes back to takes its copies along."""
        program.prune(self._layout)
        links = (self._layout.current, self._layout.previous)
        kept = [folder.name for link in links if (folder := program.version_at(link))]
        as_user(self._layout, partial(copies.forget_but, self._layout.state / 'copies', kept))

    def _tell_where(self, version: Path) -> None:
        if self._layout.is_running:
            address = health.address_in(self._commands.status_of(UNIT))
            self._tell(f'{version.name} serves' + (f' at {address.url}' if address else ''))
        else:
            self._tell(f'{version.name} starts with the next boot of {self._layout.root}')
        self._tell(f'Settings and data: {self._layout.shown(self._layout.state)}')


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Who types Ctrl+C twice does not cut the way back short, too."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check(new: Path, settings: Path) -> None:
    """With the rights of their owner, who can put anything there. Raises ServiceError."""
    if not settings.exists():
        return
    if not settings.is_file() or settings.stat().st_size > MOST_SETTINGS:
        raise ServiceError(f'{settings}: expected a file of at most {MOST_SETTINGS // 1024} KiB')
    run([new / '.venv/bin/python', '-B', new / 'main.py', '--check', '--settings', settings], CHECK_SECONDS)
