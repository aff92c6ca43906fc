"""Many devices at once, for a minute; ten minutes of it are in the bench."""
import pytest

from tests.bench.bluetooth_air import POLL, crowd
from tests.devices.bluez.bus import find_dbus_daemon

HELD = 100.0  # ms: above what a busy machine does to a loop, below anything that waits for a device


@pytest.mark.slow
async def test_twenty_devices_leave_nothing_behind_and_hold_nobody_up():
    find_dbus_daemon()
    seen = await crowd(60, warm_up=5)
    assert seen.polls >= 5 * 2 * 60 / POLL * 0.8, 'five batteries, two questions a poll'
    assert (seen.lost, seen.errors) == (0, 0)
    assert seen.descriptors <= 1 and seen.tasks <= 2
    assert seen.memory_mb < 4
    assert seen.lag_p99 <= max(HELD, 2 * seen.empty_p99)
