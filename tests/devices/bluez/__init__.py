"""A BlueZ look-alike for tests: the bus, the daemon, devices on the air, and their faults."""
from tests.devices.bluez.adapter import Adapter
from tests.devices.bluez.bus import Bus
from tests.devices.bluez.device import Device
from tests.devices.bluez.errors import BlueZError
from tests.devices.bluez.fake import Call, FakeBlueZ
from tests.devices.bluez.peripheral import Peripheral
from tests.devices.bluez.process import BlueZProcess

__all__ = ['Adapter', 'BlueZError', 'BlueZProcess', 'Bus', 'Call', 'Device', 'FakeBlueZ', 'Peripheral']
