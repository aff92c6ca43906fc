"""BTHome adverts: every example of bthome.io/format and bthome.io/encryption, and what is refused."""
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeos.bluetooth.bthome import UUID, AdvertError, parse
from edgeos.bluetooth.bthome_objects import BINARY, NUMBERS

FUZZ = settings(max_examples=300, deadline=None, database=None)
ADDRESS = '54:48:E6:8F:80:A5'
KEY = bytes.fromhex('231d39c1d7cc1ab1aee224cd096db932')
PLAIN, ENCRYPTED = b'\x40', b'\x41'

NUMBER_EXAMPLES = """
0161 battery 97 %               | 02CA09 temperature 25.06 °C     | 03BF13 humidity 50.55 %
04138A01 pressure 1008.83 hPa   | 05138A14 illuminance 13460.67 lx| 065E1F mass 80.3 kg
073E1D mass 74.86 lb            | 08CA06 dew_point 17.38 °C       | 0960 count 96
0A138A14 energy 1346.067 kWh    | 0B021B00 power 69.14 W          | 0C020C voltage 3.074 V
0D120C pm2_5 3090 µg/m³         | 0E021C pm10 7170 µg/m³          | 12E204 co2 1250 ppm
133301 tvoc 307 µg/m³           | 14020C moisture 30.74 %         | 2E23 humidity 35 %
2F23 moisture 35 %              | 3D0960 count 24585              | 3E2A2C0960 count 1611213866
3F020C rotation 307.4 °         | 400C00 distance 12 mm           | 414E00 distance 7.8 m
424E3400 duration 13.39 s       | 434E34 current 13.39 A          | 444E34 speed 133.9 m/s
451101 temperature 27.3 °C      | 4632 uv_index 5.0               | 478756 volume 2215.1 L
48DC87 volume 34780 mL          | 49DC87 volume_flow_rate 34.78 m³/h | 4A020C voltage 307.4 V
4B138A14 gas 1346.067 m³        | 4C41018A01 gas 25821.505 m³     | 4d12138a14 energy 344593.17 kWh
4E87562A01 volume 19551.879 L   | 4F87562A01 water 19551.879 L    | 518756 acceleration 22.151 m/s²
528756 gyroscope 22.151 °/s     | 5587562A01 volume_storage 19551.879 L | 56E803 conductivity 1000 µS/cm
57EA temperature -22 °C         | 58EA temperature -7.7 °C        | 59EA count -22
5AEAEA count -5398              | 5BEA0234EA count -365690134     | 5C02FBFFFF power -12.78 W
5D02EA current -5.63 A          | 5E9F8C direction 359.99 °       | 5FA00F precipitation 400.0 mm
6001 channel 1                  | 61AC0D rotational_speed 3500 rpm| 624099DFFF speed -2.123456 m/s
630057D0FF acceleration -3.123456 m/s² | 6402 light_level 2       | 6503 settings_revision 3
F00100 device_type 1
"""
NUMBERS_OF_THE_FORMAT = [line.split() for row in NUMBER_EXAMPLES.strip().splitlines() for line in row.split('|')]


def told(objects: str, flags: bytes = PLAIN) -> dict[str, object]:
    """What an advert that is not encrypted tells."""
    found = parse(flags + bytes.fromhex(objects), address=ADDRESS)
    assert len({each.name for each in found.readings}) == len(found.readings)
    assert not any(each.writable for each in found.readings)
    return {each.name: each.value for each in found.readings}


def refusal(data: bytes, **arguments) -> str:
    with pytest.raises(AdvertError) as refused:
        parse(data, **{'address': ADDRESS, **arguments})
    assert str(refused.value)
    return refused.value.code


# objects


@pytest.mark.parametrize('example', NUMBERS_OF_THE_FORMAT, ids=lambda example: example[0])
def test_numbers_as_in_the_examples_of_the_format(example):
    (reading,) = parse(PLAIN + bytes.fromhex(example[0]), address=ADDRESS).readings
    assert (reading.name, str(reading.value), reading.unit) == (example[1], example[2], [*example, ''][3])


def test_the_examples_are_all_the_numbers_there_are():
    assert sorted(int(example[0][:2], 16) for example in NUMBERS_OF_THE_FORMAT) == sorted(NUMBERS)


@pytest.mark.parametrize('id', sorted(BINARY))
def test_binary_sensors_are_true_or_false(id):
    assert told(f'{id:02x}01') == {BINARY[id]: True}
    assert told(f'{id:02x}00') == {BINARY[id]: False}


