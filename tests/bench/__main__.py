"""python -m tests.bench [name ...]: measures what has a figure to hold, each beside a baseline in the same run."""
import importlib
import os
import platform
import sys
import time

from tests.bench.report import Report

BENCHES = ['ingest', 'pauses', 'brokers', 'plc', 'plc_soak', 'bluetooth', 'reporting', 'limiter', 'plugins', 'footprint',
           'headless', 'overview']


def main() -> int:
    names = sys.argv[1:] or BENCHES
    print(f'{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}')
    report = Report()
    for name in names:
        began = time.monotonic()
        print(f'\n{name}')
        importlib.import_module(f'tests.bench.{name}').run(report)
        print(f'({time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f})')
    print('\nmissed: ' + (', '.join(report.misses) or 'nothing'))
    return 0


if __name__ == '__main__':
    sys.exit(main())
