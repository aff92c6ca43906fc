"""What goes wrong on the way to a Bluetooth device, said for the owner."""
import sys
from typing import NamedTuple

from edgeos.bluetooth.errors import (
    BluetoothError,
    Busy,
    Damaged,
    LinkLost,
    NeedsPairing,
    NoAnswer,
    NotFound,
    ProfileError,
    RadioError,
    Refused,
    Why,
)
from edgeos.connections.state import ConnectionFailure


class Words(NamedTuple):
    """What is said of a radio that cannot be used: the hint on Linux, and elsewhere."""

    code: str
    text: str
    linux: str
    elsewhere: str


_RADIO = {
    Why.NO_ADAPTER: Words(
        'adapter_missing', 'This device has no Bluetooth adapter{named}.',
        'Plug one in; it is used as soon as it is there.', 'Plug one in; it is used as soon as it is there.'),
    Why.NO_SERVICE: Words(
        'adapter_missing', 'The Bluetooth service of this device does not answer.',
        'Start it: sudo systemctl start bluetooth. If it is not installed: sudo apt install bluez.',
        'Turn Bluetooth on in the settings of the system.'),
    Why.OFF: Words(
        'adapter_off', 'The Bluetooth adapter{named} is off.',
        'Turn it on: bluetoothctl power on.', 'Turn Bluetooth on in the settings of the system.'),
    Why.BLOCKED: Words(
        'adapter_off', 'The Bluetooth adapter{named} is blocked.',
        'Unblock it: rfkill unblock bluetooth, or move the switch on the device.',
        'Turn Bluetooth on in the settings of the system.'),
    Why.DENIED: Words(
        'not_authorised', 'This program is not allowed to use Bluetooth.',
        'Add its user to the group bluetooth, then start it again.',
        'Allow Bluetooth for this program in the privacy settings of the system, then start it again.'),
    Why.BUSY: Words(
        'device_busy', 'The Bluetooth adapter{named} is busy with something else.',
        'It is tried again. If it stays, switch the adapter off and on: bluetoothctl power off, then power on.',
        'It is tried again. If it stays, turn Bluetooth off and on in the settings of the system.'),
    Why.NO_LIBRARY: Words(
        'adapter_missing', 'The Bluetooth radio{named} cannot be used: {why}.',
        'Install what is named there, then start again.', 'Install what is named there, then start again.'),
    Why.OTHER: Words(
        'adapter_missing', 'The Bluetooth adapter{named} cannot be used: {why}.',
        'Switch it off and on: bluetoothctl power off, then power on.',
        'Turn Bluetooth off and on in the settings of the system.'),
}  # fmt: skip


def radio_failure(error: RadioError, adapter: str = '') -> ConnectionFailure:
    """The adapter cannot be used."""
    words = _RADIO[error.why]
    hint = words.linux if sys.platform == 'linux' else words.elsewhere
    named = f' {adapter}' if adapter else ''
    return ConnectionFailure(words.code, words.text, hint, retriable=error.why is not Why.DENIED, named=named,
                             why=error)  # fmt: skip


def failure_of(error: BluetoothError, address: str, adapter: str, *, was_open: bool) -> ConnectionFailure:
    """What an error of the radio or of the device means; `was_open`: the link had been open."""
    if isinstance(error, RadioError):
        return radio_failure(error, adapter)
    if isinstance(error, NotFound):
        return ConnectionFailure('device_not_found', '{address} is not heard.',
                                 'Check that it is on and near enough, and that no phone is connected to it: many '
                                 'devices are silent while one is.', address=address)  # fmt: skip
    if isinstance(error, Busy):
        return ConnectionFailure('device_busy', '{address} is there, but has no connection free.',
                                 'Close the app on the phone that is connected to it. It is tried again.',
                                 cheap=False, address=address)  # fmt: skip
    if isinstance(error, NeedsPairing):
        return ConnectionFailure('not_authorised', '{address} wants to be paired first.',
                                 'Pair it once: bluetoothctl pair {address}. Then press Retry.', retriable=False,
                                 address=address)  # fmt: skip
    if isinstance(error, Damaged):
        return ConnectionFailure('timeout', '{address} answers, but what it says arrives damaged.',
                                 'Shorten the distance, and keep it away from USB 3 and Wi-Fi. It is tried again.',
                                 address=address)  # fmt: skip
    if isinstance(error, NoAnswer):
        text = '{address} does not answer any more.' if was_open else '{address} is heard, but does not answer.'
        return ConnectionFailure('timeout', text, 'Check the distance, and that nothing else is connected to it. It '
                                 'is tried again.', cheap=False, address=address)  # fmt: skip
    if isinstance(error, LinkLost) or was_open:
        return ConnectionFailure('connection_lost', 'The link to {address} was lost.',
                                 'It is opened again by itself; if that happens often, shorten the distance.',
                                 cheap=was_open, address=address)  # fmt: skip
    if isinstance(error, Refused):
        return ConnectionFailure('refused', '{address} refused: {why}.', 'Check that the profile fits the device.',
                                 cheap=False, address=address, why=error)  # fmt: skip
    return ConnectionFailure('connection_lost', '{address} cannot be connected: {why}.',
                             'It is tried again. If it stays, switch the device off and on.', cheap=False,
                             address=address, why=error)  # fmt: skip


def mismatch(address: str, profile: str, missing: ProfileError, *, final: bool) -> ConnectionFailure:
    """The device is not of the kind that the profile reads."""
    return ConnectionFailure('profile_mismatch', '{address} answers, but is no device of the profile {profile}: it '
                             'lacks {missing}.', 'Choose another profile, or "auto".', retriable=not final,
                             cheap=False, address=address, profile=profile,
                             missing=str(missing) or 'anything that can be read')  # fmt: skip


def held_by(address: str, other: str) -> ConnectionFailure:
    """Another connection of ours has the device."""
    return ConnectionFailure('device_busy', '{address} is in use by the connection {other}.',
                             'A device takes one link only: delete one of the two connections.', cheap=False,
                             address=address, other=other)  # fmt: skip


def silent(address: str, seconds: float) -> ConnectionFailure:
    """A sensor is not heard any more."""
    return ConnectionFailure('connection_lost', '{address} has not been heard for {seconds} s.',
                             'Check its battery and the distance. It is back as soon as it is heard.',
                             address=address, seconds=round(seconds))  # fmt: skip


def no_key(address: str) -> ConnectionFailure:
    """What the environment or the store holds is no bind key."""
    return ConnectionFailure('not_authorised', 'The key for {address} is no bind key.',
                             'Enter the 32 hexadecimal digits from the app of its maker.', retriable=False,
                             address=address)  # fmt: skip
