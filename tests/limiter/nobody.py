"""python -m tests.limiter.nobody: holds a hog of its own at 20 % and prints what it got and could have got; for a user without rights."""
import json
import os
import time

from edgeos.limiter import ResourceLimiter
from edgeos.limiter.duty_cycle import DutyCycle
from edgeos.limiter.linux import LinuxView
from tests.bench import hogs
from tests.limiter.helpers import share


def main() -> None:
    limiter = ResourceLimiter(20, 0.05, make_mechanisms=lambda: [DutyCycle(LinuxView)])
    limiter.start_monitoring()
    with hogs.hog('tree') as process:
        limiter.add_process(process.pid, 'hog')
        while not limiter.get_stats()['throttled']:
            time.sleep(0.02)
        time.sleep(0.3)
        got = []
        for _ in range(3):  # others may keep us from the cores for a moment
            got.append(share(process.pid, 1))
            if abs(got[-1].got - 20) < 1.5:
                break
        limiter.shutdown()
        states = [hogs.state(pid) for pid in [process.pid, *hogs.descendants(process.pid)]]
    print(json.dumps({'uid': os.geteuid(), 'got': got, 'states': states}))


if __name__ == '__main__':
    main()
