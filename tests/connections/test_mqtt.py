"""MQTT connections against a real mosquitto."""
import asyncio
import random
import socket
import ssl

import pytest

from edgeos.connections.state import Health, Status, WriteRefused
from tests.broker import Authority, Broker, password_file
from tests.helpers import eventually, free_port, patient
from tests.publisher import Publisher, publish_packet


def connected(connection):
    return connection.status is Status.CONNECTED


def failed(connection):
    return connection.status is Status.ERROR


async def test_connects_and_turns_messages_into_points(broker, make, publisher):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    publisher.send('kitchen/temperature', '21.5')
    publisher.send('kitchen/climate', '{"t": 20, "valve": {"open": true}}')
    points = connection.source.points
    await eventually(lambda: len(points) == 3)
    assert points['kitchen/temperature'].value == 21.5
    assert points['kitchen/climate/t'].value == 20
    assert points['kitchen/climate/valve/open'].value is True
    assert points['kitchen/temperature'].writable
    assert not points['kitchen/climate/t'].writable
    assert connection.health is Health.GOOD
    assert connection.traffic.packets_received == 2
    assert connection.traffic.bytes_received == sum(map(len, (
        'kitchen/temperature', '21.5', 'kitchen/climate', '{"t": 20, "valve": {"open": true}}')))  # fmt: skip
    assert [step.state for step in connection.ladder.steps(failed=False)] == ['passed'] * 4


@pytest.mark.parametrize('protocol', ['auto', '5', '3.1.1'])
async def test_speaks_both_versions(broker, make, publisher, protocol):
    connection = make(broker.port, protocol=protocol, topics=['a/#', 'b/+'], qos=1)
    connection.start()
    await eventually(lambda: connected(connection))
    assert connection.detail == ('MQTT 3.1.1' if protocol == '3.1.1' else 'MQTT 5')
    publisher.send('a/x/y', '1')
    publisher.send('b/z', '2')
    publisher.send('c', '3')
    publisher.send('a/last', '4')
    await eventually(lambda: 'a/last' in connection.source.points)
    assert list(connection.source.points) == ['a/x/y', 'b/z', 'a/last']


