"""Bluetooth connections that work: batteries, standard services, chosen characteristics, sensors that are only heard."""
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgeos.connections import bluetooth as driver
from edgeos.connections.bluetooth_config import BluetoothConfig
from edgeos.connections.state import Health, Status, WriteRefused
from edgeos.demo.battery import JbdBattery
from edgeos.demo.ble_device import BleDevice, Characteristic, Notify, Service, uuid16
from edgeos.gateway import UnknownPoint
from edgeos.settings import ConnectionSettings
from tests.connections.bluetooth_links import BluetoothLinks, alive, code, fresh, lost, values
from tests.devices.bluez.bus import Bus
from tests.devices.bluez.fixtures import bluez as bluez
from tests.devices.bluez.fixtures import bus as bus
from tests.devices.samples import BTHOME, BatteryServiceDevice, BTHomeSensor, EnvironmentDevice
from tests.helpers import eventually

BATTERY = 'A4:C1:38:00:00:01'
UNITS = {'voltage': 'V', 'current': 'A', 'power': 'W', 'state_of_charge': '%', 'remaining_capacity': 'Ah',
         'temperature_1': '°C', 'cell_spread': 'V', 'cell_1': 'V'}  # fmt: skip
KEY = '231d39c1d7cc1ab1aee224cd096db932'  # of the example in the BTHome specification


@pytest.fixture
async def links(tmp_path: Path, bus: Bus) -> AsyncIterator[BluetoothLinks]:
    made = BluetoothLinks(tmp_path)
    yield made
    await made.stop()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, 'FIND_LIMIT', 3.0)


class Relay(BleDevice):
    """A lamp: a switch that is read and written, a counter that notifies, a command that is only written."""

    SWITCH, COUNTER, COMMAND = uuid16('aa01'), uuid16('aa02'), uuid16('aa03')

    def __init__(self, address: str = 'C8:00:00:00:00:10') -> None:
        super().__init__(address, 'Relay', services=[Service(uuid16('aa00'), (
            Characteristic(self.SWITCH, ('read', 'write')), Characteristic(self.COUNTER, ('notify',)),
            Characteristic(self.COMMAND, ('write-without-response',))))])  # fmt: skip
        self.on = False
        self.commands: list[bytes] = []

    def read(self, uuid: str) -> bytes:
        return {self.SWITCH: bytes((self.on,))}[uuid]

    def write(self, uuid: str, data: bytes, notify: Notify) -> None:
        if uuid == self.SWITCH:
            self.on = bool(data[0])
            notify(self.COUNTER, (1234).to_bytes(2, 'little'))
        else:
            self.commands.append(data)


RELAY_POINTS = [{'uuid': 'aa01', 'name': 'lamp', 'format': 'bool'},
                {'uuid': 'aa02', 'name': 'count', 'format': 'uint16', 'unit': 'Wh', 'scale': 0.1},
                {'uuid': 'aa03', 'name': 'command', 'format': 'utf-8'}]  # fmt: skip


# batteries


async def test_a_battery_is_recognised_and_read(links, bluez):
    battery = JbdBattery(BATTERY)
    bluez.add(battery)
    connection = await links.open(BATTERY)
    assert connection.health is Health.GOOD and connection.detail == 'JBD BMS'
    points = connection.source.points
    assert {name: points[name].unit for name in UNITS} == UNITS
    now = battery.basic_info()
    assert points['voltage'].value == pytest.approx(now.voltage, abs=0.2)
    assert points['state_of_charge'].value == pytest.approx(now.percent, abs=1)
    assert points['cycles'].value == now.cycles
    assert points['charge_mosfet'].value is True and not points['charge_mosfet'].writable
    assert points['hardware_version'].value.startswith('JBD')
    assert [step.state for step in connection.ladder.steps(failed=False)] == ['passed'] * 4


