"""A solar battery with a JBD (Xiaoxiang) management system, as it is found in caravans, boats and garden sheds.

It lives while it is asked: each request first lets the time pass that has gone by. It is the peer of the app's own
profile and shares no code with it.
"""

import time
from collections.abc import Callable
from datetime import date

from edgeos.demo.battery_frames import (
    BASIC,
    CELLS,
    CHARGE_OFF,
    DISCHARGE_OFF,
    FAILED,
    MOSFETS,
    VERSION,
    BasicInfo,
    Request,
    RequestReader,
    answer,
    packed_cells,
)
from edgeos.demo.battery_pack import Pack
from edgeos.demo.ble_device import BleDevice, Characteristic, Notify, Service, uuid16

ADDRESS = 'A4:C1:38:5D:0A:01'
NAME = 'JBD-SP10S009'
HARDWARE = b'JBD-SP10S009-L8S-60A-B'
MADE = date(2024, 5, 17)

SERVICE, ANSWERS, REQUESTS = uuid16('ff00'), uuid16('ff01'), uuid16('ff02')
PIECE = 20  # bytes of a notification, whatever the link would carry
PATIENCE = 0.5  # s to wait for the rest of a request
CHATTER = b'AT+RSSI\r\n'  # what a disturbed radio module mixes in

_TEXTS = {uuid16('2a29'): b'JBD', uuid16('2a24'): NAME.encode(), uuid16('2a26'): b'2.1'}
SERVICES = (
    Service(uuid16('180a'), tuple(Characteristic(uuid, ('read',)) for uuid in _TEXTS)),
    Service(SERVICE, (Characteristic(ANSWERS, ('read', 'notify')),
                      Characteristic(REQUESTS, ('write', 'write-without-response')))),
)  # fmt: skip


class JbdBattery(BleDevice):
    """Answers registers 3, 4 and 5, and switches its MOSFETS (E1h); a bad request stays unanswered.

    `clock` gives monotonic seconds. Faults: `silent` answers nothing, `corrupt` spoils every answer, each in another
    way: a bit flipped, the end missing, foreign bytes in the middle. `asked` counts right requests by register.
    """

    def __init__(
        self, address: str = ADDRESS, *, cells: int = 8, clock: Callable[[], float] = time.monotonic, name: str = NAME
    ) -> None:
        super().__init__(address, name, rssi=-61, services=SERVICES, service_uuids=[SERVICE])
        self.pack = Pack(cells)
        self.silent = False
        self.corrupt = False
        self.asked: dict[int, int] = {}
        self._clock = clock
        self._lived_until = clock()
        self._reader = RequestReader()
        self._written_at = self._lived_until
        self._spoilt = 0
        self._last_piece = b''

    def live(self) -> None:
        """Let the time pass that has gone by; needed now and then, or a whole night is lived through at once."""
        now = self._clock()
        self.pack.advance(now - self._lived_until)
        self._lived_until = now

    def read(self, uuid: str) -> bytes:
        """Texts of the device information, and the last piece of an answer; raises KeyError for anything else."""
        return self._last_piece if uuid == ANSWERS else _TEXTS[uuid]

    def write(self, uuid: str, data: bytes, notify: Notify) -> None:
        """Takes requests in any pieces; answers go out in pieces of 20 bytes."""
        if uuid != REQUESTS:
            return
        if self._clock() - self._written_at > PATIENCE:
            self._reader.forget()
        self._written_at = self._clock()
        for request in self._reader.feed(data):
            self.asked[request.register] = self.asked.get(request.register, 0) + 1
            self.live()
            frame = self._answer(request)
            if self.silent:
                continue
            if self.corrupt:
                frame = self._spoil(frame)
            for start in range(0, len(frame), PIECE):
                self._last_piece = frame[start : start + PIECE]
                notify(ANSWERS, self._last_piece)

    def on_disconnect(self) -> None:
        self._reader.forget()

    def basic_info(self) -> BasicInfo:
        """What register 3 tells now."""
        pack = self.pack
        return BasicInfo(
            voltage=sum(pack.voltages),
            current=pack.current,
            remaining=pack.remaining,
            capacity=pack.capacity,
            cycles=pack.cycles,
            made=MADE,
            balancing=sum(1 << number for number, bleeds in enumerate(pack.balancing) if bleeds),
            protection=pack.protection,
            percent=round(100 * pack.share),
            mosfets=pack.charge_on | pack.discharge_on << 1,
            cells=len(pack.cells),
            temperatures=[pack.cell_heat, pack.cell_heat - 0.6, pack.switch_heat],
        )

    def _answer(self, request: Request) -> bytes:
        if request.is_write:
            return self._obey(request)
        if request.register == BASIC:
            return answer(BASIC, self.basic_info().packed())
        if request.register == CELLS:
            return answer(CELLS, packed_cells(self.pack.voltages))
        if request.register == VERSION:
            return answer(VERSION, HARDWARE)
        return answer(request.register, status=FAILED)

    def _obey(self, request: Request) -> bytes:
        if request.register != MOSFETS or len(request.data) != 2:
            return answer(request.register, status=FAILED)
        off = request.data[1]
        self.pack.apply_switches(charge=not off & CHARGE_OFF, discharge=not off & DISCHARGE_OFF)
        return answer(MOSFETS)

    def _spoil(self, frame: bytes) -> bytes:
        """In a way that no checksum lets pass."""
        self._spoilt += 1
        middle = len(frame) // 2
        if self._spoilt % 3 == 1:
            return frame[:middle] + bytes((frame[middle] ^ 0x10,)) + frame[middle + 1 :]
        if self._spoilt % 3 == 2:
            return frame[: -max(3, len(frame) // 3)]
        return frame[:middle] + CHATTER + frame[middle:]