class OldBroker(asyncio.Protocol):
    """Speaks MQTT 3.1.1 only, and says so as brokers of its time did."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if data[:1] == b'\x10':
            level = data[data.index(b'MQTT') + 4]
            self.transport.write(b'\x20\x02\x00\x01' if level == 5 else b'\x20\x02\x00\x00')
            if level == 5:
                self.transport.close()
        elif data[:1] == b'\x82':
            self.transport.write(b'\x90\x03' + data[2:4] + b'\x00')


class ChattyBroker(OldBroker):
    """Sends what real brokers would not let through, as soon as somebody subscribes."""

    packets = b''

    def data_received(self, data):
        super().data_received(data)
        if data[:1] == b'\x82':
            self.transport.write(self.packets)


async def test_topics_no_broker_should_pass_on_are_survived(make, monkeypatch):
    packets = [publish_packet(b'tab\there\x1b[31m', b'1'), publish_packet(b'\xff\xfe', b'2'),
               publish_packet(b'a/+/b', b'3'), publish_packet(b'last', b'5')]  # fmt: skip
    monkeypatch.setattr(ChattyBroker, 'packets', b''.join(packets))
    server = await asyncio.get_running_loop().create_server(ChattyBroker, '127.0.0.1', 0)
    connection = make(server.sockets[0].getsockname()[1], protocol='3.1.1')
    connection.start()
    await eventually(lambda: 'last' in connection.source.points)
    assert connection.traffic.packets_received == 4
    assert connection.traffic.errors == 1, 'the topic that is not UTF-8'
    assert 'tab\there\x1b[31m' in connection.source.points
    await connection.stop()
    server.close()


async def test_falls_back_to_the_old_version_by_itself(make):
    server = await asyncio.get_running_loop().create_server(OldBroker, '127.0.0.1', 0)
    connection = make(server.sockets[0].getsockname()[1])
    connection.start()
    await eventually(lambda: connected(connection))
    assert connection.detail == 'MQTT 3.1.1'
    await connection.stop()
    server.close()


async def test_a_right_password_lets_in_and_a_wrong_one_stays_out_without_a_storm(tmp_path, make, services):
    guarded = Broker(tmp_path, f'password_file {password_file(tmp_path, "anna", "geheim")}', anonymous=False).start()
    try:
        good = make(guarded.port, 'good', username='anna')
        services.secrets.set('good', 'password', 'geheim')
        bad = make(guarded.port, 'bad', username='anna')
        services.secrets.set('bad', 'password', 'falsch')
        good.start()
        bad.start()
        await eventually(lambda: connected(good) and failed(bad))
        assert (bad.last_error.code, bad.retriable, bad.next_retry_in) == ('not_authorised', False, None)
        assert f'127.0.0.1:{guarded.port}' in bad.last_error.message
        assert 'password' in bad.last_error.hint
        assert [s.state for s in bad.ladder.steps(failed=True)] == ['passed', 'passed', 'failed', 'waiting']
        await asyncio.sleep(0.5)
        assert bad.attempt == 1
        services.secrets.set('bad', 'password', 'geheim')
        bad.retry_now()
        await eventually(lambda: connected(bad))
        assert bad.last_error is None
    finally:
        guarded.stop()


async def test_tls_with_the_right_authority_and_a_client_certificate(tmp_path, make):
    authority = Authority(tmp_path)
    server, server_key = authority.issue('server')
    client, client_key = authority.issue('client')
    stranger = Authority(tmp_path, 'stranger')
    broker = Broker(tmp_path, f'cafile {authority.ca}', f'certfile {server}', f'keyfile {server_key}',
                    'require_certificate true').start()  # fmt: skip
    try:
        files = {'tls': True, 'cert_file': str(client), 'key_file': str(client_key)}
        good = make(broker.port, 'good', ca_file=str(authority.ca), **files)
        wrong = make(broker.port, 'wrong', ca_file=str(stranger.ca), **files)
        blind = make(broker.port, 'blind', tls_insecure=True, **files)
        bare = make(broker.port, 'bare', tls=True, ca_file=str(authority.ca))
        missing = make(broker.port, 'missing', tls=True, ca_file=str(tmp_path / 'nowhere.pem'))
        for connection in (good, wrong, blind, bare, missing):
            connection.start()
        await eventually(lambda: connected(good) and connected(blind))
        await eventually(lambda: failed(wrong) and failed(missing) and bare.last_error is not None)
        assert wrong.last_error.code == 'tls_failed'
        assert 'not trusted' in wrong.last_error.message
        assert [s.state for s in wrong.ladder.steps(failed=True)][:2] == ['passed', 'failed']
        assert bare.last_error.code in ('tls_failed', 'connection_lost')
        assert (missing.last_error.code, missing.retriable) == ('tls_failed', False)
        assert 'nowhere.pem' in missing.last_error.message
        with TlsPublisher(broker.port, authority, client, client_key) as publisher:
            publisher.send_many(200)
        await eventually(lambda: good.traffic.packets_received == 200)
    finally:
        broker.stop()


class TlsPublisher(Publisher):
    """Sends many packets in one TLS record, which a selector cannot see piece by piece."""

    def __init__(self, port, authority, certificate, key):
        super().__init__(port)
        self._context = ssl.create_default_context(cafile=authority.ca)
        self._context.load_cert_chain(certificate, key)

    def __enter__(self):
        raw = socket.create_connection(('127.0.0.1', self._port), 5)
        self._sock = self._context.wrap_socket(raw, server_hostname='127.0.0.1')
        self._sock.sendall(b'\x10\x0c\0\4MQTT\4\2\0\0\0\0')
        assert self._sock.recv(4) == b'\x20\x02\0\0'
        return self

    def send_many(self, count):
            self.send_packets(b''.join(publish_packet(b'tls/n', b'%d' % n) for n in range(count)))


async def test_a_broker_that_is_not_there_is_refused_and_tried_every_second(make):
    connection = make(free_port())
    connection.start()
    await eventually(lambda: failed(connection))
    assert connection.last_error.code == 'refused'
    assert connection.retriable
    assert 0 < connection.next_retry_in <= 1.2
    assert connection.health is Health.BAD
    assert connection.ladder.steps(failed=True)[0].state == 'failed'
    await eventually(lambda: connection.attempt >= 2)


async def test_a_name_nobody_knows_is_said_so(make):
    connection = make(1883, host='no-such-host.invalid')
    connection.start()
    await eventually(lambda: failed(connection), timeout=15)
    assert connection.last_error.code == 'name_not_resolved'
    assert 'no-such-host.invalid' in connection.last_error.message


async def test_a_server_that_accepts_and_stays_mute_is_no_broker(make, monkeypatch):
    monkeypatch.setattr('edgeos.connections.mqtt_link.ANSWER_SECONDS', 0.3)
    monkeypatch.setattr('edgeos.connections.mqtt_link.MqttLink.answer.__defaults__', (0.3,))
    server = await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', 0)
    connection = make(server.sockets[0].getsockname()[1])
    connection.start()
    await eventually(lambda: failed(connection))
    assert connection.last_error.code == 'timeout'
    assert 'does not answer as a broker' in connection.last_error.message
    await connection.stop()
    server.close()


@pytest.mark.parametrize('garbage', [b'HTTP/1.1 400 Bad Request\r\n\r\n', b'\x20\x02\x00', b'\x20\xff\xff\xff\xff\xff',
                                     b'\xff' * 50, b'\x20\x00', b'\x30\x02\x00\x09'])  # fmt: skip
async def test_a_server_that_talks_nonsense_ends_only_its_own_link(make, garbage):
    async def talk(reader, writer):
        await reader.read(10)
        writer.write(garbage)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, '127.0.0.1', 0)
    connection = make(server.sockets[0].getsockname()[1])
    connection.start()
    await eventually(lambda: connection.attempt >= 1)
    assert connection.last_error.code in ('connection_lost', 'refused', 'timeout')
    await connection.stop()
    server.close()


async def test_survives_a_killed_broker_and_counts_on(broker, make):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    with Publisher(broker.port) as publisher:
        publisher.send('n', '1')
        await eventually(lambda: connection.traffic.packets_received == 1)
    broker.kill()
    await eventually(lambda: failed(connection), timeout=1)
    assert connection.last_error.code == 'connection_lost'
    assert connection.source.points['n'].quality == 'stale'
    broker.start()
    await eventually(lambda: connected(connection), timeout=2.5)
    with Publisher(broker.port) as publisher:
        publisher.send('n', '2')
        await eventually(lambda: connection.source.points['n'].value == 2)
    assert connection.source.points['n'].quality == 'good'
    assert (connection.traffic.packets_received, connection.traffic.reconnects, connection.flaps) == (2, 1, 1)
    await eventually(lambda: connection.traffic.sample() or connection.traffic.rates(60).errors > 0, interval=0.1)
    assert connection.health is Health.GOOD, 'an outage that is over is not an error rate'


@pytest.mark.slow
async def test_a_broker_that_dies_ten_times_in_a_row_is_back_within_two_seconds_each_time(broker, make):
    connection = make(broker.port)
    connection.start()
    for outage in range(10):
        await eventually(lambda: connected(connection))
        with Publisher(broker.port) as publisher:
            publisher.send('n', str(outage))
        await eventually(lambda: connection.traffic.packets_received == outage + 1)  # noqa: B023 - awaited right here
        await asyncio.sleep(random.random())
        broker.kill()
        await eventually(lambda: failed(connection))
        await asyncio.sleep(4 + random.random())
        broker.start()
        await eventually(lambda: connected(connection), timeout=2)
    assert connection.traffic.packets_received == 10


@pytest.mark.slow
async def test_a_frozen_broker_is_noticed_within_two_keepalives_and_greeted_when_back(broker, make):
    connection = make(broker.port, keepalive_s=2)
    connection.start()
    await eventually(lambda: connected(connection))
    loop = asyncio.get_running_loop()
    frozen_at = loop.time()
    broker.freeze()
    await eventually(lambda: not connected(connection), timeout=5)
    assert loop.time() - frozen_at <= patient(2 * 2 + 1, below=8)
    assert connection.last_error.code == 'timeout'
    broker.thaw()
    await eventually(lambda: connected(connection), timeout=10)


async def test_a_quiet_link_stays_alive_by_its_pings(broker, make):
    connection = make(broker.port, keepalive_s=2)
    connection.start()
    await eventually(lambda: connection.traffic.round_trips.last is not None, timeout=4)
    before = connection.last_proof
    await eventually(lambda: connection.last_proof > before, timeout=4)
    assert connection.health is Health.GOOD
    assert connection.traffic.packets_received == 0


async def test_a_dead_broker_does_not_slow_the_living_one(broker, make, publisher):
    living, dead = make(broker.port, 'living'), make(free_port(), 'dead')
    dead.start()
    living.start()
    await eventually(lambda: connected(living) and failed(dead))
    for n in range(200):
        publisher.send('n', str(n))
    await eventually(lambda: living.traffic.packets_received == 200)
    assert living.source.points['n'].value == 199


async def test_writes_are_published_and_come_back_as_the_devices_report(broker, make, publisher, services):
    connection = make(broker.port, write_topics={'lamp/state': 'lamp/state/set'})
    connection.start()
    await eventually(lambda: connected(connection))
    await services.gateway.write('home/any/topic', 'ON')
    await services.gateway.write('home/any/number', 21.5, qos=1)
    await services.gateway.write('home/any/switch', True, qos=2, retain=True)
    points = connection.source.points
    await eventually(lambda: {'any/topic', 'any/number', 'any/switch'} <= points.keys())
    assert [points[f'any/{n}'].value for n in ('topic', 'number', 'switch')] == ['ON', 21.5, True]
    assert connection.traffic.packets_sent == 3
    publisher.send('lamp', '{"state": "OFF"}')
    await eventually(lambda: 'lamp/state' in points)
    assert points['lamp/state'].writable
    await services.gateway.write('home/lamp/state', 'ON')
    await eventually(lambda: 'lamp/state/set' in points)
    assert points['lamp/state'].value == 'OFF', 'only the device itself may say that it is on'


@pytest.mark.parametrize(('name', 'value', 'status'), [
    ('a/+/b', 1, 422), ('a/#', 1, 422), ('a\0b', 1, 422), ('x' * 70_000, 1, 422), ('t', float('nan'), 422),
    ('json/leaf', 1, 403),
])  # fmt: skip
async def test_what_cannot_be_written_is_refused_with_the_reason(broker, make, publisher, services, name, value, status):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    publisher.send('json', '{"leaf": 1}')
    await eventually(lambda: 'json/leaf' in connection.source.points)
    with pytest.raises(WriteRefused) as refused:
        await services.gateway.write(f'home/{name}', value)
    assert refused.value.status == status


async def test_writing_while_not_connected_is_refused_at_once(make, services):
    connection = make(free_port())
    connection.start()
    with pytest.raises(WriteRefused) as refused:
        await services.gateway.write('home/t', 1)
    assert refused.value.status == 409


async def test_a_topic_keeps_its_name_against_a_leaf_and_the_leaf_is_reported(broker, make, publisher):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    points = connection.source.points
    publisher.send('room', '{"t": 1}')
    await eventually(lambda: 'room/t' in points)
    publisher.send('room/t', '2')
    publisher.send('room', '{"t": 3, "done": true}')
    await eventually(lambda: 'room/done' in points)
    assert points['room/t'].value == 2
    assert points['room/t'].writable
    assert [e for e in connection.journal.entries(50, 'info') if 'room/t' in e.text and 'not shown' in e.text]


async def test_malformed_json_is_counted_shown_and_logged(broker, make, publisher):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    publisher.send('bad', '{"t": ')
    await eventually(lambda: 'bad' in connection.source.points)
    point = connection.source.points['bad']
    assert (point.value, point.quality) == ('{"t": ', 'bad')
    assert connection.traffic.errors == 1
    assert [e for e in connection.journal.entries(50, 'info') if 'malformed JSON' in e.text]


async def test_hostile_topics_are_names_like_any_other(broker, make, publisher):
    topics = ['<script>alert(1)</script>', '../../etc/passwd', 'emoji/🔥', 'a//b', '/lead', 'trail/',
              'a\\b', '%2F%00', ' ', 'a/${x}', "'; drop table", 'x' * 2000]  # fmt: skip
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    for topic in topics:
        publisher.send(topic, b'\x00\xff' if topic == ' ' else '1')
    await eventually(lambda: set(topics) == set(connection.source.points))
    assert set(connection.source.points) == set(topics)
    assert connection.source.points[' '].type == 'binary'


async def test_ten_thousand_topics_fill_the_limit_and_say_so(broker, make, publisher):
    connection = make(broker.port, max_points=5000)
    connection.start()
    await eventually(lambda: connected(connection))
    publisher.send_packets(b''.join(publish_packet(b'wild/%d' % n, b'1') for n in range(10_000)))
    await eventually(lambda: connection.traffic.packets_received == 10_000)
    await eventually(lambda: connection.source.refused_points)
    assert len(connection.source.points) == 5000
    assert any('5000 values' in notice.text for notice in connection.notices())


async def test_a_message_of_fifty_thousand_leaves_leaves_the_loop_free(broker, make, publisher):
    connection = make(broker.port, max_points=60_000)
    connection.start()
    await eventually(lambda: connected(connection))
    payload = '{' + ','.join(f'"key_{n:06}": {n}' for n in range(50_000)) + '}'
    assert len(payload) > 900_000
    points = connection.source.points
    await asyncio.get_running_loop().run_in_executor(None, publisher.send, 'big', payload)
    seen = set()

    def watch():
        seen.add(len(points))
        return len(points) == 50_000

    await eventually(watch, timeout=15, interval=0)
    assert len(seen) > 10, 'the loop must get its turn between slices; how long they are is measured by the bench'


async def test_a_flood_is_counted_exactly_thinned_visibly_and_ends_with_the_newest(broker, make, publisher):
    heard = []
    connection = make(broker.port)
    connection.services.gateway.subscribe('home/n', lambda point: heard.append(point.value))
    connection.start()
    await eventually(lambda: connected(connection))
    flood = b''.join(publish_packet(b'n', b'%d' % n) for n in range(20_000))
    await asyncio.get_running_loop().run_in_executor(None, publisher.send_packets, flood)
    await eventually(lambda: connection.source.thinned_since is not None)
    assert connection.health is Health.DEGRADED
    assert connection.notices()
    await eventually(lambda: connection.traffic.packets_received == 20_000)
    await eventually(lambda: heard[-1] == 19_999)
    assert len(heard) < 1000
    assert heard == sorted(heard)
    assert connection.source.thinned_updates + len(heard) == 20_000
    await eventually(lambda: connection.source.thinned_since is None)
    publisher.send('n', 'calm')
    await eventually(lambda: heard[-1] == 'calm')


async def test_below_the_limit_every_message_is_an_update(broker, make, publisher):
    heard = []
    connection = make(broker.port)
    connection.services.gateway.subscribe('home/n', lambda point: heard.append(point.value))
    connection.start()
    await eventually(lambda: connected(connection))
    publisher.send_packets(b''.join(publish_packet(b'n', b'%d' % (n // 2)) for n in range(400)))
    await eventually(lambda: len(heard) == 400)
    assert heard == [n // 2 for n in range(400)]


async def test_browsing_shows_one_level_at_a_time(broker, make, publisher):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    publisher.send('house/kitchen/t', '1')
    publisher.send('house/kitchen', '{"lamp": true}')
    publisher.send('house/bath', 'x')
    publisher.send('last', '1')
    await eventually(lambda: 'last' in connection.source.points)
    assert [(e.name, e.children) for e in await connection.browse('')] == [('house', 2), ('last', 0)]
    assert [(e.name, e.type, e.children) for e in await connection.browse('house')] == [
        ('house/bath', 'string', 0), ('house/kitchen', '', 2)]  # fmt: skip
    assert [e.name for e in await connection.browse('house/kitchen/')] == ['house/kitchen/lamp', 'house/kitchen/t']


async def test_empty_levels_can_be_browsed_too(broker, make, publisher):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    topics = ['/lead/x', '/lead', 'a//b', 'a/b', 'trail/', '//']
    for topic in topics:
        publisher.send(topic, '1')
    await eventually(lambda: len(connection.source.points) == len(topics))
    found, waiting = set(), ['']
    while waiting:
        for entry in await connection.browse(waiting.pop()):
            assert entry.name not in found
            found.add(entry.name)
            if entry.children:
                waiting.append(entry.name)
    assert set(topics) <= found


async def test_the_owner_stops_and_starts_a_link(broker, make):
    connection = make(broker.port)
    connection.start()
    await eventually(lambda: connected(connection))
    await connection.stop()
    assert (connection.status, connection.health) == (Status.DISCONNECTED, Health.UNKNOWN)
    assert connection.next_retry_in is None
    connection.start()
    await eventually(lambda: connected(connection))
    assert connection.flaps == 0


async def test_another_program_with_the_same_client_id_is_named(broker, make):
    first = make(broker.port, 'first', client_id='twin')
    first.start()
    await eventually(lambda: connected(first))
    second = make(broker.port, 'second', client_id='twin')
    second.start()
    await eventually(lambda: first.last_error is not None or second.last_error is not None)
    told = first.last_error or second.last_error
    assert 'client id' in told.message + told.hint


async def test_topics_the_broker_refuses_are_named(tmp_path, make):
    rules = tmp_path / 'rules.acl'
    rules.write_text('topic read open/#\n')
    broker = Broker(tmp_path, f'acl_file {rules}').start()
    try:
        connection = make(broker.port, topics=['open/#', 'closed/x'], protocol='5')
        connection.start()
        await eventually(lambda: connected(connection))
        if connection.last_error is not None:  # mosquitto answers by its version: refused, or silently without data
            assert connection.last_error.code == 'topic_refused'
            assert 'closed/x' in connection.last_error.message
    finally:
        broker.stop()
