"""What recorded answers of JBD batteries mean, and what is not believed."""
import pytest

from edgeos.bluetooth import jbd_frames as jbd
from tests.bluetooth import jbd_recorded as recorded


def frame_of(data: bytes) -> jbd.Frame:
    reader = jbd.FrameReader()
    (frame,) = reader.feed(data)
    assert reader.bad == 0
    return frame


def values_of(data: bytes) -> dict[str, object]:
    read = {jbd.BASIC: jbd.basic_readings, jbd.CELLS: jbd.cell_readings, jbd.HARDWARE: jbd.hardware_readings}
    frame = frame_of(data)
    readings = read[frame.register](frame)
    assert len({each.name for each in readings}) == len(readings)
    return {each.name: each.value for each in readings}


# requests


@pytest.mark.parametrize(('register', 'recording'), [
    (jbd.BASIC, recorded.READ_BASIC), (jbd.CELLS, recorded.READ_CELLS), (jbd.HARDWARE, recorded.READ_HARDWARE),
])  # fmt: skip
def test_asks_as_the_makers_app_does(register, recording):
    assert jbd.request(register) == recording


@pytest.mark.parametrize(('charge', 'discharge', 'recording'), [
    (False, True, recorded.CHARGE_OFF), (True, False, recorded.DISCHARGE_OFF), (True, True, recorded.BOTH_ON),
    (False, False, bytes.fromhex('DD5AE1020003FF1A77')),
])  # fmt: skip
def test_switches_mosfets_as_the_makers_app_does(charge, discharge, recording):
    assert jbd.mosfet_request(charge, discharge) == recording


def test_writes_any_register():
    assert jbd.write_request(0x01, b'\0\0') == recorded.LEAVE_FACTORY_MODE


# answers


@pytest.mark.parametrize('recording', recorded.ALL, ids=lambda data: data[:5].hex())
def test_recorded_answers_are_read_in_pieces_of_20_bytes(recording):
    reader = jbd.FrameReader()
    pieces = [recording[at:at + 20] for at in range(0, len(recording), 20)]
    frames = [frame for piece in pieces for frame in reader.feed(piece)]
    assert frames == [jbd.Frame(recording[1], 0, recording[4:-3])]
    assert reader.bad == 0


def test_an_acknowledgement_is_a_frame_without_data():
    assert frame_of(recorded.CHARGE_OFF_DONE) == jbd.Frame(jbd.MOSFET, 0, b'')


def test_the_pack_of_four_cells():
    values = values_of(recorded.BASIC_DISCHARGING)
    flags = {name: values.pop(name) for name in list(values) if name.startswith('protection/')}
    assert values == {
        'voltage': 15.6, 'current': -2.87, 'power': -44.77, 'state_of_charge': 100, 'remaining_capacity': 4.98,
        'full_capacity': 5.0, 'cycles': 42, 'temperature_1': 22.4, 'temperature_2': 22.3, 'temperature_3': 21.7,
        'charge_mosfet': True, 'discharge_mosfet': True, 'balancing': False, 'problem': False, 'protection': '',
        'production_date': '2022-03-28', 'software_version': '8.0',
    }  # fmt: skip
    assert list(flags.values()) == [False] * 14
    assert values_of(recorded.CELLS_DISCHARGING) == {
        'cell_1': 3.43, 'cell_2': 3.425, 'cell_3': 3.432, 'cell_4': 3.417,
        'cell_min': 3.417, 'cell_max': 3.432, 'cell_spread': 0.015,
    }  # fmt: skip
    assert values_of(recorded.HARDWARE_4S) == {'hardware_version': 'JBD-SP04S034-L4S-200A-B-U'}
    assert values_of(recorded.HARDWARE_DIGITS) == {'hardware_version': '0123456789'}


def test_units_are_told_and_only_mosfets_can_be_written():
    readings = jbd.basic_readings(frame_of(recorded.BASIC_4S)) + jbd.cell_readings(frame_of(recorded.CELLS_4S))
    units = {each.name: each.unit for each in readings}
    assert [units[name] for name in ('voltage', 'current', 'power', 'state_of_charge', 'full_capacity', 'temperature_1',
                                     'cell_1', 'cell_spread', 'cycles')] == ['V', 'A', 'W', '%', 'Ah', '°C', 'V', 'V', '']  # fmt: skip
    assert [each.name for each in readings if each.writable] == ['charge_mosfet', 'discharge_mosfet']


def test_other_packs():
    longer = values_of(recorded.BASIC_LONGER)
    assert (longer['voltage'], longer['remaining_capacity'], longer['temperature_1']) == (13.75, 191.67, 26.2)
    assert 'temperature_2' not in longer
    fifteen = values_of(recorded.BASIC_15S)
    assert (fifteen['voltage'], fifteen['state_of_charge'], fifteen['production_date']) == (58.88, 72, '2016-03-24')
    assert (fifteen['temperature_1'], fifteen['temperature_2'], fifteen['software_version']) == (20.3, 21.5, '1.0')
    sixteen = values_of(recorded.BASIC_16S)
    assert (sixteen['charge_mosfet'], sixteen['discharge_mosfet']) == (True, False)
    assert not [name for name in sixteen if name.startswith('temperature')]
    cells = values_of(recorded.CELLS_16S)
    assert (cells['cell_15'], cells['cell_16'], cells['cell_min'], cells['cell_spread']) == (3.6, 0, 0, 3.6)


