"""The demo's Bluetooth surroundings as a process: `python -m edgeos.demo.battery_program --host 127.0.0.1 --port P`.

A JBD battery, its neighbours, the air between them, and an adapter for the app that speaks HCI over TCP (packets with a
type byte before them, as on a UART: Core specification, volume 4, part A). Prints `ready PORT` when the adapter can be
used. Takes JSON lines on stdin: {"far": true} out of range, {"drop": true} breaks off each answer, {"silent": true} and
{"corrupt": true}. It ends when stdin ends, and on SIGTERM.
"""

import argparse
import asyncio
import json
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from bumble.core import BaseBumbleError
from bumble.hci import Address
from bumble.transport.common import PacketParser, StreamPacketSink

from edgeos.demo.battery import JbdBattery
from edgeos.demo.parent import listen_to_parent
from edgeos.demo.radio_adverts import adverts_of
from edgeos.demo.radio_air import Advert, Air, RadioController
from edgeos.demo.radio_neighbours import Neighbour, neighbours
from edgeos.demo.radio_peripheral import Peripheral

ADAPTER = 'A4:C1:38:5D:0A:FF'
TICK = 0.5  # s between two steps of the battery's life

log = logging.getLogger('battery')


class Surroundings:
    """All of it; make it within the event loop."""

    def __init__(self, battery: JbdBattery) -> None:
        self.battery = battery
        self.air = Air()
        self.peripheral = Peripheral(self.air, battery)
        self._plugged: asyncio.StreamWriter | None = None  # whose adapter it is
        self._server: asyncio.Server | None = None
        self._lives: list[asyncio.Task[None]] = []

    async def start(self, host: str, port: int) -> int:
        """The port of the adapter, which is `port` unless that is 0."""
        await self.peripheral.start()
        self._lives = [asyncio.create_task(self._live(), name='battery')]
        self._lives += [asyncio.create_task(self._speak(each), name=type(each).__name__) for each in neighbours()]
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        for life in self._lives:
            life.cancel()
        if self._server:
            self._server.close()
        self.peripheral.stop()
        self.air.stop()

    def fault(
        self, *, far: bool | None = None, drop: bool | None = None, silent: bool | None = None,
        corrupt: bool | None = None,
    ) -> None:  # fmt: skip
        """Switch what is given; raises TypeError for anything else."""
        if far is not None:
            (self.air.far.add if far else self.air.far.discard)(self.battery.address)
        if drop is not None:
            self.peripheral.is_breaking_off = drop
        if silent is not None:
            self.battery.silent = silent
        if corrupt is not None:
            self.battery.corrupt = corrupt

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.battery.live()

    async def _speak(self, neighbour: Neighbour) -> None:
        while True:
            await asyncio.sleep(neighbour.interval)
            neighbour.refresh()
            data, response = adverts_of(neighbour)
            kind = Address.RANDOM_DEVICE_ADDRESS if neighbour.has_random_address else Address.PUBLIC_DEVICE_ADDRESS
            advert = Advert(Address(neighbour.address, kind), data, response, False, neighbour.rssi)
            self.air.send_advertising_pdu(None, advert)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new adapter for each who comes; who came before loses theirs."""
        if self._plugged:
            self._plugged.close()
        self._plugged = writer
        adapter = RadioController('adapter', self.air, ADAPTER)
        adapter.host = StreamPacketSink(writer.transport)
        parser = PacketParser(adapter)
        try:
            while data := await reader.read(4096):
                parser.feed_data(data)
        except (OSError, BaseBumbleError) as error:
            log.warning('the adapter: %r', error)
        finally:
            adapter.unplug()
            writer.close()


async def run(options: argparse.Namespace) -> None:
    """Be there until the parent is gone."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    surroundings = Surroundings(JbdBattery())
    port = await surroundings.start(options.host, options.port)
    with suppress(NotImplementedError):
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, over.set)
    lines: asyncio.Queue[str] = asyncio.Queue()
    listen_to_parent(lambda line: _call(loop, lines.put_nowait, line), lambda: _call(loop, over.set))
    print(f'ready {port}', flush=True)  # noqa: T201
    obeying = asyncio.create_task(obey(surroundings, lines))
    await over.wait()
    obeying.cancel()
    surroundings.stop()


def _call(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *arguments: object) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(what, *arguments)


async def obey(surroundings: Surroundings, lines: asyncio.Queue[str]) -> None:
    """Do what the parent says, in order."""
    while True:
        line = await lines.get()
        try:
            surroundings.fault(**json.loads(line))
        except (ValueError, TypeError) as error:
            log.warning('%s: %r', line.strip(), error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=0, help='0 for a free one')
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    logging.getLogger('bumble').setLevel(logging.ERROR)  # it tells of every link that ends
    asyncio.run(run(options))


if __name__ == '__main__':
    main()
