"""Which mechanism is chosen, and the last resort."""
import os
import sys

import pytest

from edgeos.limiter import ResourceLimiter
from edgeos.limiter.duty_cycle import DutyCycle
from edgeos.limiter.linux import LinuxView
from edgeos.limiter.mechanism import Mechanism, Unavailable
from edgeos.limiter.priority import Priority
from tests.bench import hogs
from tests.helpers import eventually_sync
from tests.limiter.helpers import Make, row

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='platform: needs Linux')


class Absent(Mechanism):
    name = 'cgroup'

    def start(self) -> None:
        raise Unavailable('not here')


def test_the_best_mechanism_that_works_is_chosen_and_the_others_say_why_not(make: Make) -> None:
    limiter = make(make_mechanisms=lambda: [Absent(), Priority(LinuxView)])
    stats = limiter.get_stats()
    assert (stats['mechanism'], stats['unavailable']) == ('priority', {'cgroup': 'not here'})


def niceness(pid: int) -> set[int]:
    """Of all threads of all members."""
    return {os.getpriority(os.PRIO_PROCESS, int(thread)) for member in [pid, *hogs.descendants(pid)]
            for thread in os.listdir(f'/proc/{member}/task')}


@pytest.mark.parametrize('kind', ['threads', 'tree'])
def test_priority_lowers_all_of_it_and_root_takes_it_back(make: Make, kind: str) -> None:
    with hogs.hog(kind) as process:
        limiter = make(10, check_interval=0.1, make_mechanisms=lambda: [Priority(LinuxView)])
        limiter.add_process(process.pid, 'hog')
        eventually_sync(lambda: niceness(process.pid) == {15})
        assert row(limiter, process.pid)['mechanism'] == 'priority'
        limiter.release(process.pid)
        if os.geteuid() == 0:
            eventually_sync(lambda: niceness(process.pid) == {os.getpriority(os.PRIO_PROCESS, 0)})


def test_a_limiter_that_has_ended_keeps_no_descriptor() -> None:
    before = os.listdir('/proc/self/fd')
    for mechanism in (DutyCycle, Priority):
        limiter = ResourceLimiter(make_mechanisms=lambda kind=mechanism: [kind(LinuxView)])
        limiter.start_monitoring()
        limiter.shutdown()
    ResourceLimiter()
    eventually_sync(lambda: os.listdir('/proc/self/fd') == before)
