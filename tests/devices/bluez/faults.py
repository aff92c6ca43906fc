"""What goes wrong when: errors and hangs by the name of the call they strike."""
import asyncio
from collections import defaultdict, deque

from tests.devices.bluez.errors import BlueZError


class Faults:
    """Scripted faults of one device or adapter; `member` is D-Bus' name of the call, as 'Connect' or 'ReadValue'.

    Besides calls there is 'discovery': the device's services are being asked for after it has been connected.
    With `uuid` only that characteristic is struck.
    """

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[BlueZError]] = defaultdict(deque)
        self._always: dict[str, BlueZError] = {}
        self._hangs: dict[str, asyncio.Event] = {}

    def fail(self, member: str, *errors: BlueZError, uuid: str = '') -> None:
        """The next calls fail, one error each, in this order."""
        self._next[_key(member, uuid)].extend(errors)

    def fail_always(self, member: str, error: BlueZError, uuid: str = '') -> None:
        """All calls fail until `heal`."""
        self._always[_key(member, uuid)] = error

    def hang(self, member: str, uuid: str = '') -> None:
        """Calls are not answered until `heal`."""
        self._hangs.setdefault(_key(member, uuid), asyncio.Event())

    def heal(self, member: str = '', uuid: str = '') -> None:
        """No more of it, or of anything; calls that hang go on."""
        key = _key(member, uuid)
        for faults in (self._next, self._always):
            if member:
                faults.pop(key, None)
            else:
                faults.clear()
        for each in [key] if member else list(self._hangs):
            if (hang := self._hangs.pop(each, None)) is not None:
                hang.set()

    def hangs(self, member: str) -> bool:
        """Whether that call would hang."""
        return member in self._hangs

    async def strike(self, member: str, uuid: str = '') -> None:
        """Raise what is due, or wait; returns at once where nothing is wrong."""
        for key in dict.fromkeys((_key(member, uuid), member)):
            if (hang := self._hangs.get(key)) is not None:
                await hang.wait()
            if self._next[key]:
                raise self._next[key].popleft()
            if key in self._always:
                raise self._always[key]


def _key(member: str, uuid: str) -> str:
    return f'{member} {uuid}' if uuid else member
