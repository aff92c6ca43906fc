"""What devices say on the air, byte by byte."""
from itertools import pairwise

import pytest

from edgeos.demo.battery import JbdBattery
from edgeos.demo.ble_device import BleDevice, uuid16
from edgeos.demo.radio_adverts import TooLong, adverts_of
from edgeos.demo.radio_neighbours import Beacon, Phone, Thermometer, neighbours
from tests.helpers import FakeClock


def test_the_battery_fits_into_one_advert() -> None:
    advert, response = adverts_of(JbdBattery())
    assert advert == b'\x02\x01\x06' + b'\x03\x03\x00\xff' + b'\x0d\x09JBD-SP10S009' and response == b''


def test_what_does_not_fit_goes_into_the_scan_response() -> None:
    device = BleDevice('A4:C1:38:00:00:01', 'A rather long name', service_uuids=['6e400001-b5a3-f393-e0a9-e50e24dcca9e'])
    advert, response = adverts_of(device)
    assert advert == b'\x02\x01\x06' + b'\x11\x07' + bytes.fromhex('9ecadc240ee5a9e093f3a3b50100406e')
    assert response == b'\x13\x09A rather long name'


def test_the_last_byte_of_a_number_comes_first() -> None:
    device = BleDevice('A4:C1:38:00:00:01', manufacturer_data={0x0B65: b'\x01\x02'}, service_data={uuid16('fcd2'): b'@'})
    assert adverts_of(device) == (b'\x02\x01\x06' + b'\x04\x16\xd2\xfc@' + b'\x05\xff\x65\x0b\x01\x02', b'')


def test_who_has_too_much_to_say_is_told() -> None:
    with pytest.raises(TooLong):
        adverts_of(BleDevice('A4:C1:38:00:00:01', 'x' * 30))


def test_all_neighbours_fit_and_differ() -> None:
    assert len({each.address for each in neighbours()}) == 3
    for each in neighbours():
        assert adverts_of(each)[1] == b'' and not each.connectable


def test_the_thermometer_speaks_bthome() -> None:
    """The layout as in the example of bthome.io/format: 40 02 C409 03 BF13 is 25 °C and 50.55 %."""
    clock = FakeClock()
    thermometer = Thermometer(clock.monotonic)
    said = thermometer.service_data[uuid16('fcd2')]
    assert said[0] == 0x40 and said[1:2] + said[3:4] + said[5:6] + said[8:9] == b'\x00\x01\x02\x03'
    assert int.from_bytes(said[6:8], 'little', signed=True) == round(thermometer.temperature * 100)
    assert int.from_bytes(said[9:11], 'little') == round(thermometer.humidity * 100)


def test_the_thermometer_lives_through_days_and_weak_batteries() -> None:
    clock = FakeClock()
    thermometer = Thermometer(clock.monotonic)
    temperatures, charges, packets = [], [], []
    for _ in range(600):
        clock.advance(90)
        thermometer.refresh()
        temperatures.append(thermometer.temperature)
        charges.append(thermometer.charge)
        packets.append(thermometer.service_data[uuid16('fcd2')][2])
        assert 30 < thermometer.humidity < 100 and 0 < thermometer.charge <= 100
    assert max(temperatures) - min(temperatures) > 8 and min(charges) < 10 < 80 < max(charges)
    assert all(new == (old + 1) % 256 for old, new in pairwise(packets))


def test_a_phone_takes_another_address_and_a_beacon_counts() -> None:
    clock = FakeClock()
    phone, beacon = Phone(clock.monotonic), Beacon(clock.monotonic)
    addresses, counts = set(), set()
    for _ in range(300):
        clock.advance(120)
        phone.refresh()
        beacon.refresh()
        addresses.add(phone.address)
        counts.add(beacon.manufacturer_data[0x0822])
        assert int(phone.address[:2], 16) >> 6 == 1, 'a resolvable private address'
    assert len(addresses) == len(counts) == 300
