"""What a panel's power menu can do: start the program again, reboot the device, shut it down.

The device is asked through logind on the system's bus, which says whether this program's user may. Nothing here runs
as root for it: what logind does not allow without a question is not offered.
"""
import asyncio
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from edgeos.screens import end_program

LIMIT = 2.0  # s for an answer of logind
MANAGER = ('org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager')

NO_SERVICE = 'This system has no service that could reboot it or shut it down (systemd-logind).'
SILENT = 'The service that could reboot this device or shut it down (systemd-logind) does not answer.'
NOT_ALLOWED = 'The user this program runs as may not reboot this device or shut it down.'
UNABLE = 'This device cannot be rebooted or shut down by a program.'
REFUSED = 'The system did not do it. Something else may be holding it up, an update for example.'

_ANSWERS = {'yes': '', 'na': UNABLE}  # all others: a person would have to be asked, or never


class PowerError(Exception):
    """Raised when the system does not reboot or shut down; the text is a sentence for the owner."""


@dataclass(frozen=True, slots=True)
class PowerOffers:
    """What may be offered; `why` says what is missing and why, '' when nothing is."""

    can_reboot: bool
    can_power_off: bool
    why: str


class Power:
    """Reaches logind anew each time: it is asked once a month."""

    def __init__(self) -> None:
        self.wants_restart = False  # the program is to start again once it has ended

    async def offers(self) -> PowerOffers:
        """Within 2 s; never raises."""
        try:
            async with asyncio.timeout(LIMIT):
                answers = [await _ask('CanReboot'), await _ask('CanPowerOff')]
        except TimeoutError:
            return PowerOffers(False, False, SILENT)
        except PowerError as error:
            return PowerOffers(False, False, str(error))
        missing = [_ANSWERS.get(answer, NOT_ALLOWED) for answer in answers]
        return PowerOffers(not missing[0], not missing[1], missing[0] or missing[1])

    async def reboot(self) -> None:
        """Returns once the system has begun; raises PowerError."""
        await self._order('Reboot')

    async def power_off(self) -> None:
        """Returns once the system has begun; raises PowerError."""
        await self._order('PowerOff')

    def restart_program(self) -> None:
        """Returns at once; the program stops as if told to from outside, and starts again where it stopped."""
        self.wants_restart = True
        end_program()

    async def _order(self, method: str) -> None:
        try:
            async with asyncio.timeout(LIMIT):
                await _ask(method, 'b', [False])  # False: without asking anybody for a password
        except TimeoutError as error:
            raise PowerError(SILENT) from error


class StartAgain(Exception):
    """Raised once all has ended well, for whoever started it to begin anew with these further arguments."""

    def __init__(self, *arguments: str) -> None:
        super().__init__('the program was asked to start again')
        self.arguments = arguments


def start_again(*arguments: str) -> NoReturn:
    """Put this program in its own place, as it was started: the same process for whoever watches it. Raises OSError."""
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [sys.executable, *sys.orig_argv[1:], *arguments]
    os.execv(argv[0], argv)


async def _ask(method: str, signature: str = '', body: Sequence[object] = ()) -> str:
    """The first value of logind's answer, '' for none; raises PowerError."""
    try:
        library = await asyncio.to_thread(importlib.import_module, 'dbus_fast.aio')  # longer than the loop may wait
    except ImportError as error:  # no Linux
        raise PowerError(NO_SERVICE) from error
    return await _ask_over(library, method, signature, list(body))


async def _ask_over(library: Any, method: str, signature: str, body: list[object]) -> str:
    from dbus_fast import BusType, Message, MessageType
    from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

    destination, path, interface = MANAGER
    call = Message(destination=destination, path=path, interface=interface, member=method,
                   signature=signature, body=body)  # fmt: skip
    try:
        bus = library.MessageBus(bus_type=BusType.SYSTEM)
        await bus.connect()
        try:
            answer = await bus.call(call)
        finally:
            bus.disconnect()
    except (OSError, EOFError, AuthError, DBusError, InvalidAddressError) as error:
        raise PowerError(NO_SERVICE) from error
    if answer is None or answer.message_type is MessageType.ERROR:
        raise PowerError(_meaning(answer.error_name if answer else ''))
    return str(answer.body[0]) if answer.body else ''


def _meaning(error_name: str) -> str:
    last = error_name.rpartition('.')[2]
    if last in ('AccessDenied', 'InteractiveAuthorizationRequired', 'AuthFailed'):
        return NOT_ALLOWED
    return NO_SERVICE if last in ('ServiceUnknown', 'NameHasNoOwner', 'UnknownMethod', 'UnknownObject') else REFUSED