def test_all_binary_sensors_of_the_format_are_known():
    assert set(BINARY) == {0x0F, 0x10, 0x11, *range(0x15, 0x2E)}
    assert set(BINARY.values()).isdisjoint(number.name for number in NUMBERS.values())


@pytest.mark.parametrize(('objects', 'expected'), [
    ('3A00', {'button': 'none'}), ('3A01', {'button': 'press'}), ('3A02', {'button': 'double_press'}),
    ('3A03', {'button': 'triple_press'}), ('3A04', {'button': 'long_press'}), ('3A05', {'button': 'long_double_press'}),
    ('3A06', {'button': 'long_triple_press'}), ('3A80', {'button': 'hold_press'}), ('3AFE', {'button': 'event_254'}),
    ('3A003A01', {'button': 'none', 'button_2': 'press'}),
    ('3C0000', {'dimmer': 'none'}), ('3C0103', {'dimmer': 'rotate_left 3'}), ('3C020A', {'dimmer': 'rotate_right 10'}),
    ('3B0000', {'command': 'off'}), ('3B0001', {'command': 'on'}), ('3B0002', {'command': 'toggle'}),
    ('3B010305', {'command': 'step_up 5'}), ('3B010405', {'command': 'step_down 5'}),
    ('3B02070102', {'command': 'command_7 0102'}), ('3BE0013A01', {'command': 'on', 'button': 'press'}),
    ('530C48656C6C6F20576F726C6421', {'text': 'Hello World!'}),
    ('540C48656C6C6F20576F726C6421', {'raw': '48656c6c6f20576f726c6421'}),
    ('5300' '0161', {'text': '', 'battery': 97}),
    ('505d396164', {'timestamp': '2023-05-14T19:41:17+00:00'}),
    ('F100010204', {'firmware_version': '4.2.1.0'}), ('F2000106', {'firmware_version': '6.1.0'}),
])  # fmt: skip
def test_events_texts_and_versions(objects, expected):
    assert told(objects) == expected


def test_several_of_a_kind_are_numbered_as_they_come():
    assert told('02CA09' '02CB09' '451101') == {'temperature': 25.06, 'temperature_2': 25.07, 'temperature_3': 27.3}
    assert told('0161' '1501') == {'battery': 97, 'battery_low': True}


def test_the_packet_id_is_no_value():
    found = parse(PLAIN + bytes.fromhex('0009' '02CA09'), address=ADDRESS)
    assert (found.packet_id, found.counter, found.is_event_driven, found.is_incomplete) == (9, None, False, False)
    assert [each.name for each in found.readings] == ['temperature']
    assert parse(b'\x44\x3a\x01', address=ADDRESS).is_event_driven


def test_what_stands_before_an_unknown_object_is_kept():
    found = parse(PLAIN + bytes.fromhex('02CA09' 'EE01' '0161'), address=ADDRESS)
    assert [each.name for each in found.readings] == ['temperature']
    assert (found.unknown, found.is_incomplete) == (0xEE, True)


def test_an_advert_without_objects_tells_nothing():
    assert parse(PLAIN, address=ADDRESS).readings == []


@pytest.mark.parametrize('objects', ['02', '02CA', '3C01', '5304616263', '530', '5301ff', '54', '3B', '3B0103', '00', 'F10001'])
def test_an_advert_that_is_cut_short_is_refused_as_a_whole(objects):
    objects = objects if len(objects) % 2 == 0 else objects + '5'
    assert refusal(PLAIN + bytes.fromhex('0161' + objects)) == 'malformed'


@pytest.mark.parametrize('flags', [0x00, 0x20, 0x21, 0x60, 0xE0])
def test_other_versions_are_refused(flags):
    assert refusal(bytes((flags,)) + bytes.fromhex('02CA09')) == 'unsupported version'


def test_nothing_at_all_is_malformed():
    assert refusal(b'') == 'malformed'


def test_the_address_may_stand_in_the_advert():
    assert told('b2188d38c1a4' '04138a01', b'\x42') == {'pressure': 1008.83}
    found = parse(bytes.fromhex('43a5808fe64854f196c06ffb4900112233f08ecbde'), address='', key=KEY)
    assert {each.name: each.value for each in found.readings}


# encryption

EXAMPLE = bytes.fromhex('41e445f3c9962b332211006c7c4519')  # temperature and humidity, counter 1122867


def encrypted(objects: str, counter: int, key: bytes = KEY, flags: bytes = ENCRYPTED, address: str = ADDRESS) -> bytes:
    """Built by the description at bthome.io/encryption."""
    count = counter.to_bytes(4, 'little')
    nonce = bytes.fromhex(address.replace(':', '')) + b'\xd2\xfc' + flags + count
    sealed = AESCCM(key, tag_length=4).encrypt(nonce, bytes.fromhex(objects), None)
    return flags + sealed[:-4] + count + sealed[-4:]


