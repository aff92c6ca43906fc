"""Datagrams of a TwinCAT router: built as pyads builds them, taken apart whatever comes, asked for over real sockets."""
import asyncio
import socket
import struct
import time

import pyads
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from edgeos.connections import plc_router
from edgeos.connections.plc_router import add_route, identify, resolve
from edgeos.connections.plc_udp import (
    ADD_ROUTE,
    ANSWER,
    IDENTIFY,
    FrameError,
    Identity,
    Tag,
    add_route_request,
    build,
    host_of,
    identify_request,
    local_address_for,
    parse_frame,
    parse_identity,
    parse_route_answer,
)
from edgeos.connections.state import ConnectionFailure
from tests.connections.fake_router import NET_ID, FakeRouter, identity_answer, route_answer

HERE = '127.0.0.1'
LOGIN = ('Administrator', 'geheim')


@pytest.fixture
async def router():
    async with FakeRouter() as running:
        yield running


# frames


def test_who_is_there_is_asked_byte_for_byte_as_pyads_asks():
    assert identify_request() == bytes.fromhex('03661471' '00000000' '01000000' '010101010101' '1027' '00000000')


@pytest.mark.parametrize('name', ['gateway', 'Küche'])
async def test_a_route_is_asked_for_with_what_pyads_says(monkeypatch, name):
    async with FakeRouter() as router:
        monkeypatch.setattr('pyads.pyads_ex.PORT_REMOTE_UDP', router.port)
        await asyncio.to_thread(pyads.add_route_to_plc, '10.0.0.5.1.1', '10.0.0.5', HERE, *LOGIN, 'gateway')
    ours, theirs = add_route_request('10.0.0.5.1.1', '10.0.0.5', *LOGIN, name), router.requests[0]
    if name == 'gateway':
        assert ours == theirs
    frame = parse_frame(ours)
    assert frame.tags == {**parse_frame(theirs).tags, Tag.ROUTE: name.encode() + b'\0'}
    assert (frame.service, frame.net_id) == (ADD_ROUTE, '10.0.0.5.1.1')


@pytest.mark.parametrize('texts', [
    ('a\0b', 'p', 'n'), ('a', 'p\0', 'n'), ('a', 'p', '\ud800'), ('a', 'ü' * 128, 'n'), ('a' * 256, 'p', 'n'),
])  # fmt: skip
def test_texts_that_do_not_fit_are_refused_without_repeating_them(texts):
    with pytest.raises(FrameError) as refused:
        add_route_request('1.2.3.4.1.1', '1.2.3.4', *texts)
    assert 'ü' not in str(refused.value)
    assert 'aa' not in str(refused.value)


@pytest.mark.parametrize('net_id', ['', '1.2.3.4', '1.2.3.4.5.256', '1.2.3.4.5.-1', '1.2.3.4.5.x', '1.2.3.4.5.٣', '1.2.3.4.5.6.7'])
def test_what_is_no_net_id_is_refused(net_id):
    with pytest.raises(FrameError):
        build(IDENTIFY, net_id, {})


def test_a_plc_says_who_it_is():
    found = parse_identity(identity_answer())
    assert found == Identity(NET_ID, 'CX-12AB34', 'Windows 10.0.19045', (3, 1, 4024))
    assert (found.version, found.ams_port) == ('3.1.4024', 851)


def test_twincat_2_is_on_another_port_and_names_are_windows_texts():
    found = parse_identity(build(IDENTIFY | ANSWER, NET_ID, {
        Tag.COMPUTER: 'Küche'.encode('cp1252') + b'\0rest', Tag.TWINCAT: struct.pack('<BBH', 2, 11, 2303)}))
    assert (found.host_name, found.version, found.ams_port, found.system) == ('Küche', '2.11.2303', 801, '')


def test_an_old_answer_without_tags_and_with_padding_is_enough():
    assert parse_identity(build(IDENTIFY | ANSWER, NET_ID, {}).ljust(395, b'\0')) == Identity(NET_ID, '', '', None)


@pytest.mark.parametrize('tags', [
    {Tag.TWINCAT: b'\3\1'}, {Tag.SYSTEM: b'\0' * 19}, {Tag.COMPUTER: b''}, {Tag.COMPUTER: b'\0'},
])  # fmt: skip
def test_short_tags_say_nothing(tags):
    assert parse_identity(build(IDENTIFY | ANSWER, NET_ID, tags)) == Identity(NET_ID, '', '', None)


def test_a_name_without_an_end_is_cut():
    assert parse_identity(build(IDENTIFY | ANSWER, NET_ID, {Tag.COMPUTER: b'n' * 2000})).host_name == 'n' * 200


@pytest.mark.parametrize('data', [
    b'', identity_answer()[:23], b'\xff' + identity_answer()[1:], identity_answer()[:-1], identity_answer()[:26],
    identity_answer() + bytes(5000), identify_request(), route_answer(0),
    build(IDENTIFY | ANSWER, '0.0.0.0.0.0', {}),
    build(IDENTIFY | ANSWER, NET_ID, {})[:20] + b'\xff\xff\xff\xff',
    build(IDENTIFY | ANSWER, NET_ID, {})[:20] + b'\1\0\0\0' + b'\5\0\xff\xff',
])  # fmt: skip
def test_what_is_no_identity_is_refused_by_name(data):
    with pytest.raises(FrameError):
        parse_identity(data)


@pytest.mark.parametrize('data', [identity_answer(), build(ADD_ROUTE | ANSWER, NET_ID, {}),
                                  build(ADD_ROUTE | ANSWER, NET_ID, {Tag.STATUS: b'\0'}),
                                  build(ADD_ROUTE, NET_ID, {Tag.STATUS: bytes(4)})])  # fmt: skip
