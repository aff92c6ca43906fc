"""Adverts as plain bytes, and what their senders seem to be."""
import pytest

from edgeos.bluetooth.adverts_raw import guess, raw_readings
from edgeos.bluetooth.readings import Reading
from edgeos.bluetooth.uuids import full

BTHOME, JBD, BATTERY = full('fcd2'), full('ff00'), full('180f')
PHONE = {0x004C: bytes.fromhex('1006031a4f2d')}


def test_bytes_are_points_by_company_and_service():
    readings = raw_readings({0x0499: b'\x05\x12', 0x004C: b''}, {BTHOME: b'\x40\x01\x61'}, -67, 4)
    assert readings == [
        Reading('manufacturer/0499', '0512'), Reading('manufacturer/004c', ''), Reading('service_data/fcd2', '400161'),
        Reading('rssi', -67, 'dBm'), Reading('tx_power', 4, 'dBm'),
    ]  # fmt: skip


def test_services_of_makers_keep_their_long_name():
    uuid = '6e400001-b5a3-f393-e0a9-e50e24dcca9e'
    assert raw_readings({}, {uuid: b'\1'}, None) == [Reading(f'service_data/{uuid}', '01')]


def test_what_is_not_told_is_no_point():
    assert raw_readings({}, {}, None, None) == []
    assert [each.name for each in raw_readings({}, {}, -120)] == ['rssi']


@pytest.mark.parametrize(('name', 'services', 'manufacturer', 'service_data', 'kind', 'words'), [
    ('', [], {}, {BTHOME: b'\x40\x01\x61'}, 'bthome', 'BTHome sensor'),
    ('', [], {}, {BTHOME: b'\x41\x01\x61'}, 'bthome', 'BTHome sensor, encrypted'),
    ('', [], {}, {BTHOME: b''}, 'bthome', 'BTHome sensor'),
    ('SBHT-003C', [], {0x0BA9: b'\1'}, {BTHOME: b'\x44\x01\x61'}, 'bthome', 'BTHome sensor'),
    ('JBD-SP04S034', [JBD], {}, {}, 'jbd_bms', 'JBD battery'),
    ('JBD-SP04S034', [], {}, {}, 'jbd_bms', 'JBD battery'),
    ('SP14S004P14S40A', [], {}, {}, 'jbd_bms', 'JBD battery'),
    ('DP04S007L4S100A', [JBD], {}, {}, 'jbd_bms', 'JBD battery'),
    ('xiaoxiang BMS', [], {}, {}, 'jbd_bms', 'JBD battery'),
    ('LT40AH', [JBD], {0x0211: b'\1'}, {}, 'jbd_bms', 'JBD battery'),
    ('', [JBD], {}, {}, 'jbd_bms', 'JBD battery'),
    ('HSKS-1234', [JBD], {0x7B: b'\1'}, {}, 'adverts', ''),
    ('TP_12V', [JBD], {}, {}, '', ''),
    ('BP02', [JBD], {}, {}, '', ''),
    ('Mouse', [BATTERY, full('1812')], {}, {}, 'battery', 'Device that tells its battery level'),
    ('', [full('181a'), BATTERY], {}, {}, 'battery', 'Environmental sensor'),
    ('', [], {0x0499: b'\5'}, {}, 'adverts', 'Ruuvi device'),
    ('', [], {0x02E1: b'\x10'}, {}, 'adverts', 'Victron device'),
    ('', [], {}, {full('fe95'): b'\1'}, 'adverts', 'Xiaomi device'),
    ('', [full('fe07')], {}, {}, '', 'Sonos device'),
    ('', [], {0x0969: b'\1'}, {full('fd3d'): b'\1'}, 'adverts', 'SwitchBot device'),
    ('', [], PHONE, {}, '', 'Apple device'),
    ('', [], {0x004C: bytes.fromhex('0215') + b'\0' * 21}, {}, 'adverts', 'iBeacon'),
    ('', [], {}, {full('feaa'): b'\0'}, 'adverts', 'Eddystone beacon'),
    ('', [], {0x0006: b'\1'}, {}, '', 'Microsoft device'),
    ('', [], {0xFFFF: b'\1'}, {}, 'adverts', ''),
    ('Lamp', [], {}, {}, '', ''),
    ('', [], {}, {}, '', ''),
])  # fmt: skip
def test_what_it_seems_to_be(name, services, manufacturer, service_data, kind, words):
    found = guess(name, frozenset(full(uuid) for uuid in services), manufacturer, service_data)
    assert (found.kind, found.words) == (kind, words)
    assert found.words == found.template.format(company=found.company)
