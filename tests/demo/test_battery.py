"""The simulated battery: what it says on the wire, and that what it says makes sense."""
import time
from datetime import date

import pytest

from edgeos.demo.battery import ANSWERS, NAME, PIECE, REQUESTS, SERVICE, JbdBattery
from edgeos.demo.battery_frames import BasicInfo, Request, RequestReader, answer, packed_cells
from edgeos.demo.battery_pack import CELL_OVER, CELL_UNDER, LOCKED, PACK_UNDER_BIT, Pack, at_rest
from edgeos.demo.ble_device import uuid16
from edgeos.demo.weather import DAY
from tests.helpers import FakeClock, patient

BASIC, CELLS, VERSION = (bytes.fromhex(f'DDA5{register}77') for register in ('0300FFFD', '0400FFFC', '0500FFFB'))
CHARGE_OFF, DISCHARGE_OFF, BOTH_OFF, BOTH_ON = (bytes.fromhex(f'DD5AE10200{last}77')
                                                for last in ('01FF1C', '02FF1B', '03FF1A', '00FF1D'))  # fmt: skip


class Owner:
    """Asks the battery by hand and takes its answers apart without the code that made them."""

    def __init__(self, **options: int) -> None:
        self.clock = FakeClock()
        self.battery = JbdBattery(clock=self.clock.monotonic, **options)
        self.pieces: list[bytes] = []

    def ask(self, request: bytes) -> bytes:
        """All that comes back."""
        self.pieces.clear()
        self.battery.write(REQUESTS, request, lambda uuid, data: self.pieces.append(data) if uuid == ANSWERS else None)
        return b''.join(self.pieces)

    def data(self, request: bytes) -> bytes:
        """The data of a right answer."""
        frame = self.ask(request)
        assert is_right(frame), frame.hex(' ')
        assert frame[1] == request[2]
        return frame[4:-3]

    @property
    def current(self) -> float:
        return int.from_bytes(self.data(BASIC)[2:4], 'big', signed=True) / 100

    @property
    def protection(self) -> int:
        return int.from_bytes(self.data(BASIC)[16:18], 'big')

    @property
    def percent(self) -> int:
        return self.data(BASIC)[19]

    @property
    def mosfets(self) -> int:
        return self.data(BASIC)[20]

    @property
    def volts(self) -> list[int]:
        """Of each cell, in mV."""
        data = self.data(CELLS)
        return [int.from_bytes(data[at : at + 2], 'big') for at in range(0, len(data), 2)]


def is_right(frame: bytes) -> bool:
    """Whether start, length, checksum and end are as the manufacturer has them, and the status is good."""
    checked = frame[2:-3]
    return (len(frame) >= 7 and frame[0] == 0xDD and frame[-1] == 0x77 and checked[:1] == b'\0' and checked[1] == len(checked) - 2
            and (sum(checked) + int.from_bytes(frame[-3:-1], 'big')) % 0x10000 == 0)  # fmt: skip


@pytest.fixture
def owner() -> Owner:
    return Owner()


# what others have recorded from real ones

RECORDED = [
    (BasicInfo(58.88, 0, 7.2, 10, 0, date(2016, 3, 24), software=0x10, percent=72, cells=15, temperatures=[20.3, 21.5]),
     'DD03001B1700000002D003E8000020780000000000001048030F020B760B82FBFF77'),
    (BasicInfo(13.2, 0, 70.9, 109.91, 2, date(2020, 8, 10), software=0x25, percent=65, temperatures=[20.1, 19.2]),
     'DD03001B052800001BB22AEF0002290A00000000000025410304020B740B6BFC3977'),
    (BasicInfo(15.6, 0, 4.98, 5, 0, date(2022, 3, 28), software=0x80, percent=100, temperatures=[22.4, 22.3, 21.7]),
     'DD03001D0618000001F201F400002C7C00000000000080640304030B8B0B8A0B84FA8D77'),
    (BasicInfo(0, 0, 0, 100, 0, date(2022, 2, 16), software=0x20, mosfets=1, cells=16),
     'DD030017000000000000271000002C500000000000002000011000FF0577'),
    (BasicInfo(44.08, 0.98, 1.64, 12, 0, date(2019, 11, 14), balancing=0x282, software=0x21, percent=14, cells=11,
               temperatures=[11.9, 10.1]),
     'DD03001B1138006200A404B00000276E028200000000210E030B020B220B10FC4277'),
]  # fmt: skip