def test_no_status_is_never_taken_for_success(data):
    with pytest.raises(FrameError):
        parse_route_answer(data)


@given(st.one_of(st.binary(max_size=200), st.builds(
    lambda at, data: identity_answer()[:at] + data + identity_answer()[at + len(data):],
    st.integers(0, 200), st.binary(max_size=40))))
def test_parsing_anything_raises_nothing_but_the_named_error(data):
    for parse in (parse_frame, parse_identity, parse_route_answer):
        try:
            parse(data)
        except FrameError:
            pass


# the way


@pytest.mark.parametrize(('host', 'name'), [
    ('plc', 'plc'), ('plc:48898', 'plc'), (' 10.0.0.1:5 ', '10.0.0.1'), ('a:b', 'a:b'), ('::1', '::1'), ('', ''), ('a:', 'a:'),
])  # fmt: skip
def test_a_port_is_taken_off_a_host(host, name):
    assert host_of(host) == name


def test_the_own_address_on_the_way_is_known_without_a_packet():
    assert local_address_for('127.0.9.9') == '127.0.0.1'
    assert local_address_for('127.0.9.9:48898') == '127.0.0.1'
    assert local_address_for('localhost') == '127.0.0.1'
    for nowhere in ('', ':1', 'a\0b', 'x' * 300, '255.255.255.255', '::1', 'no-such-name.invalid'):
        assert local_address_for(nowhere) == ''


async def test_addresses_need_no_resolver_and_names_do(monkeypatch):
    assert await resolve('localhost:48898') == HERE
    monkeypatch.setattr(socket, 'getaddrinfo', None)
    assert await resolve('10.1.2.3:48898') == '10.1.2.3'


async def test_a_resolver_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(plc_router, 'LOOK_UP_SECONDS', 0.1)
    monkeypatch.setattr(socket, 'getaddrinfo', lambda *args: [time.sleep(0.3) or (0, 0, 0, '', ('1.2.3.4', 0))])
    with pytest.raises(ConnectionFailure) as failed:
        await resolve('slow.example')
    assert failed.value.failure.code == 'name_not_resolved'


# asking


async def test_one_plc_is_asked_who_it_is(router):
    assert (await identify(f'{HERE}:48898', port=router.port)).host_name == 'CX-12AB34'


async def test_a_route_is_added_to_the_own_address(router):
    await add_route(HERE, *LOGIN, port=router.port)
    assert router.routes == [{'name': 'EdgeOS-127.0.0.1', 'net_id': '127.0.0.1.1.1', 'address': '127.0.0.1'}]
    await add_route(HERE, *LOGIN, source_net_id='5.6.7.8.1.1', name='Küche', port=router.port)
    assert router.routes[1] == {'name': 'Küche', 'net_id': '5.6.7.8.1.1', 'address': '127.0.0.1'}


async def failure(host=HERE, login=LOGIN, **more):
    with pytest.raises(ConnectionFailure) as failed:
        await add_route(host, *login, **{'limit': 0.3, **more})
    found = failed.value.failure
    assert found.hint
    assert login[1] not in f'{failed.value!r}{found.message}{found.hint}{found.values}'
    return found


async def test_a_wrong_password_is_no_success(router):
    found = await failure(login=('Administrator', 'wrong'), port=router.port)
    assert (found.code, found.retriable) == ('not_authorised', False)
    assert HERE in found.message
    assert router.routes == []


async def test_another_error_of_the_plc_is_told_with_its_number(router):
    router.answers = [route_answer(0x70D)]
    found = await failure(port=router.port)
    assert (found.code, '1805' in found.message) == ('refused', True)


async def test_silence_and_a_closed_port_and_a_wrong_name_are_told_apart(router):
    router.answers = [b'']
    assert (await failure(port=router.port)).code == 'timeout'
    await router.__aexit__()
    assert (await failure(port=router.port)).code == 'refused'
    assert (await failure('no-such-name.invalid')).code == 'name_not_resolved'
    assert (await failure('255.255.255.255')).code == 'no_route'


async def test_garbage_is_passed_over_and_named_if_nothing_else_comes(router):
    router.answers = [b'garbage', route_answer(0)]
    await add_route(HERE, *LOGIN, port=router.port)
    router.answers = [b'garbage', identity_answer()]
    found = await failure(port=router.port)
    assert (found.code, 'not as a PLC' in found.message) == ('refused', True)


async def test_a_lost_datagram_is_sent_again(router, monkeypatch):
    monkeypatch.setattr(plc_router, 'REPEAT_SECONDS', 0.1)
    router.deaf_for = 1
    await add_route(HERE, *LOGIN, port=router.port)
    assert len(router.requests) == 2
    assert len(router.routes) == 1


async def test_an_answer_from_somebody_else_does_not_count(router):
    router.answers = [b'']
    asking = asyncio.create_task(failure(port=router.port))
    while not router.peers:
        await asyncio.sleep(0.01)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(route_answer(0), router.peers[0])
    assert (await asking).code == 'timeout'


def test_the_same_on_the_loop_of_the_app():
    async def all_of_it():
        async with FakeRouter() as router:
            assert (await identify(HERE, port=router.port)).net_id == NET_ID
            await add_route(HERE, *LOGIN, port=router.port)
        assert (await failure(port=router.port)).code == 'refused'
        assert (await failure('255.255.255.255')).code == 'no_route'

    uvloop.run(all_of_it())
