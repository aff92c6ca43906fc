"""The whole program with PLC connections, none of its pages open, as a process that says how it is when asked.

python -m tests.bench.plc_app '[{"id": ..., "config": {...}}, ...]'   Prints {"ready"} when all that can be are
connected; each line on stdin is answered with {"at", "cpu", "links": {id: [status, packets received]}, "values",
"lag_p99"}. `cpu` is in seconds, workers included; the lag is in ms, since the line before.
"""
import asyncio
import json
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tests.bench.receiver import LagProbe, say
from tests.helpers import free_port


def cpu_seconds() -> float:
    """Of this process and its children."""
    found = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        found += times.user + times.system
    return found


async def serve(connections: list[dict[str, Any]]) -> None:
    from edgeos.connections.kinds import config_models
    from edgeos.connections.state import Status
    from edgeos.settings import SettingsFile
    from edgeos.system import System
    from edgeos.web.app import make_app, make_doors
    from edgeos.web.server import bind, run_server
    from pages import add_pages

    loop = asyncio.get_running_loop()
    asked: asyncio.Queue[str] = asyncio.Queue()
    with tempfile.TemporaryDirectory() as folder:
        file = SettingsFile.load(Path(folder) / 'settings.toml', config_models(), create=True)
        system = System(file, Path(folder) / 'data')
        await system.start()
        doors, web_port = make_doors(system), free_port()
        app = make_app(system, doors, '127.0.0.1', web_port, partial(add_pages, system=system, doors=doors))
        server = asyncio.create_task(run_server(app, bind('127.0.0.1', web_port), on_ready=lambda: None, stop=system.stop))
        values = [0]
        links = []
        for body in connections:
            unthrottled = body['config'].pop('unthrottled', False)
            link = await system.connections.add({'type': 'plc', **body}, temporary=True)
            if unthrottled:
                link.config = link.config.model_copy(update={'poll_ms': 0})  # type: ignore[attr-defined]
            count_values(link, values)
            links.append(link)
        while any(link.status is Status.CONNECTING for link in links):
            await asyncio.sleep(0.02)
        say(ready=True)
        threading.Thread(target=lambda: [loop.call_soon_threadsafe(asked.put_nowait, line) for line in sys.stdin]
                         + [loop.call_soon_threadsafe(asked.put_nowait, '')], daemon=True).start()
        probe = LagProbe()
        probing = asyncio.create_task(probe.run())
        while await asked.get():
            say(at=time.monotonic(), cpu=cpu_seconds(), values=values[0], **probe.figures(),
                links={link.id: [link.status.value, link.traffic.packets_received] for link in links})
            probe.lags.clear()
        probing.cancel()
        await system.stop()
        server.cancel()


def count_values(link: Any, values: list[int]) -> None:
    """Count what the connection publishes, at the door through which it comes."""
    take = link._points._take_values

    def counted(message: list[Any]) -> None:
        values[0] += len(message[5])
        take(message)

    link._points._take_values = counted


if __name__ == '__main__':
    asyncio.run(serve(json.loads(sys.argv[1])))