# protections


def with_bytes(recording: bytes, at: int, changed: bytes) -> jbd.Frame:
    """The recorded answer with other data from an offset on."""
    frame = frame_of(recording)
    return frame._replace(data=frame.data[:at] + changed + frame.data[at + len(changed):])


def protection_of(bits: int) -> dict[str, object]:
    readings = jbd.basic_readings(with_bytes(recorded.BASIC_4S, 16, bits.to_bytes(2, 'big')))
    return {each.name: each.value for each in readings}


def test_what_acts_is_named():
    first = values_of(recorded.BASIC_FIRST_FLAG)
    assert (first['problem'], first['protection']) == (True, 'cell overvoltage')
    assert first['protection/cell_overvoltage'] is True and first['protection/cell_undervoltage'] is False
    values = protection_of(1 << 1 | 1 << 10)
    assert values['protection'] == 'cell undervoltage, short circuit'
    assert values['protection/short_circuit'] is True


def test_a_flag_nobody_has_described_is_a_problem_too():
    last = values_of(recorded.BASIC_LAST_FLAG)
    assert (last['problem'], last['protection']) == (True, 'bit 15')


def test_a_mosfet_that_the_owner_switched_off_is_no_problem():
    values = protection_of(1 << 12)
    assert (values['problem'], values['protection'], values['protection/mosfet_lock']) == (False, 'mosfet lock', True)
    assert protection_of(1 << 12 | 1)['problem'] is True


def test_balancing_of_any_cell_is_told():
    for at, bits in ((12, b'\0\1'), (12, b'\x80\0'), (14, b'\0\4')):
        readings = {each.name: each.value for each in jbd.basic_readings(with_bytes(recorded.BASIC_4S, at, bits))}
        assert readings['balancing'] is True


# what cannot be true


@pytest.mark.parametrize(('at', 'changed'), [(21, b'\0'), (21, b'\x21'), (22, b'\4'), (22, b'\xff')])
def test_impossible_counts_are_refused_as_a_whole(at, changed):
    with pytest.raises(jbd.FrameError):
        jbd.basic_readings(with_bytes(recorded.BASIC_4S, at, changed))


@pytest.mark.parametrize('size', range(23))
def test_basic_information_that_is_cut_short_is_refused(size):
    with pytest.raises(jbd.FrameError):
        jbd.basic_readings(jbd.Frame(jbd.BASIC, 0, frame_of(recorded.BASIC_16S).data[:size]))


@pytest.mark.parametrize('data', [b'', b'\x0d', b'\x0d\x66\x0d', b'\x0d\x66' * 33, b'JBD-SP04'])
def test_cells_that_cannot_be_are_refused(data):
    with pytest.raises(jbd.FrameError):
        jbd.cell_readings(jbd.Frame(jbd.CELLS, 0, data))


def test_voltages_are_no_hardware_version():
    with pytest.raises(jbd.FrameError):
        jbd.hardware_readings(jbd.Frame(jbd.HARDWARE, 0, frame_of(recorded.CELLS_4S).data))


def test_padding_is_no_part_of_the_hardware_version():
    (reading,) = jbd.hardware_readings(jbd.Frame(jbd.HARDWARE, 0, b'SP14S004 \0\0'))
    assert reading.value == 'SP14S004'


def test_a_refusal_and_another_register_are_no_values():
    for read, register in ((jbd.basic_readings, 3), (jbd.cell_readings, 4), (jbd.hardware_readings, 5)):
        with pytest.raises(jbd.FrameError, match='refused with status 0x80'):
            read(jbd.Frame(register, 0x80, b''))
        with pytest.raises(jbd.FrameError, match='instead of'):
            read(frame_of(recorded.CHARGE_OFF_DONE))


@pytest.mark.parametrize('raw', [b'\0\0', b'\xff\xff'])
def test_a_sensor_that_is_not_there_has_no_temperature(raw):
    readings = {each.name: each.value for each in jbd.basic_readings(with_bytes(recorded.BASIC_4S, 23, raw))}
    assert readings['temperature_1'] is None
    assert readings['temperature_2'] == 22.3


def test_frost_is_a_temperature():
    readings = {each.name: each.value for each in jbd.basic_readings(with_bytes(recorded.BASIC_4S, 23, b'\x0a\x15'))}
    assert readings['temperature_1'] == -15.0


@pytest.mark.parametrize('raw', [b'\0\0', b'\x2d\xff', b'\xff\xff'])
def test_a_day_that_is_none_is_no_production_date(raw):
    readings = {each.name: each.value for each in jbd.basic_readings(with_bytes(recorded.BASIC_4S, 10, raw))}
    assert readings['production_date'] is None