def test_the_example_of_the_format():
    assert encrypted('02CA0903BF13', 1122867) == EXAMPLE
    found = parse(EXAMPLE, address=ADDRESS, key=KEY, last_counter=None)
    assert [(each.name, each.value, each.unit) for each in found.readings] == [
        ('temperature', 25.06, '°C'), ('humidity', 50.55, '%')]  # fmt: skip
    assert found.counter == 1122867


def test_the_flags_are_part_of_what_is_checked():
    assert parse(encrypted('3A01', 500, flags=b'\x45'), address=ADDRESS, key=KEY).is_event_driven
    assert refusal(b'\x45' + EXAMPLE[1:], key=KEY) == 'wrong key'


@pytest.mark.parametrize('address', [ADDRESS, ADDRESS.lower(), ADDRESS.replace(':', '')])
def test_the_address_may_be_spelled_as_it_likes(address):
    assert parse(EXAMPLE, address=address, key=KEY).counter == 1122867


def test_without_the_right_key_nothing_is_told():
    assert refusal(EXAMPLE) == 'no key'
    assert refusal(EXAMPLE, key=KEY[::-1]) == 'wrong key'
    assert refusal(EXAMPLE, key=KEY[:15]) == 'wrong key'
    assert refusal(EXAMPLE, key=KEY, address='54:48:E6:8F:80:A6') == 'wrong key'
    assert refusal(EXAMPLE, key=KEY, address='12345678-1234-1234-1234-123456789ABC') == 'wrong key'


def test_with_a_key_what_anybody_can_send_is_not_taken():
    assert refusal(PLAIN + bytes.fromhex('02CA09'), key=KEY) == 'not encrypted'


def test_no_wrong_bit_gets_through():
    for bit in range(8, 8 * len(EXAMPLE)):
        changed = bytearray(EXAMPLE)
        changed[bit // 8] ^= 1 << bit % 8
        assert refusal(bytes(changed), key=KEY) == 'wrong key'


@pytest.mark.parametrize('size', range(8))
def test_an_encrypted_advert_that_is_too_short_is_malformed(size):
    assert refusal(ENCRYPTED + b'\0' * size, key=KEY) == 'malformed'
    assert refusal(ENCRYPTED + b'\0' * size) == 'malformed'


@pytest.mark.parametrize(('counter', 'last'), [
    (1000, None), (1001, 1000), (2000, 1000), (1000, 1000), (0, None),
    (99, 2**31 + 500), (0, 2**32 - 1), (500, 2**32 - 100), (2**31 + 10, 100),
])  # fmt: skip
def test_newer_repeated_and_wrapped_around_are_taken(counter, last):
    found = parse(encrypted('0161', counter), address=ADDRESS, key=KEY, last_counter=last)
    assert found.counter == counter


@pytest.mark.parametrize(('counter', 'last'), [(999, 1000), (100, 1000), (0, 1000), (2**32 - 1, 0),
                                                 (2**31, 2**32 - 1), (100, 2**30)])  # fmt: skip
def test_what_was_recorded_and_sent_again_is_not_taken(counter, last):
    assert refusal(encrypted('0161', counter), key=KEY, last_counter=last) == 'replayed'


def test_a_forged_old_counter_is_a_wrong_key_and_no_replay():
    assert refusal(EXAMPLE[:-1] + b'\0', key=KEY, last_counter=2_000_000) == 'wrong key'


# all


@FUZZ
@given(st.sampled_from([b'', PLAIN, b'\x44', b'\x42']), st.binary(max_size=40))
def test_any_bytes_are_values_or_refused(flags, data):
    try:
        found = parse(flags + data, address=ADDRESS)
    except AdvertError as error:
        assert error.code in ('malformed', 'unsupported version', 'no key')
        return
    assert len({each.name for each in found.readings}) == len(found.readings)
    json.dumps([each.value for each in found.readings], allow_nan=False)


@FUZZ
@given(st.binary(max_size=40), st.one_of(st.none(), st.integers(0, 2**32 - 1)))
def test_nobody_without_the_key_is_believed(data, last):
    assert refusal(ENCRYPTED + data, key=KEY, last_counter=last) in ('malformed', 'wrong key')


def test_the_uuid_is_that_of_the_format():
    assert UUID == '0000fcd2-0000-1000-8000-00805f9b34fb'
