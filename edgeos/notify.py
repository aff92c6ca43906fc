"""What systemd is told of a unit with Type=notify: ready, and alive (sd_notify(3)); nothing where nobody asks."""

import asyncio
import os
import socket
from collections.abc import MutableMapping

NAMES = ('NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID')
BEATS = 3  # within the time after which systemd gives up


class Notifier:
    """Takes what systemd wants to know out of the environment, so that no child speaks for the app."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._taken = {name: environment.pop(name) for name in NAMES if name in environment}
        self._path = self._taken.get('NOTIFY_SOCKET', '')
        patience, owner = self._taken.get('WATCHDOG_USEC', ''), self._taken.get('WATCHDOG_PID', str(os.getpid()))
        is_watched = bool(self._path) and patience.isdecimal() and owner == str(os.getpid())
        self._interval = int(patience) / 1e6 / BEATS if is_watched else 0.0

    def begin(self) -> None:
        """From now on the event loop has to beat: one that hangs is ended and started anew.

        Before it serves, because a program that has taken the place of another is watched already.
        """
        if self._interval:
            self._beat()

    def ready(self, status: str) -> None:
        """It serves; `status` is where, which the installer asks for."""
        self._send(f'READY=1\nSTATUS={status}')

    def hand_on(self) -> None:
        """To the program that takes the place of this one in the same process: for systemd it is still this one."""
        self._send('WATCHDOG=1')  # the other has all the time there is until it beats
        self._environment.update(self._taken)

    def _beat(self) -> None:
        self._send('WATCHDOG=1')
        asyncio.get_running_loop().call_later(self._interval, self._beat)

    def _send(self, text: str) -> None:
        """What systemd does not take at once, it does not get: nothing waits here."""
        if not self._path:
            return
        address = '\0' + self._path[1:] if self._path.startswith('@') else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as door:
                door.sendto(text.encode(), address)
        except OSError:
            pass  # without its beat systemd acts by itself
