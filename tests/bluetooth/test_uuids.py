"""Uuids in both forms, and whose they are."""
import pytest
from bleak.uuids import uuid16_dict

from edgeos.bluetooth.uuids import _COMPANIES, _NAMES, company_of, full, name_of, short

BATTERY = '0000180f-0000-1000-8000-00805f9b34fb'
UART = '6e400001-b5a3-f393-e0a9-e50e24dcca9e'


@pytest.mark.parametrize('uuid', ['180f', '180F', '0x180F', ' 180f ', '0000180f', BATTERY, BATTERY.upper(),
                                  BATTERY.replace('-', '')])  # fmt: skip
def test_every_spelling_is_one_uuid(uuid):
    assert full(uuid) == BATTERY
    assert short(uuid) == '180f'


def test_uuids_of_makers_have_no_short_form():
    assert full(UART.upper()) == UART
    assert short(UART) == UART
    assert short('12345678') == '12345678', 'a number of 32 bits has'
    assert full('12345678') == '12345678-0000-1000-8000-00805f9b34fb'
    assert short('0000180f-0000-1000-8000-00805f9b34fc') == '0000180f-0000-1000-8000-00805f9b34fc'


@pytest.mark.parametrize('uuid', ['', '18', '180', '180g', '180f0', '0x', '١٨٠٩', BATTERY[:-1], BATTERY + '0', '180f\n180f'])
def test_what_is_no_uuid_is_refused(uuid):
    with pytest.raises(ValueError, match='expected a uuid'):
        full(uuid)
    with pytest.raises(ValueError, match='expected a uuid'):
        short(uuid)
    assert name_of(uuid) == ''


def test_names_are_found_by_either_form():
    assert name_of(BATTERY) == name_of('180F') == 'Battery'
    assert (name_of('2a19'), name_of('2902')) == ('Battery Level', 'Client Characteristic Configuration')
    assert (name_of(UART), name_of('ff00'), name_of('fcd2')) == ('Nordic UART', 'JBD battery', 'BTHome')
    assert name_of('abcd') == ''


OTHERWISE = {'1800', '1801', '2b8c', '2bd5', '2bd6', '2bd7'}  # shortened


def test_names_are_those_of_the_bluetooth_sig():
    for uuid, name in _NAMES.items():
        if uuid[0] in '12' and uuid not in OTHERWISE:
            assert uuid16_dict[int(uuid, 16)].removesuffix(' Service') == name


def test_keys_are_short_forms():
    assert [uuid for uuid in _NAMES if short(uuid) != uuid] == []


KNOWN_AS = {0x060F: 'Signify', 0x0702: 'SAF TEHNIKA', 0x0969: 'Woan', 0x0BA9: 'Allterco'}  # who stands behind a brand


def test_companies_are_those_of_the_bluetooth_sig():
    numbers = pytest.importorskip('bumble.company_ids', reason='install requirements-demo.txt').COMPANY_IDENTIFIERS
    for id, name in _COMPANIES.items():
        if name != 'Govee':
            assert KNOWN_AS.get(id, name.split()[0]).lower() in numbers[id].lower()


def test_companies():
    assert (company_of(0x004C), company_of(0x0499), company_of(0x0BA9)) == ('Apple', 'Ruuvi', 'Shelly')
    assert company_of(0xFFFF) == ''
