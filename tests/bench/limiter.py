"""How well limits hold, what that costs, and how others hold them: the table of research page A9.

Each row says how much of the machine others took meanwhile (percent of one core); a row that they starved is not judged.
"""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeos.limiter.cgroup import Cgroup
from edgeos.limiter.mechanism import Unavailable
from tests.bench import hogs
from tests.bench.report import Report
from tests.limiter.helpers import NOBODY, python_for

KINDS = ('spin', 'threads', 'tree', 'sessions', 'churn')
LIMITS = (5, 10, 25, 50, 80)
WINDOWS = 5  # of one second each
OLD_QUOTA = Path('/sys/fs/cgroup/cpu')  # version 1, root only; as a baseline


@dataclass
class Row:
    """What a tree got: percent of one core over the windows."""

    windows: list[float]
    could: float  # with nobody else on the cores
    others: float
    cost: float = 0.0
    longest: float = 0.0
    was_held: bool = True  # a tree that others keep below its limit is not

    @property
    def mean(self) -> float:
        return statistics.mean(self.windows)

    @property
    def deviation(self) -> float:
        return max(abs(window - self.mean) for window in self.windows)


def busy() -> float:
    """Seconds of CPU that all processes have used so far."""
    fields = list(map(int, Path('/proc/stat').read_text().split('\n', 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / hogs.TICK


def measure(pids: list[int], controller: int | None = None) -> Row:
    def used() -> float:
        return sum(map(hogs.cpu, pids))

    def own() -> float:
        return time.process_time() + (hogs.cpu(controller) if controller else 0.0)

    began, all_before, waited, own_before, first = time.monotonic(), busy(), sum(map(hogs.waited, pids)), own(), used()
    windows, last, at = [], first, began
    for number in range(WINDOWS):
        time.sleep(max(0.0, began + number + 1 - time.monotonic()))
        now, current = time.monotonic(), used()
        windows.append(100 * (current - last) / (now - at))
        last, at = current, now
    elapsed = at - began
    waited = max(0.0, sum(map(hogs.waited, pids)) - waited)
    others = 100 * (busy() - all_before - (last - first) - (own() - own_before)) / elapsed
    return Row(windows, 100 * (last - first + waited) / elapsed, max(0.0, others))


@contextmanager
def limiter(limit: float, pids: list[int], prefix: tuple[str, ...] = (), python: str = sys.executable) -> Iterator[
    tuple[subprocess.Popen[str], dict[str, float]]]:  # fmt: skip
    """A limiter in a process of its own, when it has throttled all; what it said."""
    process = subprocess.Popen([*prefix, python, '-m', 'tests.bench.limited', str(limit), *map(str, pids)],
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def ours(kind: str, limit: float, prefix: tuple[str, ...] = (), python: str = sys.executable) -> Row:
    with hogs.hog(kind, prefix=prefix, python=python) as hog:
        with limiter(limit, [hog.pid], prefix, python) as (process, said_first):
            time.sleep(1)
            row = measure([hog.pid], process.pid)
            process.send_signal(signal.SIGTERM)
            assert process.stdout
            said = json.loads(process.stdout.readline())
            row.cost, row.longest, row.was_held = said['cost'], said['longest'], said_first['throttled'] > 0
            return row


def by_cpulimit(kind: str, limit: float) -> Row:
    """Debian's; its `-m` for trees multiplies itself without end and is never used."""
    with hogs.hog(kind) as hog:
        process = subprocess.Popen(['cpulimit', '-p', str(hog.pid), '-l', str(round(limit)), '-q'],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            time.sleep(1.5)
            return measure([hog.pid], process.pid)
        finally:
            process.terminate()
            process.wait()


def by_quota(kind: str, limit: float) -> Row:
    """The kernel's own, as far as this machine has it."""
    group = OLD_QUOTA / f'edgeos-bench-{os.getpid()}'
    group.mkdir()
    try:
        (group / 'cpu.cfs_period_us').write_text('100000')
        (group / 'cpu.cfs_quota_us').write_text(str(round(1000 * limit)))
        with hogs.hog(kind) as hog:
            for pid in (hog.pid, *hogs.descendants(hog.pid)):
                (group / 'cgroup.procs').write_text(str(pid))
            time.sleep(1)
            return measure([hog.pid])
    finally:
        for _ in range(100):  # the last of the hog's processes may take a moment
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.02)


def tell(report: Report, what: str, row: Row, limit: float, *, judged: bool, loose: bool = False) -> None:
    within = 2.5 if loose else 1.5
    is_starved = row.mean < limit - within and (row.could > limit or not row.was_held)
    holds = None if is_starved or not judged else within
    remark = f'{row.mean:.1f} %, others {row.others:.0f} %' + (', starved by them' if is_starved else '')
    if judged:
        remark += f', cost {row.cost:.2f} %, longest stop {row.longest:.2f} s'
    report.figure(f'{what} at {limit:g} %: off by', abs(row.mean - limit), 'points', remark, at_most=holds)
    most = max(2.0, min(0.2 * limit, 6.0))
    is_noisy = row.others > 50  # the gate is for a machine that is ours
    report.figure('    1-second windows off by', row.deviation, 'points', 'not judged: others' if is_noisy and judged else '',
                  at_most=most if judged and not loose and not is_noisy else None)  # fmt: skip
    if judged and not is_noisy:
        report.figure('    longest stop', row.longest, 's', at_most=1.0)


def reached(report: Report) -> None:
    """A hog of 100 % under a limit of 50 %, from its registration on."""
    with hogs.hog('spin') as hog:
        with limiter(50, [hog.pid]) as (_, said):
            before, since = hogs.cpu(hog.pid), time.monotonic()
            time.sleep(1)
            first = 100 * (hogs.cpu(hog.pid) - before) / (time.monotonic() - since)
            time.sleep(max(0.0, 3 - said['at'] - 1))
            row = measure([hog.pid])
    report.figure('hog at 50 %: decided after', said['at'], 's', at_most=3.0)
    report.figure('    first second after the decision', first, '%', at_most=56)
    report.figure('    from 4 s after registration', abs(row.mean - 50), 'points',
                  f'{row.mean:.1f} %, others {row.others:.0f} %', at_most=None if row.could > 50 > row.mean + 1.5 else 1.5)  # fmt: skip


def crowd(report: Report, kind: str, limit: float, what: str, most: float) -> None:
    """What fifty at once cost."""
    with ExitStack() as stack:
        pids = [stack.enter_context(hogs.hog(kind)).pid for _ in range(50)]
        process, said = stack.enter_context(limiter(limit, pids))
        before, all_before, since = hogs.cpu(process.pid), busy(), time.monotonic()
        got = {pid: hogs.cpu(pid) for pid in pids}
        time.sleep(6)
        elapsed = time.monotonic() - since
        cost = 100 * (hogs.cpu(process.pid) - before) / elapsed
        each = [100 * (hogs.cpu(pid) - got[pid]) / elapsed for pid in pids]
        others = 100 * (busy() - all_before) / elapsed - cost - sum(each)
        report.figure(f'50 {what}: the limiter', cost, '% of a core',
                      f'{said["throttled"]} throttled; each got {min(each):.2f}-{max(each):.2f} %, others {others:.0f} %',
                      at_most=most)  # fmt: skip


def run(report: Report) -> None:
    for kind in KINDS:
        for limit in LIMITS:
            tell(report, kind, ours(kind, limit), limit, judged=True, loose=kind == 'churn')
    python = python_for(NOBODY) if os.geteuid() == 0 else None
    for kind, limit in (('spin', 25), ('spin', 50), ('tree', 25), ('churn', 25)):
        if python:
            row = ours(kind, limit, NOBODY, python)
            tell(report, f'{kind} as nobody', row, limit, judged=True, loose=kind == 'churn')
    reached(report)
    crowd(report, 'spin', 1, 'held at 1 %', 5.0)
    crowd(report, 'quiet', 50, 'watched', 0.5)
    baselines(report)


def baselines(report: Report) -> None:
    if shutil.which('cpulimit'):
        for kind, limit in (('spin', 5), ('spin', 25), ('spin', 50), ('tree', 25), ('churn', 25)):
            tell(report, f'  cpulimit, {kind}', by_cpulimit(kind, limit), limit, judged=False)
    else:
        print('  cpulimit: not measured, it is not installed')
    if os.access(OLD_QUOTA / 'cgroup.procs', os.W_OK):
        for kind, limit in (('spin', 25), ('tree', 25), ('churn', 25)):
            tell(report, f'  quota of cgroup v1, {kind}', by_quota(kind, limit), limit, judged=False)
    else:
        print('  quota of cgroup v1: not measured, this machine has none')
    try:
        group = Cgroup()
        group.start()
        group.close()
        print('  cgroup v2: there, and used above')
    except Unavailable as error:
        print(f'  cgroup v2: not measured, {error}')


if __name__ == '__main__':
    run(Report())
