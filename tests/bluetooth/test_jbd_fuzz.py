"""Answers of a JBD battery through a bad line: never one that was not sent, and the next good one is always found."""
import itertools
import json
import random
from datetime import date

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from edgeos.bluetooth import jbd_frames as jbd
from edgeos.demo.battery_frames import FAILED, BasicInfo, answer, packed_cells
from tests.bluetooth import jbd_recorded as recorded

FUZZ = settings(max_examples=300, deadline=None, database=None)

BYTE = st.one_of(st.sampled_from([0xDD, 0x77, 0x00, 0x03, 0x80]), st.integers(0, 255))
NOISE = st.lists(BYTE, max_size=60).map(bytes)
DATA = st.one_of(st.sampled_from([recording[4:-3] for recording in recorded.ALL]),
                 st.lists(BYTE, min_size=1, max_size=80).map(bytes))  # fmt: skip
ANSWER = st.builds(answer, st.integers(0, 255), DATA)
LIAR = st.builds(lambda register, length, rest: bytes((0xDD, register, 0, length)) + rest,
                 st.integers(0, 255), st.integers(0, 255), st.binary(max_size=30))  # fmt: skip


def flipped(frame: bytes, bit: int) -> bytes:
    """One bit changed, except in the register, which no checksum covers."""
    at = bit // 8 % len(frame)
    at = at if at != 1 else 0
    return frame[:at] + bytes((frame[at] ^ 1 << bit % 8,)) + frame[at + 1:]


