"""The bus and the fake, under their own names."""
from tests.devices.bluez.fixtures import bluez, bus

__all__ = ['bluez', 'bus']
