"""Small devices for tests that need one: an echo, a standard battery service, a sensor, a beacon."""
import struct

from edgeos.demo.ble_device import BleDevice, Characteristic, Notify, Service, uuid16

ECHO_SERVICE = uuid16('ff00')
ECHO_NOTIFY = uuid16('ff01')
ECHO_WRITE = uuid16('ff02')
ECHO_VALUE = uuid16('ff03')


class EchoDevice(BleDevice):
    """Answers a write with a notification of the same, and keeps what was written for reading."""

    def __init__(self, address: str = 'C8:00:00:00:00:01', name: str = 'Echo', rssi: int = -60) -> None:
        super().__init__(address, name, rssi, service_uuids=[ECHO_SERVICE], manufacturer_data={0xFFFF: b'\1\2'}, services=[
            Service(ECHO_SERVICE, (Characteristic(ECHO_NOTIFY, ('notify',)),
                                   Characteristic(ECHO_WRITE, ('write', 'write-without-response')),
                                   Characteristic(ECHO_VALUE, ('read',))))])  # fmt: skip
        self.value = b'nothing yet'
        self.disconnects = 0

    def read(self, uuid: str) -> bytes:
        return {ECHO_VALUE: self.value}[uuid]

    def write(self, uuid: str, data: bytes, notify: Notify) -> None:
        self.value = data
        notify(ECHO_NOTIFY, data)

    def on_disconnect(self) -> None:
        self.disconnects += 1


BATTERY_SERVICE, BATTERY_LEVEL = uuid16('180f'), uuid16('2a19')
INFORMATION_SERVICE, MANUFACTURER, MODEL = uuid16('180a'), uuid16('2a29'), uuid16('2a24')


class BatteryServiceDevice(BleDevice):
    """The standard battery service with its level in %, and who made it."""

    def __init__(self, address: str = 'C8:00:00:00:00:02', name: str = 'Door lock', rssi: int = -71) -> None:
        super().__init__(address, name, rssi, service_uuids=[BATTERY_SERVICE], services=[
            Service(BATTERY_SERVICE, (Characteristic(BATTERY_LEVEL, ('read', 'notify')),)),
            Service(INFORMATION_SERVICE, (Characteristic(MANUFACTURER, ('read',)), Characteristic(MODEL, ('read',))))])  # fmt: skip
        self.level = 87

    def read(self, uuid: str) -> bytes:
        return {BATTERY_LEVEL: bytes((self.level,)), MANUFACTURER: b'Edge', MODEL: b'Lock 2'}[uuid]


ENVIRONMENT_SERVICE = uuid16('181a')
TEMPERATURE, HUMIDITY, PRESSURE = uuid16('2a6e'), uuid16('2a6f'), uuid16('2a6d')


class EnvironmentDevice(BleDevice):
    """The standard environmental sensing: 0.01 °C signed 16 bits, 0.01 % unsigned 16 bits, 0.1 Pa unsigned 32 bits."""

    def __init__(self, address: str = 'C8:00:00:00:00:03', name: str = 'Cellar', rssi: int = -80) -> None:
        characteristics = tuple(Characteristic(each, ('read', 'notify')) for each in (TEMPERATURE, HUMIDITY, PRESSURE))
        super().__init__(address, name, rssi, service_uuids=[ENVIRONMENT_SERVICE],
                         services=[Service(ENVIRONMENT_SERVICE, characteristics)])  # fmt: skip
        self.temperature, self.humidity, self.pressure = 21.37, 48.25, 101_325.0  # °C, %, Pa

    def read(self, uuid: str) -> bytes:
        return {TEMPERATURE: struct.pack('<h', round(self.temperature * 100)),
                HUMIDITY: struct.pack('<H', round(self.humidity * 100)),
                PRESSURE: struct.pack('<I', round(self.pressure * 10))}[uuid]  # fmt: skip


BTHOME = uuid16('fcd2')


class BTHomeSensor(BleDevice):
    """A BTHome version 2 sensor: unencrypted, not connectable, a packet number that counts on, battery and temperature."""

    def __init__(self, address: str = 'C8:00:00:00:00:04', name: str = 'Garden', rssi: int = -66) -> None:
        super().__init__(address, name, rssi, connectable=False)
        self._packet = 0
        self.measure(100, 20.0)

    def measure(self, battery: int, temperature: float) -> None:
        """Advertise another measurement: % and °C (https://bthome.io/format: 00 packet id, 01 %, 02 0.01 °C)."""
        self._packet = (self._packet + 1) % 256
        values = struct.pack('<BBBBBh', 0x00, self._packet, 0x01, battery, 0x02, round(temperature * 100))
        self.service_data = {BTHOME: b'\x40' + values}
