"""The one place where other programs are called: systemctl, systemd-sysusers, userdel."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from edgeos.service.layout import USER, Layout, ServiceError


class Commands:
    """Calls them for the system below the root. All methods raise ServiceError."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def enable(self, unit: str) -> None:
        """From the next boot on."""
        self._systemctl('enable', unit, offline=True)

    def disable(self, unit: str) -> None:
        """Not at boot any more."""
        self._systemctl('disable', unit, offline=True)

    def reload(self) -> None:
        """Units were changed."""
        self._systemctl('daemon-reload')

    def start(self, unit: str) -> None:
        """Returns when it is ready; starts anew what had given up."""
        self._systemctl('reset-failed', unit, may_fail=True)
        try:
            self._systemctl('start', unit)
        except ServiceError as error:  # systemd says only where to look
            raise ServiceError('it ended before it served') from error

    def restart(self, unit: str) -> None:
        """Returns when it is ready."""
        self._systemctl('restart', unit)

    def stop(self, unit: str) -> None:
        """Returns when it has ended."""
        self._systemctl('stop', unit)

    def is_active(self, unit: str) -> bool:
        """Whether it runs, and is not about to be started again."""
        try:
            self._systemctl('is-active', unit)
        except ServiceError:
            return False
        return True

    def make_user(self, declaration: Path) -> None:
        """From a file of sysusers.d(5); an existing user is fine."""
        there = [] if self._layout.is_this_system else [f'--root={self._layout.root}']
        run(['systemd-sysusers', *there, declaration.name])

    def remove_user(self) -> None:
        """Where systemd does not run it is a matter of the image."""
        if self._layout.is_running:
            run(['userdel', USER])

    def _systemctl(self, verb: str, unit: str = '', *, offline: bool = False, may_fail: bool = False) -> None:
        """What systemd itself would have to do is left out where it does not run."""
        if not self._layout.is_running and not offline:
            return
        there = [] if self._layout.is_running else [f'--root={self._layout.root}']
        try:
            run(['systemctl', *there, verb, *([unit] if unit else [])])
        except ServiceError:
            if not may_fail:
                raise


def run(argv: Sequence[str | os.PathLike[str]]) -> None:
    """Raises ServiceError with the last line that the program wrote to stderr."""
    shown = ' '.join(map(str, argv))
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, errors='replace', check=False)  # fmt: skip
    except OSError as error:
        raise ServiceError(f'{argv[0]} cannot be run: {error.strerror}') from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ServiceError(said[-1] if said else f'{shown} failed with status {done.returncode}')


def as_user(layout: Layout, work: Callable[[], None]) -> None:
    """Do something in the state folder with the rights of its owner. Raises ServiceError.

    Root would follow every link that a plugin gone wrong has laid there. In another root, or without root, as we are.
    """
    if not layout.is_this_system or os.geteuid() != 0:
        try:
            return work()
        except OSError as error:
            raise ServiceError(_said(error)) from error
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work_and_exit(work, writing)
    os.close(writing)
    with os.fdopen(reading, errors='replace') as answer:
        problem = answer.read()
    _pid, status = os.waitpid(child, 0)
    if problem or status:
        raise ServiceError(problem or f'the work as user {USER} ended with status {status}')
    return None


def _work_and_exit(work: Callable[[], None], writing: int) -> None:
    """In the child: never returns."""
    import pwd

    try:
        user = pwd.getpwnam(USER)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        os.umask(0o077)
        work()
    except (OSError, KeyError) as error:
        os.write(writing, (_said(error) if isinstance(error, OSError) else f'there is no user {USER}').encode())
    finally:
        os._exit(0)


def _said(error: OSError) -> str:
    return f'{error.filename}: {error.strerror}' if error.filename else str(error)