async def test_a_read_that_the_system_tells_as_a_notification_counts_once(links, bluez):
    sensor = EnvironmentDevice()
    read: list[str] = []
    real = sensor.read
    sensor.read = lambda uuid: read.append(uuid) or real(uuid)  # type: ignore[method-assign]
    bluez.add(sensor)
    connection = await links.open(sensor.address)
    await fresh(connection, 3)
    await connection.stop()
    assert connection.traffic.packets_received == len(read) >= 12
    assert connection.traffic.bytes_received == sum(len(real(uuid)) for uuid in read)


async def test_reads_writes_and_notifications_are_counted(links, bluez):
    bluez.add(JbdBattery(BATTERY))
    connection = await links.open(BATTERY)
    traffic = connection.traffic
    sent, received, heard = traffic.packets_sent, traffic.packets_received, traffic.bytes_received
    await fresh(connection, 1)
    assert traffic.packets_sent - sent == 2, 'two questions a round'
    assert traffic.packets_received - received >= 4, 'each answered in pieces of 20 bytes'
    assert traffic.bytes_received - heard >= 50
    assert traffic.round_trips.last > 0 and traffic.errors == 0


async def test_the_scanner_rests_while_all_devices_are_connected(links, bluez):
    bluez.add(JbdBattery(BATTERY))
    connection = await links.open(BATTERY)
    await eventually(lambda: not connection.radio.is_scanning)


async def test_switching_is_off_unless_it_is_allowed(links, bluez):
    battery = JbdBattery(BATTERY)
    bluez.add(battery)
    connection = await links.open(BATTERY)
    with pytest.raises(WriteRefused) as refused:
        await connection.write('discharge_mosfet', False)
    assert refused.value.status == 403 and battery.basic_info().mosfets == 3


async def test_mosfets_are_switched_and_the_battery_says_so(links, bluez):
    battery = JbdBattery(BATTERY)
    bluez.add(battery)
    connection = await links.open(BATTERY, allow_writes=True)
    await connection.write('discharge_mosfet', False)
    assert battery.basic_info().mosfets == 1
    assert values(connection)['discharge_mosfet'] is False and values(connection)['charge_mosfet'] is True
    await connection.write('charge_mosfet', False)
    assert battery.basic_info().mosfets == 0
    await connection.write('charge_mosfet', True)
    await connection.write('discharge_mosfet', True)
    assert battery.basic_info().mosfets == 3


async def test_two_switches_at_once_do_not_undo_each_other(links, bluez):
    battery = JbdBattery(BATTERY)
    bluez.add(battery)
    connection = await links.open(BATTERY, allow_writes=True)
    await asyncio.gather(connection.write('charge_mosfet', False), connection.write('discharge_mosfet', False))
    assert battery.basic_info().mosfets == 0
    assert (values(connection)['charge_mosfet'], values(connection)['discharge_mosfet']) == (False, False)


@pytest.mark.parametrize(('name', 'value', 'status'), [('charge_mosfet', 'on', 422), ('charge_mosfet', 1, 422),
                                                       ('voltage', 12.0, 403)])  # fmt: skip
async def test_a_write_that_cannot_be_meant_is_refused(links, bluez, name, value, status):
    bluez.add(JbdBattery(BATTERY))
    connection = await links.open(BATTERY, allow_writes=True)
    with pytest.raises(WriteRefused) as refused:
        await connection.write(name, value)
    assert refused.value.status == status


async def test_an_unknown_point_is_unknown(links, bluez):
    bluez.add(JbdBattery(BATTERY))
    connection = await links.open(BATTERY, allow_writes=True)
    with pytest.raises(UnknownPoint):
        await connection.write('nonsense', True)


async def test_a_device_that_is_not_connected_cannot_be_written(links, bluez):
    connection = links.start(BATTERY, allow_writes=True)
    with pytest.raises(WriteRefused) as refused:
        await connection.write('charge_mosfet', True)
    assert refused.value.status == 409


