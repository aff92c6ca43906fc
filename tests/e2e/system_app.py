"""The program, with child processes in its limiter's care: one line of JSON on its standard input is an order.

{"start": name, "does": "hog" | "rest" | MB to hold}, {"stop": name}, {"vital": {"disk": 95, ...}} from the next
measurement on, {"minutes": [ages]} for minutes of the machine's past, {"hour": name} for an hour of a process. With
--only-priority before the other arguments nothing else can limit.
"""
import asyncio
import json
import sys
import threading
from functools import partial
from math import sin
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import main  # noqa: E402
from edgeos.limiter import ResourceLimiter  # noqa: E402
from edgeos.limiter.linux import LinuxView  # noqa: E402
from edgeos.limiter.priority import Priority  # noqa: E402
from edgeos.processes import ChildProcess  # noqa: E402
from edgeos.system import System  # noqa: E402
from edgeos.usage import Usage, UsageRing  # noqa: E402

HOLD = 'import sys, time; kept = bytearray(b"x") * (int(sys.argv[1]) << 20); time.sleep(1e6)'
PROGRAMS = {'hog': 'while True: pass', 'rest': 'import time; time.sleep(1e6)'}

ready = threading.Event()
house: list[System] = []
loop: list[asyncio.AbstractEventLoop] = []
children: dict[str, ChildProcess] = {}
keep: list[asyncio.Future[Any]] = []
vital: dict[str, float] = {}
start_system = System.start


async def start(system: System) -> None:
    await start_system(system)
    measure = system.vitals._measure
    system.vitals._measure = lambda data: measure(data)._replace(**vital)
    house.append(system)
    loop.append(asyncio.get_running_loop())
    ready.set()


async def live(name: str, does: str | int) -> None:
    """As whoever owns a process does: after its end, asked for or not, it is started again."""
    arguments = ['-c', PROGRAMS[does]] if isinstance(does, str) else ['-c', HOLD, str(does)]
    while True:
        child = children[name] = ChildProcess(name, [sys.executable, '-S', '-E', *arguments])
        await child.start()
        house[0].limits.watch(child, partial(end, child))
        await child.wait()
        house[0].limits.forget(child)
        if children.get(name) is not child:
            return
        await asyncio.sleep(0.3)


def end(child: ChildProcess, *_: object) -> None:
    keep.append(asyncio.ensure_future(child.stop()))


def do(command: dict[str, Any]) -> None:
    if name := command.get('start'):
        keep.append(asyncio.ensure_future(live(name, command['does'])))
    elif name := command.get('stop'):
        end(children.pop(name))
    elif name := command.get('hour'):
        make_hour(house[0].usage, name)
    elif ages := command.get('minutes'):
        if (latest := house[0].vitals.latest) is None:  # not measured yet
            loop[0].call_later(0.05, do, command)
            return
        for age in sorted(ages, reverse=True):
            house[0].history.add_vital(latest._replace(t=60 * (latest.t // 60 - age)))
    else:
        vital.update(command['vital'])


def make_hour(usage: Usage, name: str) -> None:
    """Waves, with a hole in them."""
    ring = usage._rings[name] = UsageRing()
    now = usage._clock.wall()
    for ago in range(3600, 0, -2):
        if not 1500 < ago < 1900:
            ring.add(now - ago, 24 + 20 * sin(ago / 240), 60 + 30 * sin(ago / 900))


def obey() -> None:
    ready.wait()
    for line in sys.stdin:
        loop[0].call_soon_threadsafe(do, json.loads(line))


if __name__ == '__main__':
    if sys.argv[1] == '--only-priority':
        del sys.argv[1]
        ResourceLimiter._platform_mechanisms = lambda _limiter: [Priority(LinuxView)]
    System.start = start
    threading.Thread(target=obey, daemon=True).start()
    sys.exit(main.main())
