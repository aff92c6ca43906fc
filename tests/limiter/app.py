"""python -m tests.limiter.app HOW STRAYS: an app with one throttled hog, to be killed.

HOW is `child` (a ChildProcess, as plugins and workers are), `bare` (nothing ties the hog to the app), `daemon` (nor to
its parent) or `raise` (as bare, and the app ends by an exception). Prints the
hog's number when it stands still, and then waits to be killed.
"""
import asyncio
import os
import subprocess
import sys
from pathlib import Path

from edgeos.limiter import ResourceLimiter
from edgeos.processes import ChildProcess
from tests.bench import hogs


async def main() -> None:
    how, strays = sys.argv[1], Path(sys.argv[2])
    limiter = ResourceLimiter(2, 0.1, strays=strays)
    limiter.start_monitoring()
    if how == 'child':
        child = ChildProcess('hog', hogs.command('spin'))
        await child.start()
        pid = child.pid
    else:
        kind = 'daemon' if how == 'daemon' else 'tree'
        env = {**os.environ, 'EDGEOS_TREE': f'{how}-{strays.parent}'}
        pid = subprocess.Popen(hogs.command(kind), start_new_session=True, env=env).pid
    assert pid
    limiter.add_process(pid, 'hog')
    while hogs.state(pid) != 'T' or not strays.exists():
        await asyncio.sleep(0.002)
    print(pid, flush=True)
    if how == 'raise':
        raise SystemExit(3)
    await asyncio.sleep(60)


if __name__ == '__main__':
    asyncio.run(main())