def pieces_of(stream: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at = [], 0
    while at < len(stream):
        size = sizes[len(pieces) % len(sizes)] if sizes else 20
        pieces.append(stream[at:at + size])
        at += size
    return pieces


def read_through(reader: jbd.FrameReader, stream: bytes, sizes: list[int]) -> list[jbd.Frame]:
    return [frame for piece in pieces_of(stream, sizes) for frame in reader.feed(piece)]


def parsed(frame: bytes) -> jbd.Frame:
    return jbd.Frame(frame[1], frame[2], frame[4:-3])


@FUZZ
@given(st.lists(ANSWER, min_size=1, max_size=6), st.lists(st.integers(1, 40), max_size=8))
def test_any_split_gives_the_same_answers(answers, sizes):
    reader = jbd.FrameReader()
    assert read_through(reader, b''.join(answers), sizes) == [parsed(each) for each in answers]
    assert reader.bad == 0


@FUZZ
@given(st.lists(st.one_of(NOISE, LIAR), max_size=5), ANSWER, st.lists(st.integers(1, 40), max_size=8))
@example([b'\xdd\x03\x00\xff'], recorded.BASIC_4S, [20])
@example([recorded.BASIC_4S[:30]], recorded.CELLS_4S, [20])
def test_a_good_answer_behind_anything_is_there_with_its_last_byte(rubbish, good, sizes):
    reader = jbd.FrameReader()
    read_through(reader, b''.join(rubbish), sizes)
    assert read_through(reader, good[:-1], sizes) == []
    assert reader.feed(good[-1:]) == [parsed(good)]


# The head of one answer and the rest of another can be a right frame, so what misses its head misses its end too.
DAMAGE = st.one_of(
    st.tuples(st.just('bad'), NOISE),
    st.tuples(st.just('bad'), LIAR),
    st.tuples(st.just('bad'), st.builds(lambda frame, cut: frame[:cut % len(frame)], ANSWER, st.integers(0, 300))),
    st.tuples(st.just('bad'), st.builds(lambda frame, cut: frame[4 + cut:-3], ANSWER, st.integers(0, 60))),
    st.tuples(st.just('bad'), st.builds(flipped, ANSWER, st.integers(0, 2000))),
    st.tuples(st.just('good'), ANSWER),
)  # fmt: skip


def holds_a_frame(data):
    """Whether rubbish happens to be right: length, sum and end fit."""
    for at in range(len(data) - 6):
        end = at + 7 + data[at + 3]
        if data[at] == 0xDD and end <= len(data) and data[end - 1] == 0x77:
            total = sum(data[at + 2:end - 3]) + int.from_bytes(data[end - 3:end - 1], 'big')
            if total & 0xFFFF == 0:
                return True
    return False


@FUZZ
@given(st.lists(DAMAGE, max_size=12), st.lists(st.integers(1, 40), max_size=8))
def test_of_a_damaged_stream_exactly_the_good_answers_are_read(parts, sizes):
    for kind, run in itertools.groupby(parts, key=lambda part: part[0]):
        assume(kind == 'good' or not holds_a_frame(b''.join(data for _kind, data in run)))
    reader = jbd.FrameReader()
    frames = read_through(reader, b''.join(data for _kind, data in parts), sizes)
    told = [frame for frame in frames if frame.data]  # seven zeros and a start can look like an acknowledgement
    assert told == [parsed(data) for kind, data in parts if kind == 'good']


@FUZZ
@given(ANSWER, ANSWER, st.integers(1, 79), st.lists(st.integers(1, 40), max_size=8))
def test_an_answer_within_another_is_read_and_the_other_is_not(outer, inner, at, sizes):
    assume(0 < at < len(outer))
    reader = jbd.FrameReader()
    assert read_through(reader, outer[:at] + inner + outer[at:], sizes) == [parsed(inner)]
    assert reader.bad >= 1
    assert reader.feed(recorded.BASIC_4S) == [parsed(recorded.BASIC_4S)]


@pytest.mark.parametrize('recording', recorded.ALL, ids=lambda data: data[:5].hex())
def test_no_single_wrong_bit_gets_through(recording):
    for bit in range(8 * len(recording)):
        if bit // 8 == 1:
            continue  # the register, see below
        reader = jbd.FrameReader()
        assert reader.feed(flipped(recording, bit)) == []
        assert reader.feed(recording) == [parsed(recording)]


@pytest.mark.parametrize('recording', recorded.ALL, ids=lambda data: data[:5].hex())
def test_values_under_the_number_of_another_register_are_refused(recording):
    """The checksum does not cover the register, so what was sent as voltages can arrive as a name."""
    read = {jbd.BASIC: jbd.basic_readings, jbd.CELLS: jbd.cell_readings, jbd.HARDWARE: jbd.hardware_readings}
    for register, readings_of in read.items():
        if register != recording[1]:
            with pytest.raises(jbd.FrameError):
                readings_of(parsed(recording)._replace(register=register))


def test_an_acknowledgement_and_a_refusal_are_found_behind_an_answer_that_broke_off():
    for good in (recorded.CHARGE_OFF_DONE, answer(jbd.MOSFET, status=FAILED)):
        reader = jbd.FrameReader()
        assert reader.feed(recorded.BASIC_4S[:20]) == []
        assert reader.feed(good) == [parsed(good)]
        assert reader.bad == 1


def test_data_that_looks_like_an_acknowledgement_is_data():
    data = b'\x05' * 16 + b'\xdd\x03\0\0\0\0\x77' + b'\x05' * 19
    for sizes in ([1], [20], [27, 20], [40]):
        assert read_through(jbd.FrameReader(), answer(jbd.BASIC, data), sizes) == [jbd.Frame(jbd.BASIC, 0, data)]


def test_bad_counts_what_was_thrown_away():
    reader = jbd.FrameReader()
    reader.feed(b'AT+NAME\r\n')
    assert reader.bad == 1
    reader.feed(b'OK\r\n')
    assert reader.bad == 1, 'still the same run'
    reader.feed(recorded.CELLS_4S + b'\0' + recorded.CELLS_4S)
    assert reader.bad == 2
    reader.feed(recorded.CELLS_4S[:-2] + b'\0\x77')
    assert reader.bad == 3


def test_memory_is_bounded_whatever_comes():
    reader, chance = jbd.FrameReader(), random.Random(1)
    for _ in range(5000):
        piece = bytes(chance.choice((0xDD, 0xDD, 0, 0xFF, chance.randrange(256))) for _ in range(20))
        assert reader.feed(piece) == []
        assert len(reader._rest) < 262
    assert reader.feed(recorded.BASIC_4S) == [parsed(recorded.BASIC_4S)]


# values


@FUZZ
@given(st.sampled_from([3, 4, 5]), st.binary(max_size=90))
def test_any_data_is_values_or_refused(register, data):
    read = {3: jbd.basic_readings, 4: jbd.cell_readings, 5: jbd.hardware_readings}
    try:
        readings = read[register](jbd.Frame(register, 0, data))
    except jbd.FrameError:
        return
    assert len({each.name for each in readings}) == len(readings)
    json.dumps([each.value for each in readings], allow_nan=False)


HUNDREDTHS = st.integers(0, 0xFFFF).map(lambda raw: raw / 100)


@FUZZ
@given(st.builds(BasicInfo, voltage=HUNDREDTHS, current=st.integers(-0x8000, 0x7FFF).map(lambda raw: raw / 100),
                 remaining=HUNDREDTHS, capacity=HUNDREDTHS, cycles=st.integers(0, 0xFFFF),
                 made=st.dates(min_value=date(2000, 1, 1), max_value=date(2127, 12, 31)), balancing=st.integers(0, 2**32 - 1),
                 protection=st.integers(0, 0xFFFF), software=st.integers(0, 255), percent=st.integers(0, 100),
                 mosfets=st.integers(0, 3), cells=st.integers(1, 32),
                 temperatures=st.lists(st.integers(-400, 1200).map(lambda raw: raw / 10), max_size=6)))  # fmt: skip
def test_what_a_battery_packs_is_what_is_read(info):
    values = {each.name: each.value for each in jbd.basic_readings(parsed(answer(jbd.BASIC, info.packed())))}
    assert (values['voltage'], values['current'], values['remaining_capacity'], values['full_capacity']) == (
        info.voltage, info.current, info.remaining, info.capacity)  # fmt: skip
    assert values['power'] == pytest.approx(info.voltage * info.current, abs=0.0051)
    assert (values['cycles'], values['state_of_charge']) == (info.cycles, info.percent)
    assert values['production_date'] == info.made.isoformat()
    assert (values['charge_mosfet'], values['discharge_mosfet']) == (bool(info.mosfets & 1), bool(info.mosfets & 2))
    assert values['balancing'] is (info.balancing != 0)
    assert [values[f'temperature_{number}'] for number in range(1, len(info.temperatures) + 1)] == info.temperatures


@FUZZ
@given(st.lists(st.integers(0, 6000).map(lambda raw: raw / 1000), min_size=1, max_size=32))
def test_cells_are_read_as_they_were_packed(volts):
    values = {each.name: each.value for each in jbd.cell_readings(parsed(answer(jbd.CELLS, packed_cells(volts))))}
    assert [values[f'cell_{number}'] for number in range(1, len(volts) + 1)] == volts
    assert values['cell_spread'] == round(max(volts) - min(volts), 3)
