"""What the characteristics of the Bluetooth SIG say."""
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeos.bluetooth.formats import FORMATS, ValueFormatError
from edgeos.bluetooth.readings import Reading
from edgeos.bluetooth.standard import _COMPOUND, KNOWN, STATIC, readings_of
from edgeos.bluetooth.uuids import full, name_of

FUZZ = settings(max_examples=300, deadline=None, database=None)


@pytest.mark.parametrize(('uuid', 'data', 'name', 'value', 'unit'), [
    ('2a19', '57', 'battery_level', 87, '%'),
    ('2a19', '64', 'battery_level', 100, '%'),
    ('2a19', 'ff', 'battery_level', None, '%'),
    ('2a6e', 'ca09', 'temperature', 25.06, '°C'),
    ('2a6e', '0cfe', 'temperature', -5.0, '°C'),
    ('2a6e', '0080', 'temperature', None, '°C'),
    ('2a6f', 'bf13', 'humidity', 50.55, '%'),
    ('2a6f', 'ffff', 'humidity', None, '%'),
    ('2a6d', '46760f00', 'pressure', 1013.318, 'hPa'),
    ('2a7b', 'fb', 'dew_point', -5, '°C'),
    ('2a76', '07', 'uv_index', 7, ''),
    ('2afb', '138a14', 'illuminance', 13460.67, 'lx'),
    ('2afb', 'ffffff', 'illuminance', None, 'lx'),
    ('2b8c', '2003', 'co2', 800, 'ppm'),
    ('2b8c', 'ffff', 'co2', None, 'ppm'),
    ('2a70', 'd204', 'wind_speed', 12.34, 'm/s'),
    ('2a71', '8c23', 'wind_direction', 91.0, '°'),
    ('2a78', '0a00', 'rainfall', 10, 'mm'),
    ('2a6c', '18fcff', 'elevation', -10.0, 'm'),
    ('2aee', 'e803', 'current', 10.0, 'A'),
    ('2b18', '3f03', 'voltage', 12.984375, 'V'),
    ('2b05', 'fd0800', 'power', 230.1, 'W'),
    ('2b05', 'ffffff', 'power', None, 'W'),
    ('2a1c', '006c0100ff', 'temperature', 36.4, '°C'),
    ('2a1c', '01d90300ff', 'temperature', 98.5, '°F'),
    ('2a1c', '066c0100ffe607040a0c1e0002', 'temperature', 36.4, '°C'),
    ('2a1c', '00ffff7f00', 'temperature', None, '°C'),
    ('2a1e', '006c0100ff', 'intermediate_temperature', 36.4, '°C'),
    ('2a37', '0048', 'heart_rate', 72, 'bpm'),
    ('2a37', '112c015802', 'heart_rate', 300, 'bpm'),
    ('2a9d', '004c3d', 'weight', 78.46, 'kg'),
    ('2a9d', '01a041', 'weight', 168.0, 'lb'),
    ('2a9d', '00ffff', 'weight', None, 'kg'),
    ('2a29', '41636d6520', 'manufacturer', 'Acme', ''),
    ('2a26', '312e3200ff', 'firmware_version', '1.2', ''),
    ('2a50', '025915010000', 'pnp_id', '025915010000', ''),
])  # fmt: skip
def test_values_have_their_unit_and_resolution(uuid, data, name, value, unit):
    assert readings_of(uuid, bytes.fromhex(data)) == [Reading(name, value, unit)]
    assert readings_of(full(uuid).upper(), bytes.fromhex(data)) == [Reading(name, value, unit)]


@pytest.mark.parametrize(('uuid', 'data'), [
    ('2a19', ''), ('2a19', '5700'), ('2a6e', '09'), ('2a6d', 'f68c0f'), ('2a29', 'ff'), ('2a1c', ''), ('2a1c', '006c01'),
    ('2a1c', '026c0100ff'), ('2a1c', '006c0100ff02'), ('2a37', ''), ('2a37', '0148'), ('2a9d', '004c'),
])  # fmt: skip
def test_bytes_of_another_length_are_refused(uuid, data):
    with pytest.raises(ValueFormatError):
        readings_of(uuid, bytes.fromhex(data))


def test_what_is_not_in_the_table_says_nothing():
    assert readings_of('ff01', b'\1') == []
    with pytest.raises(ValueError, match='expected a uuid'):
        readings_of('nothing', b'')


def test_the_table_is_sound():
    for uuid, entry in KNOWN.items():
        assert uuid == full(uuid)
        assert name_of(uuid), f'{uuid} has no name'
        assert entry.format in FORMATS or entry.format in _COMPOUND
        assert entry.kind in ('device', 'battery', 'environment', 'electric', 'health')
    assert len({entry.name for entry in KNOWN.values()}) == len(KNOWN) - 2, 'temperature and weight are told twice'


def test_what_never_changes_is_read_once():
    assert full('2a29') in STATIC and full('2a28') in STATIC
    assert full('2a19') not in STATIC and full('2a6e') not in STATIC


@FUZZ
@given(st.sampled_from(sorted(KNOWN)), st.binary(max_size=20))
def test_any_bytes_are_values_or_refused(uuid, data):
    try:
        (reading,) = readings_of(uuid, data)
    except ValueFormatError as error:
        assert str(error)
        return
    json.dumps(reading.value, allow_nan=False)