async def test_a_wrong_profile_is_said_and_not_tried_for_ever(links, bluez):
    bluez.add(EnvironmentDevice())
    connection = links.start('C8:00:00:00:00:03', profile='jbd_bms')
    await eventually(lambda: code(connection) == 'profile_mismatch', timeout=10)
    assert 'ff00' in connection.last_error.message
    connection.retry_now()
    await eventually(lambda: not connection.retriable, timeout=10)


# standard services


async def test_standard_services_are_recognised_and_read(links, bluez):
    bluez.add(BatteryServiceDevice())
    connection = await links.open('C8:00:00:00:00:02')
    found = values(connection)
    assert found['battery_level'] == 87 and 'Edge' in found.values()
    assert connection.source.points['battery_level'].unit == '%'


async def test_a_climate_sensor_is_read(links, bluez):
    bluez.add(EnvironmentDevice())
    connection = await links.open('C8:00:00:00:00:03', profile='battery')
    found = values(connection)
    assert (found['temperature'], found['humidity'], found['pressure']) == (21.37, 48.25, 1013.25)


async def test_a_device_that_refuses_one_value_shows_the_others(links, bluez):
    sensor = bluez.add(EnvironmentDevice())
    from tests.devices.bluez.errors import att_error

    connection = await links.open('C8:00:00:00:00:03')
    assert values(connection)['humidity'] == 48.25
    sensor.faults.fail_always('ReadValue', att_error(0x02), uuid=uuid16('2a6f'))
    await eventually(lambda: connection.source.points['humidity'].quality == 'bad')
    assert values(connection)['humidity'] is None and values(connection)['temperature'] == 21.37
    assert connection.source.points['temperature'].quality == 'good' and connection.traffic.errors >= 1


class HeartRate(BleDevice):
    """A device that cannot be asked anything: it only speaks by itself."""

    RATE = uuid16('2a37')

    def __init__(self, address: str = 'C8:00:00:00:00:20') -> None:
        super().__init__(address, 'Belt', service_uuids=[uuid16('180d')],
                         services=[Service(uuid16('180d'), (Characteristic(self.RATE, ('notify',)),))])  # fmt: skip


async def test_a_device_that_only_notifies_is_alive_only_while_it_does(links, bluez):
    peripheral = bluez.add(HeartRate())
    chosen = [{'uuid': '2a37', 'name': 'rate', 'format': 'uint8'}]
    connection = links.start(peripheral.address, profile='gatt', characteristics=chosen)
    await eventually(lambda: peripheral.link is not None)
    speaking = asyncio.create_task(speak(peripheral))
    await eventually(lambda: alive(connection), timeout=8)
    await fresh(connection, 3)
    speaking.cancel()
    await eventually(lambda: connection.status is not Status.CONNECTED, timeout=5)
    assert connection.source.points['rate'].quality == 'stale'


async def speak(peripheral) -> None:
    while True:
        peripheral.notify(HeartRate.RATE, bytes((72,)))
        await asyncio.sleep(0.1)


async def test_a_device_that_never_speaks_is_not_connected(links, bluez):
    peripheral = bluez.add(HeartRate())
    connection = links.start(peripheral.address, profile='gatt',
                             characteristics=[{'uuid': '2a37', 'name': 'rate', 'format': 'uint8'}])  # fmt: skip
    await eventually(lambda: code(connection) == 'timeout', timeout=10)
    assert {attempt.outcome for attempt in connection.attempts} == {'timeout'}


async def test_a_device_that_wants_to_be_paired_says_so(links, bluez):
    bluez.add(EnvironmentDevice()).needs_pairing = True
    connection = links.start('C8:00:00:00:00:03')
    await eventually(lambda: code(connection) == 'not_authorised', timeout=10)
    assert 'bluetoothctl pair' in connection.last_error.hint and not connection.retriable


# chosen characteristics


async def test_chosen_characteristics_are_points(links, bluez):
    relay = Relay()
    bluez.add(relay)
    connection = await links.open(relay.address, profile='gatt', characteristics=RELAY_POINTS, allow_writes=True)
    assert values(connection) == {'lamp': False, 'command': None}
    await connection.write('lamp', True)
    assert relay.on and values(connection)['lamp'] is True
    await eventually(lambda: values(connection).get('count') == 123.4)
    assert connection.source.points['count'].unit == 'Wh'
    await connection.write('command', 'blink')
    await eventually(lambda: relay.commands == [b'blink'])


