"""python -m tests.bench.limited LIMIT PID...: a limiter alone in its process, so that its cost can be told.

Prints a JSON line when all are throttled (`at`: s since their registration), and another at SIGTERM or after 2 minutes.
"""
import json
import signal
import sys
import threading
import time

from edgeos.limiter import ResourceLimiter


def main() -> None:
    limit, pids = float(sys.argv[1]), [int(text) for text in sys.argv[2:]]
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    limiter = ResourceLimiter(limit)
    limiter.start_monitoring()
    began = time.monotonic()
    for pid in pids:
        limiter.add_process(pid, f'hog {pid}')
    while limiter.get_stats()['throttled'] < len(pids) and not is_over.wait(0.02):
        if time.monotonic() - began > 4:
            break
    print(json.dumps({'at': time.monotonic() - began, 'throttled': limiter.get_stats()['throttled'],
                      'mechanism': limiter.mechanism.name}), flush=True)  # fmt: skip
    cpu, since = time.process_time(), time.monotonic()
    is_over.wait(120)
    cost = 100 * (time.process_time() - cpu) / (time.monotonic() - since)
    longest = max((row['longest_stop_s'] for row in limiter.get_stats()['processes'].values()), default=0)
    print(json.dumps({'cost': cost, 'longest': longest}), flush=True)
    limiter.shutdown()


if __name__ == '__main__':
    main()
