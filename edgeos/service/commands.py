"""The one place where other programs are called: systemctl, systemd-sysusers, userdel."""

from __future__ import annotations

import os
import signal
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

    def status_of(self, unit: str) -> str:
        """What the program in it has told of itself, '' for nothing."""
        return run(['systemctl', 'show', '--property=StatusText', '--value', unit]).strip()

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


def run(argv: Sequence[str | os.PathLike[str]], limit: float | None = None) -> str:
    """What it wrote; within `limit` s. Raises ServiceError with the last line that the program wrote to stderr."""
    shown = ' '.join(map(str, argv))
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace',
                              check=False, timeout=limit)  # fmt: skip
    except OSError as error:
        raise ServiceError(f'{argv[0]} cannot be run: {error.strerror}') from error
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f'{shown} did not end within {limit:.0f} s') from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise ServiceError(lines[-1] if lines else f'{shown} failed with status {done.returncode}')
    return done.stdout


def as_user(layout: Layout, work: Callable[[], None]) -> None:
    """Do something in the state folder with the rights of its owner. Raises ServiceError.

    Root would follow every link that a plugin gone wrong has laid there. In another root, or without root, as we are.
    """
    if not layout.is_this_system or os.geteuid() != 0:
        try:
            return work()
        except OSError as error:
            raise ServiceError(told(error)) from error
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work_and_exit(work, writing)
    os.close(writing)
    try:
        with os.fdopen(reading, errors='replace') as answer:
            problem = answer.read()
    except BaseException:  # interrupted: nobody else writes there from here on
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        raise
    _pid, status = os.waitpid(child, 0)
    if problem or status:
        raise ServiceError(problem or f'the work as user {USER} ended with status {status}')
    return None


def _work_and_exit(work: Callable[[], None], writing: int) -> None:
    """In the child: never returns."""
    status = 1
    try:
        _become_user()
        work()
        status = 0
    except Exception as error:
        os.write(writing, told(error).encode(errors='replace'))
    finally:
        os._exit(status)


def _become_user() -> None:
    import pwd

    try:
        user = pwd.getpwnam(USER)
    except KeyError as error:
        raise ServiceError(f'there is no user {USER}') from error
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.umask(0o077)


def told(error: Exception) -> str:
    """In one line, for whoever typed the command."""
    if isinstance(error, ServiceError):
        return str(error)
    if not isinstance(error, OSError):
        return f'{type(error).__name__}: {error}'
    return f'{error.filename}: {error.strerror}' if error.filename else str(error)