async def test_characteristics_are_chosen_while_the_link_lives(links, bluez):
    peripheral = bluez.add(Relay())
    connection = await links.open(peripheral.address, profile='auto', characteristics=RELAY_POINTS[:1])
    config = {**connection.settings.config, 'characteristics': RELAY_POINTS[:2], 'allow_writes': True}
    await connection.reconfigure(ConnectionSettings(id='ble', type='bluetooth', config=config))
    await fresh(connection, 1)
    peripheral.device.on = True
    peripheral.notify(Relay.COUNTER, b'\x0a\0')
    await eventually(lambda: values(connection) == {'lamp': True, 'count': 1.0})
    assert peripheral.links == 1


async def test_a_characteristic_that_is_not_there_is_named(links, bluez):
    bluez.add(Relay())
    chosen = [*RELAY_POINTS[:1], {'uuid': '2a19', 'name': 'charge'}]
    connection = await links.open('C8:00:00:00:00:10', profile='gatt', characteristics=chosen)
    assert any('charge' in notice.text for notice in connection.notices())


async def test_the_tree_shows_services_and_characteristics(links, bluez):
    bluez.add(BatteryServiceDevice())
    connection = await links.open('C8:00:00:00:00:02')
    services = await connection.browse('')
    assert {(each.name, each.children) for each in services} >= {('180f', 1), ('180a', 2)}
    found = await connection.browse('180f')
    assert [(each.name, each.type, each.comment) for each in found] == [('180f/2a19', 'notify, read', 'Battery Level')]


async def test_single_characteristics_are_read_written_and_heard(links, bluez):
    peripheral = bluez.add(Relay())
    connection = await links.open(peripheral.address, profile='gatt', characteristics=RELAY_POINTS[:1],
                                  allow_writes=True)  # fmt: skip
    assert await connection.raw.read('aa00/aa01') == b'\0'
    heard: list[bytes] = []
    stop = await connection.raw.watch('aa00/aa02', heard.append)
    await connection.raw.write('aa00/aa01', b'\1')
    await eventually(lambda: heard == [b'\xd2\x04'])
    await stop()
    peripheral.notify(Relay.COUNTER, b'\0\0')
    await fresh(connection, 1)
    assert heard == [b'\xd2\x04'] and peripheral.device.on
    with pytest.raises(WriteRefused):
        await connection.raw.read('aa00/ffff')


# sensors that are only heard


async def test_a_bthome_sensor_is_recognised_and_never_connected(links, bluez):
    sensor = BTHomeSensor()
    bluez.add(sensor)
    connection = await links.open(sensor.address)
    assert connection.detail == 'BTHome'
    found = values(connection)
    assert (found['battery'], found['temperature'], found['rssi']) == (100, 20.0, -66)
    sensor.measure(99, -3.5)
    await eventually(lambda: values(connection)['temperature'] == -3.5)
    assert bluez.count('Connect') == 0
    assert connection.traffic.packets_received >= 2


async def test_a_sensor_that_falls_silent_is_lost_and_back_as_soon_as_it_is_heard(links, bluez):
    peripheral = bluez.add(BTHomeSensor())
    connection = await links.open(peripheral.address)
    peripheral.vanish()
    await eventually(lambda: lost(connection), timeout=5)
    assert code(connection) == 'connection_lost'
    await eventually(lambda: len(connection.attempts) >= 3, timeout=12)
    assert {attempt.outcome for attempt in list(connection.attempts)[1:]} == {'device_not_found'}, 'no old advert counts'
    peripheral.come_back()
    await eventually(lambda: alive(connection), timeout=8)


