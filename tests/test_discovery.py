"""Brokers that announce themselves are found over real mDNS, PLCs by asking real sockets, all on this machine."""
import asyncio
import socket
from types import SimpleNamespace

import psutil
import pytest
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from edgeos.connections.plc_udp import ANSWER, IDENTIFY, Tag, build
from edgeos.discovery import Discovery, Found, identities, known_devices, plcs, scan
from edgeos.discovery.brokers import describe
from edgeos.discovery.plcs import HERE, PlcScan, broadcast_addresses
from edgeos.discovery.scan import MOST_FOUND
from pages import found_list
from tests.connections.fake_router import NET_ID, FakeRouter, identity_answer, route_answer
from tests.helpers import eventually, free_port

PLC = Found('plc', 'CX-12AB34', HERE, {'host': HERE, 'ams_net_id': NET_ID, 'ams_port': 851},
            details='TwinCAT 3.1.4024 · Windows 10.0.19045')  # fmt: skip
QUICK = 0.05


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
        assert discovery.ask('mqtt') == []
        assert discovery.is_scanning('mqtt')
        assert not discovery.is_scanning('plc')
        await eventually(lambda: discovery.ask('mqtt'), timeout=10)
        assert discovery.ask('mqtt') == [Found('mqtt', 'Test <b>broker</b>', '127.0.0.1:18830', config)]
    finally:
        await discovery.stop()
        await announcer.async_unregister_all_services()
        await announcer.async_close()
    assert not discovery.is_scanning()


async def test_stopping_right_after_asking_leaves_nothing_running():
    discovery = Discovery(['127.0.0.1'], free_port())
    discovery.ask()
    assert discovery.is_scanning('plc')
    await discovery.stop()
    assert not discovery.is_scanning()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == 'discovery']


def test_an_announcement_without_an_address_is_no_broker():
    nothing = ServiceInfo('_mqtt._tcp.local.', 'x._mqtt._tcp.local.', 1883)
    assert describe(nothing, '_mqtt._tcp.local.', 'x._mqtt._tcp.local.') is None


# PLCs


@pytest.fixture
async def router():
    async with FakeRouter() as running:
        yield running


@pytest.fixture
async def plc_scan(router):
    scan = PlcScan([HERE], router.port, QUICK)
    yield scan
    await scan.stop()


async def test_a_plc_is_found_with_all_its_connection_needs(router):
    discovery = Discovery([HERE], router.port)
    try:
        assert discovery.ask('plc') == []
        assert (discovery.is_scanning('plc'), discovery.is_scanning('mqtt')) == (True, False)
        await eventually(lambda: discovery.ask('plc'))
        assert discovery.ask('plc') == [PLC]
        assert discovery.ask('bluetooth') == []
    finally:
        await discovery.stop()
    assert not discovery.is_scanning()


async def test_all_kinds_are_asked_when_none_is_named(router):
    discovery = Discovery([HERE], router.port)
    try:
        await eventually(lambda: PLC in discovery.ask())
        assert discovery.is_scanning('mqtt')
    finally:
        await discovery.stop()


async def test_twincat_2_gets_its_own_port_and_a_nameless_plc_its_address(router, plc_scan):
    router.identity = identity_answer((2, 11, 2303), name='')
    await eventually(plc_scan.ask)
    found = plc_scan.ask()[0]
    assert (found.name, found.config['ams_port'], found.details.partition(' ·')[0]) == (HERE, 801, 'TwinCAT 2.11.2303')


async def test_every_plc_is_found_at_the_address_it_answers_from(router):
    async with FakeRouter('127.0.41.2', router.port, identity_answer(name='second', net_id='5.5.5.5.1.1')):
        scan = PlcScan([HERE, '127.0.41.2'], router.port, QUICK)
        await eventually(lambda: len(scan.ask()) == 2)
        assert {found.address: found.name for found in scan.ask()} == {HERE: 'CX-12AB34', '127.0.41.2': 'second'}
        await scan.stop()


async def test_a_broadcast_reaches_whoever_listens_to_all(router):
    async with FakeRouter('0.0.0.0', free_port()) as everywhere:
        scan = PlcScan(['127.255.255.255'], everywhere.port, QUICK)
        await eventually(scan.ask)
        await scan.stop()


async def test_asking_repeats_a_plc_changes_and_a_silent_one_is_forgotten(router, plc_scan):
    await eventually(plc_scan.ask)
    router.identity = identity_answer(name='renamed')
    await eventually(lambda: plc_scan.ask()[0].name == 'renamed')
    router.answers = []
    silent_since = len(router.requests)
    await eventually(lambda: plc_scan.ask() == [])
    assert len(router.requests) - silent_since >= plcs.MOST_MISSED


async def test_a_scan_nobody_asks_about_ends_and_begins_again(router, plc_scan, monkeypatch):
    monkeypatch.setattr(scan, 'SCAN_SECONDS', 0.1)
    await eventually(plc_scan.ask)
    await eventually(lambda: not plc_scan.scanning)
    asked = len(router.requests)
    assert plc_scan.ask() == [PLC]  # remembered
    assert plc_scan.scanning
    await eventually(lambda: len(router.requests) > asked)


async def test_garbage_and_answers_to_other_questions_are_passed_over(router, plc_scan, caplog):
    router.answers = [b'', b'x', bytes(60_000), route_answer(0), identity_answer()[:-1]]
    plc_scan.ask()
    await eventually(lambda: len(router.requests) >= 2)
    assert plc_scan.ask() == []
    router.answers = None
    await eventually(plc_scan.ask)
    assert caplog.text == ''


