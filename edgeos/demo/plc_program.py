"""A simulated PLC as a process: `python -m edgeos.demo.plc_program --host 127.0.0.1 --port P --profile house3`.

Prints `ready PORT` when it listens. Takes JSON lines on stdin that switch faults ({"silent": true}, see `plc_server`)
or set values ({"set": {"GVL.nCount": 5}}); with several PLCs {"plc": 2, "silent": true} means the third one. It ends
when stdin ends, and on SIGTERM.
"""

import argparse
import asyncio
import gc
import json
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

from edgeos.demo.parent import listen_to_parent
from edgeos.demo.plc_bench import make_bare_plc, make_bench_plc
from edgeos.demo.plc_device import SimulatedPlc
from edgeos.demo.plc_house import make_house3
from edgeos.demo.plc_house2 import make_house2
from edgeos.demo.plc_server import TICK, PlcServer

log = logging.getLogger('plc')

Maker = Callable[[str, int, int], SimulatedPlc]  # NetId, AMS port, number of symbols


PROFILES: dict[str, tuple[Maker, int]] = {  # with the usual AMS port
    'house3': (lambda net_id, ams_port, symbols: make_house3(net_id, ams_port), 851),
    'house2': (lambda net_id, ams_port, symbols: make_house2(net_id, ams_port), 801),
    'bench': (lambda net_id, ams_port, symbols: make_bench_plc(net_id, symbols, ams_port), 851),
    'bare': (lambda net_id, ams_port, symbols: make_bare_plc(net_id, ams_port), 800),
}


async def run(options: argparse.Namespace) -> None:
    """Serve until the parent is gone."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    servers = await start_servers(options)
    gc.freeze()
    with suppress(NotImplementedError):
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, over.set)
    lines: asyncio.Queue[str] = asyncio.Queue()
    listen_to_parent(lambda line: _call(loop, lines.put_nowait, line), lambda: _call(loop, over.set))
    print(f'ready {servers[0].port}', flush=True)  # noqa: T201
    obeying = asyncio.create_task(obey(servers, lines))
    await over.wait()
    obeying.cancel()
    await asyncio.gather(*(server.stop() for server in servers))


def _call(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *arguments: object) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(what, *arguments)


async def start_servers(options: argparse.Namespace) -> list[PlcServer]:
    """On consecutive addresses, all with the same port."""
    make, usual_port = PROFILES[options.profile]
    servers: list[PlcServer] = []
    port = options.port
    for number in range(options.count):
        host = str(IPv4Address(options.host) + number)
        net_id = options.net_id if options.net_id and number == 0 else f'{host}.1.1'
        plc = make(net_id, options.ams_port or usual_port, options.symbols)
        server = PlcServer(plc, host, port, udp=options.udp, tick=options.tick)
        await server.start()
        port = server.port
        servers.append(server)
    return servers


async def obey(servers: list[PlcServer], lines: asyncio.Queue[str]) -> None:
    """Do what the parent says, in order."""
    while True:
        line = await lines.get()
        try:
            wanted = dict(json.loads(line))
            number = wanted.pop('plc', None)
            for server in servers if number is None else [servers[number]]:
                await obey_one(server, dict(wanted))
        except (ValueError, TypeError, LookupError, OSError) as error:
            log.warning('%s: %r', line.strip(), error)


async def obey_one(server: PlcServer, wanted: dict[str, Any]) -> None:
    """Values first, then faults; raises ValueError, LookupError."""
    for name, value in wanted.pop('set', {}).items():
        server.plc.memory.set(name, value)
    await server.fault(**wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=48898, help='0 for a free one')
    parser.add_argument('--profile', choices=sorted(PROFILES), default='house3')
    parser.add_argument('--symbols', type=int, default=500, help='of the profile bench')
    parser.add_argument('--net-id', default='', help="else the address and '.1.1'")
    parser.add_argument('--ams-port', type=int, default=0)
    parser.add_argument('--udp', action='store_true', help='answer discovery and route requests')
    parser.add_argument('--count', type=int, default=1, help='so many PLCs, on consecutive addresses')
    parser.add_argument('--tick', type=float, default=TICK, help='seconds between two steps of the program')
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    asyncio.run(run(options))


if __name__ == '__main__':
    main()