async def test_an_encrypted_sensor_without_a_key_says_so(links, bluez):
    sensor = BTHomeSensor('54:48:E6:8F:80:A5')
    sensor.service_data = {BTHOME: bytes.fromhex('41a47266c95f730011223378237214')}
    bluez.add(sensor)
    connection = links.start(sensor.address)
    await eventually(lambda: code(connection) == 'not_authorised', timeout=8)
    assert 'bind key' in connection.last_error.hint


async def test_a_key_that_is_none_says_so(links, bluez):
    bluez.add(BTHomeSensor())
    links.services.secrets.set('ble', 'key', 'not a key')
    connection = links.start('C8:00:00:00:00:04')
    await eventually(lambda: code(connection) == 'not_authorised', timeout=8)
    assert '32 hexadecimal digits' in connection.last_error.hint and not connection.retriable


async def test_a_button_that_was_pressed_once_is_told_once(links, bluez):
    sensor = BTHomeSensor()
    sensor.service_data = {BTHOME: bytes.fromhex('4000013a01')}  # packet 1, button pressed
    bluez.add(sensor)
    told: list[object] = []
    links.services.gateway.subscribe('ble/button', lambda point: told.append(point.value))
    connection = await links.open(sensor.address)
    await fresh(connection, 4)
    assert told == ['press']
    sensor.service_data = {BTHOME: bytes.fromhex('4000023a01')}
    await eventually(lambda: told == ['press', 'press'])


async def test_an_encrypted_sensor_is_read_with_its_key(links, bluez):
    sensor = BTHomeSensor('54:48:E6:8F:80:A5')
    sensor.service_data = {BTHOME: bytes.fromhex('41a47266c95f730011223378237214')}
    bluez.add(sensor)
    links.services.secrets.set('ble', 'key', KEY)
    connection = await links.open(sensor.address)
    assert (values(connection)['temperature'], values(connection)['humidity']) == (25.06, 50.55)


async def test_a_replayed_advert_is_counted_and_not_shown(links, bluez):
    sensor = BTHomeSensor('54:48:E6:8F:80:A5')
    sensor.service_data = {BTHOME: encrypted(sensor.address, 103, '02ca09')}  # 25.06 °C
    bluez.add(sensor)
    links.services.secrets.set('ble', 'key', KEY)
    connection = await links.open(sensor.address)
    sensor.service_data = {BTHOME: encrypted(sensor.address, 50, '02ac26')}  # 99 °C, from long ago
    await eventually(lambda: connection.traffic.errors >= 1)
    assert values(connection)['temperature'] == 25.06
    sensor.service_data = {BTHOME: encrypted(sensor.address, 104, '02d007')}
    await eventually(lambda: values(connection)['temperature'] == 20.0)


