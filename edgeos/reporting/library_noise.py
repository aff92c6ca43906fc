"""What libraries leave lying about when a device, a bus or a browser goes away: no mistake of ours, so no error."""
from dataclasses import dataclass

from edgeos.reporting.capture import is_own, module_of, walk

GONE = (ConnectionError, BrokenPipeError, EOFError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Noise:
    """Errors of these kinds, raised in these packages with none of our code below, and what they mean."""

    packages: tuple[str, ...]
    errors: tuple[str, ...]  # names of classes, of any of its bases too
    source: str
    meaning: str


TABLE = (
    Noise(('dbus_fast', 'bleak', 'bleak_retry_connector'),
          ('OSError', 'EOFError', 'DBusError', 'BleakError', 'TimeoutError', 'AuthError', 'InvalidMessageError'),
          'bluetooth', 'the system bus or a Bluetooth device went away'),
    Noise(('asyncio', 'uvloop', 'uvicorn', 'websockets', 'wsproto', 'h11', 'httptools', 'engineio', 'socketio',
           'starlette'),
          ('ConnectionError', 'BrokenPipeError', 'ConnectionClosed', 'ClientDisconnect', 'TimeoutError'),
          'web', 'a browser went away'),
    Noise(('zeroconf',), ('OSError', 'TimeoutError'), 'discovery', 'a network went away'),
    Noise(('aiohttp',), ('ClientConnectionError', 'ConnectionError'), 'web', 'a peer went away'),
)  # fmt: skip


def noise_of(error: BaseException, message: str = '') -> Noise | None:
    """The entry that explains it; None when it is to be reported. `message` is what the event loop says."""
    frames = [frame for frame, _ in walk(error.__traceback__)]
    if any(map(is_own, frames)):
        return None
    names = {base.__name__ for base in type(error).__mro__}
    home = type(error).__module__.partition('.')[0]
    last = module_of(frames[-1]).partition('.')[0] if frames else home
    for noise in TABLE:
        if names.intersection(noise.errors) and (last in noise.packages or home in noise.packages):
            return noise
    if not frames and isinstance(error, GONE):  # raised by no line of Python: told to a future, or by uvloop itself
        return TABLE[0] if message.startswith('Future exception was never retrieved') else TABLE[1]
    return None