@pytest.mark.parametrize('info, frame', RECORDED, ids=['15 cells', '4 cells', 'three sensors', 'no sensor', 'balancing'])
def test_its_basic_information_is_what_real_ones_send(info: BasicInfo, frame: str) -> None:
    assert answer(3, info.packed()).hex().upper() == frame


@pytest.mark.parametrize(
    'register, data, frame',
    [
        (4, packed_cells([3.909, 3.901, 3.895, 3.901]), 'DD0400080F450F3D0F370F3DFEC677'),
        (4, packed_cells([3.394, 3.388, 3.392, 3.386]), 'DD0400080D420D3C0D400D3AFECC77'),
        (5, b'0123456789', 'DD05000A30313233343536373839FDE977'),
        (5, b'JBD-SP04S034-L4S-200A-B-U', 'DD0500194A42442D53503034533033342D4C34532D323030412D422D55FA0877'),
        (0xE1, b'', 'DDE10000000077'),
    ],
)
def test_its_other_answers_are_what_real_ones_send(register: int, data: bytes, frame: str) -> None:
    assert answer(register, data).hex().upper() == frame


# the wire

def test_it_advertises_what_others_know_it_by(owner: Owner) -> None:
    battery = owner.battery
    assert battery.service_uuids == [SERVICE] and battery.name == NAME and battery.connectable
    assert battery.read(uuid16('2a29')) == b'JBD'
    with pytest.raises(KeyError):
        battery.read(REQUESTS)


def test_answers_come_in_pieces_of_twenty_bytes(owner: Owner) -> None:
    owner.ask(BASIC)
    assert [len(piece) for piece in owner.pieces] == [PIECE, 16]
    assert owner.battery.read(ANSWERS) == owner.pieces[-1]


def test_every_register_tells_the_same_battery(owner: Owner) -> None:
    basic = owner.data(BASIC)
    assert len(basic) == 23 + 2 * 3
    assert abs(int.from_bytes(basic[:2], 'big') * 10 - sum(owner.volts)) < 10
    assert basic[21:23] == bytes((8, 3)) and len(owner.volts) == 8
    assert owner.data(VERSION).startswith(b'JBD-SP10S009')


def test_the_number_of_cells_is_told_everywhere() -> None:
    owner = Owner(cells=4)
    assert owner.data(BASIC)[21] == 4 and len(owner.volts) == 4


def test_requests_may_come_in_pieces_and_together(owner: Owner) -> None:
    assert owner.ask(BASIC[:3]) == b''
    assert is_right(owner.ask(BASIC[3:]))
    both = owner.ask(CELLS + VERSION)
    assert both[1] == 4 and b'JBD-SP10S009' in both


@pytest.mark.parametrize('bad', ['DDA50300FFFE77', 'DDA50300FFFD78', 'DD000300FFFD77', '0300FFFD', 'DDA503FFFFFD77'])
def test_a_bad_request_stays_unanswered_and_the_next_is_not(owner: Owner, bad: str) -> None:
    assert owner.ask(bytes.fromhex(bad)) == b''
    owner.clock.advance(1)  # a real one gives up waiting for the rest, too
    assert is_right(owner.ask(BASIC))


def test_rubbish_before_a_request_is_skipped(owner: Owner) -> None:
    assert is_right(owner.ask(b'\x00\xdd\x11' + BASIC))


def test_an_unknown_register_is_refused(owner: Owner) -> None:
    assert owner.ask(bytes.fromhex('DDA50900FFF777')).hex() == 'dd098000ff8077'


def test_what_was_half_received_is_forgotten_with_the_link(owner: Owner) -> None:
    owner.ask(bytes.fromhex('DDA503F0'))  # wants many more
    owner.battery.on_disconnect()
    assert is_right(owner.ask(BASIC))


def test_the_reader_keeps_no_rubbish() -> None:
    reader = RequestReader()
    for _ in range(1000):
        assert reader.feed(b'nothing of use, and no start') == []
    assert reader.feed(BASIC) == [Request(False, 3, b'')]


