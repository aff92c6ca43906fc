"""What is sent, against a real web server that takes it, fails, hangs or is not there."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alarms_plugin import Alarms, sender, webhook
from edgeos_plugin.testing import FakeHost
from webhook_receiver import Receiver

from tests.broker import Authority
from tests.helpers import eventually, free_port


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = await Receiver().start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, 'FIRST_PAUSE', 0.02)
    monkeypatch.setattr(sender, 'LONGEST_PAUSE', 0.05)
    monkeypatch.setattr('alarms_plugin.TICK', 0.02)


def config(*urls: str, **more: Any) -> dict[str, Any]:
    actions: list[dict[str, Any]] = [{'type': 'webhook', 'url': url, **more} for url in urls]
    actions.append({'type': 'mqtt', 'topic': 'mqtt/alarms'})
    return {'rules': [{'name': 'hot', 'point': 'plc/t', 'when': 'above', 'value': '90', 'actions': actions}]}


async def started(told: dict[str, Any], **storage: Any) -> FakeHost:
    host = FakeHost(storage=storage)
    host.mqtt.add('mqtt')
    return await host.start(Alarms, told, {'plc/t': 20}, 'alarms')


async def test_posts_json_with_the_secret_header(receiver: Receiver) -> None:
    host = await started(config(receiver.url, header='X-Token', secret='very secret'))
    await host.set_point('plc/t', 95)
    await eventually(lambda: receiver.requests)
    path, headers, body = receiver.requests[0]
    assert path == '/hook?a=1'
    assert (headers['X-Token'], headers['Content-Type']) == ('very secret', 'application/json')
    assert (body['rule'], body['state'], body['value']) == ('hot', 'active', 95)
    await eventually(lambda: host.storage.get('queue') == {})
    await host.stop()


async def test_tries_again_after_an_error_of_the_server_and_keeps_the_order(receiver: Receiver) -> None:
    receiver.answers = [500, 503, 429, 200]
    host = await started(config(receiver.url))
    await host.set_point('plc/t', 95)
    await eventually(lambda: receiver.requests)
    await host.set_point('plc/t', 20)
    await eventually(lambda: len(receiver.requests) == 5)
    assert [body['state'] for body in receiver.bodies] == ['active'] * 4 + ['cleared']
    assert len({body['id'] for body in receiver.bodies}) == 2
    assert [event.message for event in host.events] == [
        f'http://127.0.0.1:{receiver.port} cannot be told: it answered 500. It is tried again.',
        f'http://127.0.0.1:{receiver.port} is told again.',
    ]
    await host.stop()


async def test_a_receiver_that_refuses_is_named_and_the_next_message_goes_on(receiver: Receiver) -> None:
    receiver.answers = [404, 302, 200]
    host = await started(config(receiver.url))
    for value in (95, 20, 95):
        await host.set_point('plc/t', value)
        await eventually(lambda value=value: host.plugin.alarms['hot', 'plc/t'].is_told == (value > 90))
    await eventually(lambda: len(receiver.requests) == 3)
    assert [event.message.split(': ')[1] for event in host.events] == ['it answered 404', 'it answered 302']
    await host.stop()


async def test_a_hanging_receiver_holds_up_nobody(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = await Receiver().start()
    hanging.answers = [0]
    host = await started(config(hanging.url, receiver.url))
    await host.set_point('plc/t', 95)
    await eventually(lambda: hanging.requests and receiver.requests and host.written)
    await host.set_point('plc/t', 20)
    await eventually(lambda: len(receiver.requests) == 2 and len(host.written) == 2)
    assert len(hanging.requests) == 1, 'the first has the time it needs'
    monkeypatch.setattr(webhook, 'LIMIT', 0.05)
    await host.change_config(config(hanging.url, receiver.url))  # begins the line again
    await eventually(lambda: any('no answer within' in event.message for event in host.events))
    await host.stop()
    hanging.stop()


async def test_what_could_not_be_sent_is_sent_after_a_restart() -> None:
    port = free_port()
    told = config(f'http://127.0.0.1:{port}/', header='X-Token', secret='very secret')
    host = await started(told)
    await host.set_point('plc/t', 95)
    await eventually(lambda: any('cannot be told' in event.message for event in host.events))
    await host.stop()
    assert 'very secret' not in str(host.storage)
    receiver = await Receiver().start(port)
    again = await started(told, **host.storage)
    await eventually(lambda: receiver.requests)
    assert receiver.requests[0][1]['X-Token'] == 'very secret'
    await eventually(lambda: [body['state'] for body in receiver.bodies] == ['active', 'cleared'])
    await again.stop()
    receiver.stop()


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, 'MOST', 10)
    host = await started(config(f'http://127.0.0.1:{free_port()}/'))
    for count in range(30):
        await host.set_point('plc/t', 95 if count % 2 == 0 else 20)
        host.plugin.tick()
    await host.settle()
    await eventually(lambda: 8 <= sum(map(len, host.storage['queue'].values())) <= 10)
    assert len([event for event in host.events if 'the oldest are left out' in event.message]) == 1
    await host.stop()


async def test_a_broker_that_is_away_gets_it_later() -> None:
    host = await started(config())
    host.mqtt.clear()
    await host.set_point('plc/t', 95)
    await eventually(lambda: any('mqtt/alarms cannot be told' in event.message for event in host.events))
    host.mqtt.add('mqtt')
    await eventually(lambda: [written.value['state'] for written in host.written] == ['active'])
    await host.stop()


async def test_an_answer_that_is_no_http_is_tried_again() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'hello\r\n')
        writer.close()

    server = await asyncio.start_server(babble, '127.0.0.1', 0)
    target = webhook.target_of(f'http://127.0.0.1:{server.sockets[0].getsockname()[1]}')
    with pytest.raises(webhook.Unreachable, match='does not answer as a web server'):
        await webhook.post(target, b'{}')
    server.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b'\r\n\r\n')
    writer.close()


async def test_why_nobody_is_reached_is_said_in_words() -> None:
    server = await asyncio.start_server(silent, '127.0.0.1', 0)
    taken, free = server.sockets[0].getsockname()[1], free_port()
    for place, why in ((64 * 'x', 'its name is not known'), (f'127.0.0.1:{free}', 'Connection refused'),
                       (f'127.0.0.1:{taken}', 'it closed the connection without an answer')):  # fmt: skip
        with pytest.raises(webhook.Unreachable, match=f'^{why}$'):
            await webhook.post(webhook.target_of(f'http://{place}/'), b'{}')
    assert webhook._words(socket.gaierror(-2, 'Name or service not known')) == 'its name is not known'
    server.close()


async def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue('server'))
    receiver = await Receiver().start(tls=context)
    target = webhook.target_of(f'https://127.0.0.1:{receiver.port}/')
    with pytest.raises(webhook.Unreachable, match='its certificate is not trusted: '):
        await webhook.post(target, b'{}')
    monkeypatch.setenv('SSL_CERT_FILE', str(authority.ca))
    await webhook.post(target, b'{}')
    assert len(receiver.requests) == 1
    receiver.stop()


def test_what_may_be_secret_in_an_address_is_not_shown() -> None:
    target = webhook.target_of('https://example.org:8443/hooks/s3cret?key=s3cret', 'X-Key', 's3cret')
    assert target.shown == 'https://example.org:8443'
    assert 's3cret' not in target.key and "secret='" not in repr(target)
    assert webhook.target_of('http://[::1]/').request(b'').split(b'\r\n')[1] == b'Host: [::1]'