def encrypted(address: str, counter: int, payload: str) -> bytes:
    """As in the BTHome specification: flags, ciphertext, counter, a check of four bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    count = counter.to_bytes(4, 'little')
    nonce = bytes.fromhex(address.replace(':', '')) + bytes.fromhex('d2fc41') + count
    sealed = AESCCM(bytes.fromhex(KEY), tag_length=4).encrypt(nonce, bytes.fromhex(payload), None)
    return b'\x41' + sealed[:-4] + count + sealed[-4:]


async def test_a_wrong_key_says_so(links, bluez):
    sensor = BTHomeSensor('54:48:E6:8F:80:A5')
    sensor.service_data = {BTHOME: bytes.fromhex('41a47266c95f730011223378237214')}
    bluez.add(sensor)
    links.services.secrets.set('ble', 'key', '0' * 32)
    connection = links.start(sensor.address)
    await eventually(lambda: code(connection) == 'not_authorised', timeout=8)
    assert 'another key' in connection.last_error.message


async def test_adverts_are_raw_points(links, bluez):
    sensor = BTHomeSensor()
    sensor.manufacturer_data = {0x0499: b'\x05\x12\xfc'}
    bluez.add(sensor)
    connection = await links.open(sensor.address, profile='adverts')
    assert values(connection)['manufacturer/0499'].replace(' ', '') == '0512fc'


async def test_a_device_without_bthome_is_no_bthome_sensor(links, bluez):
    bluez.add(JbdBattery(BATTERY))
    connection = links.start(BATTERY, profile='bthome')
    await eventually(lambda: code(connection) == 'profile_mismatch', timeout=10)


# signal and attempts


async def test_signal_and_attempts_are_kept(links, bluez):
    peripheral = bluez.add(JbdBattery(BATTERY))
    connection = links.start('A4:C1:38:00:00:99')
    await eventually(lambda: code(connection) == 'device_not_found', timeout=10)
    assert connection.attempts[-1].outcome == 'device_not_found'
    connection = await links.open(BATTERY, 'other')
    assert connection.attempts[-1].outcome == 'connected' and connection.attempts[-1].rssi == peripheral.device.rssi
    assert connection.signal.count >= 1 and connection.rssi == peripheral.device.rssi


async def test_another_adapter_is_used_when_it_is_named(links, bluez):
    bluez.add_adapter('hci1')
    bluez.add(JbdBattery(BATTERY))
    await links.open(BATTERY, adapter='hci1')
    assert all('hci1' in call.path for call in bluez.calls if call.member in ('Connect', 'StartDiscovery'))


async def test_an_adapter_that_is_not_there_is_named(links, bluez):
    connection = links.start(BATTERY, adapter='hci7')
    await eventually(lambda: code(connection) == 'adapter_missing', timeout=8)
    assert 'hci7' in connection.last_error.message


# settings


@pytest.mark.parametrize(('config', 'told'), [
    ({'address': 'somewhere'}, 'AA:BB:CC:DD:EE:FF'),
    ({'address': BATTERY, 'profile': 'nonsense'}, 'jbd_bms'),
    ({'address': BATTERY, 'poll_s': 0.2}, 'greater than or equal to 1'),
    ({'address': BATTERY, 'characteristics': [{'uuid': 'xyzw', 'name': 'a'}]}, 'hexadecimal'),
    ({'address': BATTERY, 'characteristics': [{'uuid': '2a19', 'name': 'a', 'format': 'int7'}]}, 'uint8'),
    ({'address': BATTERY, 'characteristics': [{'uuid': '2a19', 'name': 'a'}] * 2}, 'stands twice'),
    ({'address': BATTERY, 'key': '0' * 32}, 'env:NAME'),
    ({'address': BATTERY, 'adapter': '../etc'}, 'pattern'),
    ({'address': BATTERY, 'characteristics': [{'uuid': '2a19@12', 'name': 'a'}]}, 'service'),
    ({'address': BATTERY, 'characteristics': [{'uuid': '180f/2a19/1', 'name': 'a'}]}, 'service'),
], ids=lambda value: value if isinstance(value, str) else '')  # fmt: skip
def test_settings_that_cannot_be_meant_are_refused(config, told):
    with pytest.raises(ValueError, match=told):
        BluetoothConfig.model_validate(config)


def test_characteristics_are_named_as_in_the_tree():
    written = ['2A19', '0000180f-0000-1000-8000-00805f9b34fb/2A19', '180f/2a19@12']
    config = BluetoothConfig.model_validate({'address': BATTERY, 'characteristics': [
        {'uuid': uuid, 'name': str(number)} for number, uuid in enumerate(written)]})  # fmt: skip
    assert [each.uuid for each in config.characteristics] == ['2a19', '180f/2a19', '180f/2a19@12']


@pytest.mark.parametrize('text', ['a4:c1:38:00:00:01', 'A4-C1-38-00-00-01', 'a4c138000001'])
def test_addresses_are_taken_in_any_usual_form(text):
    assert BluetoothConfig.model_validate({'address': text}).address == BATTERY


async def test_status_is_disconnected_when_it_is_not_wanted(links, bluez):
    bluez.add(JbdBattery(BATTERY))
    connection = await links.open(BATTERY)
    await connection.stop()
    assert connection.status is Status.DISCONNECTED and connection.health is Health.UNKNOWN