# faults

def test_silent_it_hears_but_says_nothing(owner: Owner) -> None:
    owner.battery.silent = True
    assert owner.ask(BASIC) == b'' and owner.battery.asked[3] == 1
    owner.battery.silent = False
    assert is_right(owner.ask(BASIC))


def test_corrupt_no_answer_is_right_and_none_like_the_other(owner: Owner) -> None:
    good = {request: owner.ask(request) for request in (BASIC, CELLS, VERSION)}
    owner.battery.corrupt = True
    lengths = set()
    for _ in range(3):
        for request, right in good.items():
            spoilt = owner.ask(request)
            assert right not in spoilt and not is_right(spoilt)
            lengths.add(len(spoilt) - len(right) > 0 if len(spoilt) != len(right) else None)
    assert lengths == {True, False, None}, 'cut short, with something foreign inside, or only wrong'
    owner.battery.corrupt = False
    assert owner.ask(VERSION) == good[VERSION]


# life

def test_within_a_minute_of_the_morning_everything_moves(owner: Owner) -> None:
    owner.clock.advance(15)
    before, volts = owner.data(BASIC), owner.volts
    owner.clock.advance(45)
    after = owner.data(BASIC)
    assert owner.percent > before[19] + 10
    assert before[2:4] != after[2:4] and before[:2] != after[:2] and before[4:6] != after[4:6]
    assert all(new > old for new, old in zip(owner.volts, volts, strict=True))
    assert before[23:] != after[23:], 'temperatures'


def test_it_is_full_by_day_and_nearly_empty_at_dawn_every_day() -> None:
    pack = Pack()
    pack.advance(DAY * 15 / 24)  # midnight
    for _ in range(3):
        shares, faults, cycles = [], set(), pack.cycles
        for _ in range(72):
            pack.advance(DAY / 72)
            shares.append(pack.share)
            faults.add(pack.protection)
            assert all(2.4 < volt < 3.7 for volt in pack.voltages)
            assert -35 < pack.current < 35
            assert 15 < pack.cell_heat < 40 and pack.cell_heat - 1 < pack.switch_heat < 60
        assert min(shares) < 0.1 and max(shares) > 0.97
        assert any(fault & CELL_UNDER for fault in faults), 'the end of the night is protected'
        assert 0 in faults and pack.cycles - cycles in (0, 1, 2)


def test_what_flows_in_is_what_it_holds() -> None:
    pack = Pack()
    pack.sun, pack.load = 20.0, 5.0
    before = pack.remaining
    pack.advance(30)  # an hour of its time
    assert pack.remaining - before == pytest.approx(15, abs=0.3)
    pack.sun, pack.load = 0.0, 10.0
    pack.advance(30)
    assert pack.remaining - before == pytest.approx(5, abs=0.3)
    assert pack.current == -10


def test_cells_rise_with_the_current_and_differ() -> None:
    pack = Pack()
    pack.sun, pack.load = 20.0, 0.0
    pack.advance(1)
    charging = pack.voltages
    pack.sun, pack.load = 0.0, 20.0
    pack.advance(1)
    assert all(up > down + 0.02 for up, down in zip(charging, pack.voltages, strict=True))
    assert max(charging) - min(charging) > 0.005


def test_it_warms_with_the_current_and_cools_down() -> None:
    pack = Pack(share=0.2, hour=0.0)
    pack.sun, pack.load = 30.0, 0.0
    pack.advance(60)
    hot = pack.switch_heat
    assert hot > 30 and pack.cell_heat > 22
    pack.sun = 0.0
    pack.advance(60)
    assert pack.switch_heat < hot - 10


def test_a_cycle_is_counted_when_its_capacity_has_been_taken_out() -> None:
    pack = Pack(share=0.9)
    before = pack.cycles
    for _ in range(2):
        pack.sun, pack.load = 0.0, 20.0
        pack.advance(105)  # 70 Ah
        pack.sun, pack.load = 20.0, 0.0
        pack.advance(105)
    assert pack.cycles == before + 1


def test_near_full_high_cells_are_bled_and_move_closer() -> None:
    pack = Pack(share=0.97)
    pack.sun, pack.load = 10.0, 0.0
    pack.advance(40)
    spread = max(pack.voltages) - min(pack.voltages)
    assert any(pack.balancing) and not all(pack.balancing)
    pack.advance(400)
    assert max(pack.voltages) - min(pack.voltages) < spread / 2


