"""Brokers that announce themselves are found, over real mDNS on this machine."""
import asyncio
import socket

import pytest
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from edgeos.discovery import Discovery, Found, describe
from tests.helpers import eventually


@pytest.mark.parametrize(('kind', 'config'), [
    ('_mqtt._tcp.local.', {'host': '127.0.0.1', 'port': 18830}),
    ('_secure-mqtt._tcp.local.', {'host': '127.0.0.1', 'port': 18830, 'tls': True}),
])  # fmt: skip
async def test_an_announced_broker_is_found_at_once_when_asked_again(kind, config):
    announcer = AsyncZeroconf(interfaces=['127.0.0.1'])
    info = ServiceInfo(kind, f'Test <b>broker</b>.{kind}', 18830, addresses=[socket.inet_aton('127.0.0.1')])
    await announcer.async_register_service(info)
    discovery = Discovery(['127.0.0.1'])
    try:
        assert discovery.ask() == []
        assert discovery.scanning
        await eventually(lambda: discovery.ask(), timeout=10)
        assert discovery.ask() == [Found('mqtt', 'Test <b>broker</b>', '127.0.0.1:18830', config)]
    finally:
        await discovery.stop()
        await announcer.async_unregister_all_services()
        await announcer.async_close()
    assert not discovery.scanning


async def test_stopping_right_after_asking_leaves_nothing_running():
    discovery = Discovery(['127.0.0.1'])
    discovery.ask()
    await discovery.stop()
    await eventually(lambda: not discovery._tasks)
    assert not discovery.scanning
    assert not [task for task in asyncio.all_tasks() if task.get_name() == 'discovery']


def test_an_announcement_without_an_address_is_no_broker():
    nothing = ServiceInfo('_mqtt._tcp.local.', 'x._mqtt._tcp.local.', 1883)
    assert describe(nothing, '_mqtt._tcp.local.', 'x._mqtt._tcp.local.') is None
