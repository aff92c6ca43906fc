"""The errors BlueZ replies with, in its words (src/error.c and create_gatt_dbus_error of src/gatt-client.c)."""

BLUEZ = 'org.bluez.Error.'
DBUS = 'org.freedesktop.DBus.Error.'


class BlueZError(Exception):
    """Raised when a call is answered with an error; `name` is D-Bus' name for it."""

    def __init__(self, name: str, text: str = '') -> None:
        self.name = name
        self.text = text
        super().__init__(f'{name}: {text}')


def bluez(name: str, text: str) -> BlueZError:
    """One of BlueZ' own errors."""
    return BlueZError(BLUEZ + name, text)


def failed(text: str) -> BlueZError:
    """What BlueZ says of nearly everything; the text is all there is to go by."""
    return bluez('Failed', text)


def att_error(code: int) -> BlueZError:
    """What the device itself answered, as ATT's error code."""
    known = {0x02: bluez('NotPermitted', 'Read not permitted'), 0x03: bluez('NotPermitted', 'Write not permitted'),
             0x05: NOT_PAIRED, 0x06: NOT_SUPPORTED, 0x07: bluez('InvalidArguments', 'Invalid offset'),
             0x08: NOT_AUTHORIZED, 0x0C: NOT_PAIRED, 0x0D: bluez('InvalidArguments', 'Invalid Length'),
             0x0F: NOT_PAIRED}  # fmt: skip
    return known.get(code) or failed(f'Operation failed with ATT error: 0x{code:02x}')


NOT_READY = bluez('NotReady', 'Resource Not Ready')
BUSY = bluez('InProgress', 'Operation already in progress')
IN_PROGRESS = bluez('InProgress', 'In Progress')
NOT_SUPPORTED = bluez('NotSupported', 'Operation is not supported')
NOT_AUTHORIZED = bluez('NotAuthorized', 'Operation Not Authorized')
NOT_PAIRED = bluez('NotPermitted', 'Not paired')
AUTHENTICATION_FAILED = bluez('AuthenticationFailed', 'Authentication Failed')
ALREADY_EXISTS = bluez('AlreadyExists', 'Already Exists')
DOES_NOT_EXIST = bluez('DoesNotExist', 'Does Not Exist')
NOT_CONNECTED = failed('Not connected')
BLOCKED = bluez('Blocked', 'Blocked through rfkill')
CANCELED = failed('br-connection-canceled')  # also of Bluetooth LE, when Disconnect or a lost link ends a Connect
ABORTED = failed('Software caused connection abort')  # older versions of BlueZ
ABORTED_BY_LOCAL = failed('le-connection-abort-by-local')
ALREADY = failed('Operation already in progress')
NO_REPLY = BlueZError(DBUS + 'NoReply', 'Did not receive a reply.')
UNKNOWN_OBJECT = DBUS + 'UnknownObject'
UNKNOWN_METHOD = DBUS + 'UnknownMethod'