def test_a_flood_of_plcs_is_bounded_and_known_ones_stay_true():
    scan = PlcScan([])
    for number in range(MOST_FOUND + 50):
        scan.on_answer(identity_answer(), f'10.0.{number // 256}.{number % 256}')
    scan.on_answer(identity_answer(name='renamed'), '10.0.0.0')
    assert len(scan._found) == MOST_FOUND
    assert scan._found['10.0.0.0'].name == 'renamed'


def test_what_a_plc_calls_itself_is_bounded():
    scan = PlcScan([])
    scan.on_answer(build(IDENTIFY | ANSWER, NET_ID, {Tag.COMPUTER: b'<b>' * 900}), '10.0.0.1')
    assert len(scan._found['10.0.0.1'].name) == 200


def test_a_network_that_takes_nothing_is_told_though_this_device_itself_can_be_asked():
    scan = PlcScan([])

    class Transport:
        carried = {HERE}

        def sendto(self, data, target):
            if target[0] not in self.carried:
                scan.on_error(OSError(101, 'Network is unreachable'))

    transport = Transport()
    scan._ask_all(transport, [plcs.EVERYWHERE, HERE])
    assert scan.trouble == 'the network cannot be searched: Network is unreachable'
    transport.carried = {HERE, '10.0.0.255'}
    scan._ask_all(transport, [plcs.EVERYWHERE, '10.0.0.255', HERE])
    assert scan.trouble == ''
    scan._ask_all(transport, [HERE])
    assert scan.trouble == ''


async def test_a_scan_that_cannot_begin_says_so_and_is_tried_again(plc_scan, monkeypatch):
    loop = asyncio.get_running_loop()

    async def refuse(*args, **kwargs):
        raise PermissionError(1, 'Operation not permitted')

    with monkeypatch.context() as patch:
        patch.setattr(loop, 'create_datagram_endpoint', refuse)
        plc_scan.ask()
        await eventually(lambda: plc_scan.trouble)
        assert not plc_scan.scanning
    await eventually(plc_scan.ask)
    assert plc_scan.trouble == ''


async def test_no_socket_is_left_behind(router):
    scan = PlcScan([HERE], router.port, QUICK)
    sockets = psutil.Process().num_fds()
    await eventually(scan.ask)
    assert psutil.Process().num_fds() == sockets + 1
    await scan.stop()
    await asyncio.sleep(0)
    assert psutil.Process().num_fds() == sockets
    asked = len(router.requests)
    await asyncio.sleep(3 * QUICK)
    assert len(router.requests) == asked


def entry(address, netmask, broadcast=None, family=socket.AF_INET):
    return SimpleNamespace(address=address, netmask=netmask, broadcast=broadcast, family=family)


def test_the_broadcast_address_of_every_network_is_asked(monkeypatch):
    monkeypatch.setattr(plcs.psutil, 'net_if_addrs', lambda: {
        'lo': [entry('127.0.0.1', '255.0.0.0'), entry('::1', None, family=socket.AF_INET6)],
        'eth0': [entry('192.168.2.10', '255.255.255.0', '192.168.2.255'), entry('10.1.2.3', '255.255.0.0')],
        'tun0': [entry('10.8.0.2', '255.255.255.255')], 'ptp': [entry('10.9.0.2', '255.255.255.254')],
        'odd': [entry('x', 'y'), entry('10.10.0.1', None)],
    })  # fmt: skip
    assert sorted(broadcast_addresses()) == ['10.1.255.255', '127.0.0.1', '192.168.2.255', '255.255.255.255']


# which of them are there already


@pytest.mark.parametrize(('connected', 'is_known'), [
    ({'host': HERE, 'ams_net_id': ''}, True), ({'host': f'{HERE}:48898', 'ams_net_id': '9.9.9.9.1.1'}, True),
    ({'host': 'cx-12ab34', 'ams_net_id': NET_ID}, True), ({'host': '127.0.0.2', 'ams_net_id': ''}, False),
    ({'host': 'cx-12ab34', 'ams_net_id': '9.9.9.9.1.1'}, False),
])  # fmt: skip
def test_a_plc_is_known_by_address_whatever_the_port_or_by_net_id(connected, is_known):
    connection = SimpleNamespace(KIND='plc', config=SimpleNamespace(**connected, ams_port=852))
    assert bool(identities('plc', PLC.config) & known_devices([connection])) is is_known


def test_a_broker_is_known_by_address_and_port_and_is_no_plc():
    broker = identities('mqtt', {'host': 'Broker', 'port': 1883})
    assert broker == identities('mqtt', {'host': 'broker', 'port': 1883, 'qos': 1})
    assert broker != identities('mqtt', {'host': 'broker', 'port': 8883})
    assert not identities('mqtt', {'host': HERE, 'port': 1883}) & identities('plc', {'host': HERE})
    assert not identities('plc', {'host': 'a', 'ams_net_id': ''}) & identities('plc', {'host': 'b', 'ams_net_id': ''})


async def test_the_list_in_the_dialog_asks_for_its_kind_only_and_marks_what_is_there():
    asked, shown = [], []
    discovery = SimpleNamespace(ask=lambda kind: asked.append(kind) or [PLC], trouble=lambda kind: '',
                                help=lambda kind: [])  # fmt: skip
    connection = SimpleNamespace(KIND='plc', config=SimpleNamespace(host=f'{HERE}:48898', ams_net_id=''))
    system = SimpleNamespace(discovery=discovery, connections=SimpleNamespace(connections={'a': connection}))
    found = object.__new__(found_list.FoundList)
    found._house, found._kind, found._asked = SimpleNamespace(system=system), 'plc', 0
    found.area = SimpleNamespace(show=lambda kind, sentence, trouble, rows: shown.append(list(rows.values())))
    found.tick()
    assert asked == ['plc']
    assert [(row.name, row.is_added) for row in shown[0]] == [(PLC.name, True)]
