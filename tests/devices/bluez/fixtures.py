"""Fixtures for the conftest files of those who test against BlueZ: import `bus` and `bluez` there."""
import gc
from collections.abc import AsyncIterator, Iterator

import bleak_retry_connector.bleak_manager
import pytest
from bleak.backends.bluezdbus.version import BlueZFeatures

from tests.devices.bluez.bus import Bus
from tests.devices.bluez.fake import FakeBlueZ


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """A private bus, which programs take for the system's."""
    running = Bus()
    monkeypatch.setenv('DBUS_SYSTEM_BUS_ADDRESS', running.address)
    # it remembers for the life of the process that there was no bus once
    monkeypatch.setattr(bleak_retry_connector.bleak_manager.get_global_bluez_manager_with_timeout,
                        '_has_dbus_socket', None, raising=False)  # fmt: skip
    # asks bluetoothctl once, and waits for ever for an answer that was given up
    monkeypatch.setattr(BlueZFeatures, 'checked_bluez_version', True)
    running.start()
    yield running
    running.stop()
    # dbus-fast leaves failed futures behind where a bus dies; they complain when they are collected, and must not do
    # that while Python parses something for pytest's report: it complains with a traceback, which parses too
    gc.collect()


@pytest.fixture
async def bluez(bus: Bus) -> AsyncIterator[FakeBlueZ]:
    """A running fake with one adapter and no devices."""
    fake = await FakeBlueZ(bus.address).start()
    yield fake
    await fake.kill()
    assert not fake.mistakes, fake.mistakes