def test_its_voltage_rises_with_its_charge() -> None:
    volts = [at_rest(hundredth / 100) for hundredth in range(-5, 102)]
    assert volts == sorted(volts) and volts[0] > 1 and volts[-1] < 3.8


def test_empty_it_stops_discharging_until_it_is_charged(owner: Owner) -> None:
    pack = owner.battery.pack
    pack.sun, pack.load = 0.0, 30.0
    while not owner.protection & CELL_UNDER:
        owner.clock.advance(0.5)  # a step of its life, so that nothing passes unseen
    for _ in range(20):
        owner.clock.advance(0.5)
        assert owner.current == 0 and owner.mosfets == 1
    owner.clock.advance(60)
    assert owner.protection & CELL_UNDER, 'resting alone does not free it'
    pack.sun, pack.load = 10.0, 0.0
    owner.clock.advance(5)
    assert owner.current == 10, 'charging is still allowed'
    assert owner.mosfets == 1, 'a little does not free it'
    owner.clock.advance(60)
    assert not owner.protection & (CELL_UNDER | PACK_UNDER_BIT) and owner.mosfets == 3
    pack.sun, pack.load = 0.0, 5.0
    owner.clock.advance(1)
    assert owner.current == -5


def test_a_cell_that_gets_too_high_stops_charging_until_it_has_come_down(owner: Owner) -> None:
    pack = owner.battery.pack
    pack.cells[3].charge = pack.cells[3].capacity * 1.0
    pack.sun, pack.load = 25.0, 0.0
    owner.clock.advance(20)
    assert owner.protection & CELL_OVER and owner.current == 0 and owner.mosfets == 2
    assert max(owner.volts) == owner.volts[3]
    pack.sun, pack.load = 0.0, 10.0
    owner.clock.advance(20)
    assert owner.current == -10 and not owner.protection and owner.mosfets == 3


@pytest.mark.parametrize('command, mosfets', [(CHARGE_OFF, 2), (DISCHARGE_OFF, 1), (BOTH_OFF, 0), (BOTH_ON, 3)])
def test_its_mosfets_are_switched_and_say_so(owner: Owner, command: bytes, mosfets: int) -> None:
    assert owner.ask(command).hex() == 'dde10000000077'
    assert owner.mosfets == mosfets
    assert bool(owner.protection & LOCKED) == (mosfets != 3)
    owner.ask(BOTH_ON)
    assert owner.mosfets == 3 and not owner.protection & LOCKED


def test_a_mosfet_that_is_off_lets_nothing_through(owner: Owner) -> None:
    pack = owner.battery.pack
    pack.sun, pack.load = 20.0, 0.0
    owner.clock.advance(1)
    assert owner.current == 20
    owner.ask(CHARGE_OFF)
    assert owner.current == 0
    percent = owner.percent
    owner.clock.advance(60)
    assert owner.percent == percent
    pack.sun, pack.load = 0.0, 20.0
    owner.clock.advance(1)
    assert owner.current == -20, 'the other way is open'
    owner.ask(BOTH_OFF)
    owner.clock.advance(1)
    assert owner.current == 0


@pytest.mark.parametrize('bad', ['DD5AE10101FF1D77', 'DD5A0A020001FFF377'])
def test_a_write_it_does_not_know_changes_nothing(owner: Owner, bad: str) -> None:
    assert owner.ask(bytes.fromhex(bad))[2] == 0x80
    assert owner.mosfets == 3


def test_the_same_times_give_the_same_battery() -> None:
    one, other = Owner(), Owner()
    for owner in (one, other):
        for _ in range(10):
            owner.clock.advance(7)
            owner.battery.live()
    assert one.ask(BASIC) == other.ask(BASIC) and one.ask(CELLS) == other.ask(CELLS)


def test_a_week_without_a_question_is_caught_up_with_at_once(owner: Owner) -> None:
    owner.clock.advance(7 * 24 * 3600)
    began = time.thread_time()
    assert len(owner.volts) == 8
    assert time.thread_time() - began < patient(1)
