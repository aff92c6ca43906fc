"""MQTT peers that no real broker is: scripted byte by byte, to see what a link makes of them."""
import asyncio
import gc
import time

import pytest

from edgeos.connections.mqtt_client import after_properties
from edgeos.connections.mqtt_link import MqttLink
from edgeos.connections.state import Status, WriteRefused
from tests.helpers import eventually, patient
from tests.publisher import publish_packet

CONNACK_5 = b'\x20\x03\x00\x00\x00'


class Peer(asyncio.Protocol):
    """Answers CONNECT, SUBSCRIBE and PINGREQ as MQTT 5 does; a test overrides what it wants to see."""

    connack = CONNACK_5
    answer_publish = staticmethod(lambda packet: b'')
    made: list['Peer'] = []

    def connection_made(self, transport):
        self.transport = transport
        Peer.made.append(self)

    def data_received(self, data):
        while data:
            size = 2 + data[1]
            packet, data = data[:size], data[size:]
            self.transport.write(self.answer(packet))

    def answer(self, packet):
        kind = packet[0] & 0xF0
        if kind == 0x10:
            return self.connack
        if kind == 0x80:
            return b'\x90\x04' + packet[2:4] + b'\x00\x00'
        if kind == 0xC0:
            return b'\xd0\x00'
        return self.answer_publish(packet) if kind in (0x30, 0x60) else b''


@pytest.fixture
async def peer():
    """Start a peer of a class; answers its port."""
    servers = []
    Peer.made.clear()

    async def start(kind=Peer, **overrides):
        made = type('Scripted', (kind,), overrides)
        server = await asyncio.get_running_loop().create_server(made, '127.0.0.1', 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()


async def test_attempts_that_are_hung_up_on_leave_nothing_ticking(peer, make):
    class HangsUp(asyncio.Protocol):
        def connection_made(self, transport):
            transport.close()

    connection = make(await peer(HangsUp))
    connection.start()
    await eventually(lambda: connection.attempt >= 2)
    await connection.stop()

    def links():
        gc.collect()
        return [thing for thing in gc.get_objects() if isinstance(thing, MqttLink)]

    await eventually(lambda: not links(), timeout=3, interval=0.2)


def test_a_property_length_without_end_is_refused_at_once():
    began = time.thread_time()
    with pytest.raises(ValueError):
        after_properties(b'\xff' * 1_000_000, 0)
    assert time.thread_time() - began < patient(1)
    assert after_properties(b'\x80\x01', 0) == 2 + 128


async def test_a_message_that_trickles_in_is_life(peer, make):
    connection = make(await peer(), keepalive_s=2, protocol='5')
    connection.start()
    await eventually(lambda: connection.status is Status.CONNECTED)
    message = b'\x30\xe8\x07\x00\x01t\x00' + b'x' * (1000 - 4)
    loop = asyncio.get_running_loop()
    until = loop.time() + 5
    sent = 0
    Peer.made[0].answer = lambda packet: b''  # not even pings are answered meanwhile
    while loop.time() < until:
        Peer.made[0].transport.write(message[sent:sent + 10])
        sent += 10
        await asyncio.sleep(0.1)
        assert connection.status is Status.CONNECTED
    Peer.made[0].transport.write(message[sent:])
    await eventually(lambda: connection.traffic.packets_received == 1)


async def test_a_broker_without_keepalive_keeps_its_link(peer, make):
    connection = make(await peer(connack=b'\x20\x06\x00\x00\x03\x13\x00\x00'), keepalive_s=2, protocol='5')
    connection.start()
    await eventually(lambda: connection.status is Status.CONNECTED)
    loop = asyncio.get_running_loop()
    until = loop.time() + 4.5
    while loop.time() < until:
        assert connection.status is Status.CONNECTED
        await asyncio.sleep(0.1)
    assert connection.traffic.round_trips.last is not None


async def test_a_write_refused_at_the_first_of_two_answers_is_refused(peer, make, services):
    refuse = staticmethod(lambda packet: b'\x50\x04' + packet[2 + 2 + packet[3]:][:2] + b'\x87\x00')
    connection = make(await peer(answer_publish=refuse), protocol='5')
    connection.start()
    await eventually(lambda: connection.status is Status.CONNECTED)
    with pytest.raises(WriteRefused) as refused:
        await services.gateway.write('home/t', 1, qos=2)
    assert refused.value.status == 403


async def test_a_write_that_was_told_to_have_failed_is_never_sent_later(peer, make, services, monkeypatch):
    monkeypatch.setattr('edgeos.connections.mqtt.WRITE_LIMIT', 0.2)
    connection = make(await peer(), protocol='5')
    connection.start()
    await eventually(lambda: connection.status is Status.CONNECTED)
    writes = [services.gateway.write('home/t', number, qos=1) for number in range(30)]
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert {type(answer) for answer in answers} == {WriteRefused}
    assert {answer.status for answer in answers} == {504}
    assert connection._link.client._out_messages == {}
    assert connection._link.client._inflight_messages == 0


async def test_the_newest_values_of_a_flood_survive_its_end(peer, make):
    connection = make(await peer(), protocol='3.1.1')
    Peer.connack = b'\x20\x02\x00\x00'
    try:
        connection.start()
        await eventually(lambda: connection.status is Status.CONNECTED)
        flood = b''.join(publish_packet(b'n', b'%d' % number) for number in range(5000))
        Peer.made[0].transport.write(flood)
        Peer.made[0].transport.close()
        await eventually(lambda: connection.status is not Status.CONNECTED)
        assert connection.traffic.packets_received == 5000
        assert connection.source.points['n'].value == 4999
        assert connection.source.points['n'].quality == 'stale'
        assert connection.source.thinned_since is None
    finally:
        Peer.connack = CONNACK_5
