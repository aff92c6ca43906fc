"""What can go wrong with Bluetooth, whatever the library underneath says."""
from enum import StrEnum


class Why(StrEnum):
    """Why the radio of this device cannot be used."""

    NO_ADAPTER = 'no adapter'
    NO_SERVICE = 'no service'  # BlueZ or its bus does not answer
    OFF = 'off'
    BLOCKED = 'blocked'  # by a switch of the device, or by rfkill
    DENIED = 'denied'  # this program may not use it
    BUSY = 'busy'  # another program, or an earlier scan of ours, holds it
    NO_LIBRARY = 'no library'  # a simulated radio whose library is not installed
    OTHER = 'other'


class BluetoothError(Exception):
    """The root of this tree."""


class RadioError(BluetoothError):
    """Raised when the adapter cannot be used; concerns every device."""

    def __init__(self, why: Why, text: str = '') -> None:
        self.why = why
        self.text = text
        super().__init__(text or str(why))


class DeviceError(BluetoothError):
    """Raised when one device cannot be reached or used."""


class NotFound(DeviceError):
    """Raised when the device is not heard, or BlueZ has forgotten it."""


class Busy(DeviceError):
    """Raised when the device or the adapter has no free connection."""


class NoAnswer(DeviceError):
    """Raised when the device lets the time for an answer pass."""


class Damaged(NoAnswer):
    """Raised when what the device answers does not arrive whole."""


class NeedsPairing(DeviceError):
    """Raised when the device wants to be paired first."""


class LinkLost(DeviceError):
    """Raised when the link is gone."""


class Refused(DeviceError):
    """Raised when the device answers, but refuses what was asked."""


class ProfileError(DeviceError):
    """Raised when the device does not offer what the profile needs."""
