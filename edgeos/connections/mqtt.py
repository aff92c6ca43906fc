"""MQTT connections: 5 and 3.1.1, TLS, any number of brokers at once."""
import asyncio
import ssl
import uuid
from typing import Any, ClassVar

from paho.mqtt.client import MQTTMessageInfo
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import BaseModel

from edgeos.connections.connection import Connection
from edgeos.connections.mqtt_client import LeanClient, new_client
from edgeos.connections.mqtt_config import MqttConfig, topic_problem
from edgeos.connections.mqtt_failures import failed_to_connect
from edgeos.connections.mqtt_intake import Intake
from edgeos.connections.mqtt_link import MqttLink
from edgeos.connections.payload import encode
from edgeos.connections.services import Browsed, Services
from edgeos.connections.state import ConnectionFailure, Failure, Notice, Status, WriteRefused
from edgeos.connections.topics import next_level
from edgeos.gateway import Source
from edgeos.settings import ConnectionSettings

CONNECT_LIMIT = 6.0  # s for name, TCP and TLS together
WRITE_LIMIT = 4.5
MOST_WRITES = 1000  # waiting for the broker at once

LOGIN_REFUSED = frozenset((0x85, 0x86, 0x87, 0x8A, 0x8C))
UNSUPPORTED_PROTOCOL = 0x84
SESSION_TAKEN_OVER = 0x8E


class MqttConnection(Connection):
    """A link to one broker; its points are the topics that came."""

    KIND: ClassVar[str] = 'mqtt'
    CONFIG: ClassVar[type[BaseModel]] = MqttConfig
    SECRETS: ClassVar[tuple[str, ...]] = ('password',)
    IDENTITY: ClassVar[tuple[str, ...]] = ('host', 'port', 'topics')

    config: MqttConfig

    @classmethod
    def trial_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        """Another client id: with its own, a trial would throw the living link out."""
        return {**config, 'client_id': f'{config["client_id"]}-test'} if config.get('client_id') else config

    def __init__(self, settings: ConnectionSettings, services: Services) -> None:
        super().__init__(settings, services)
        self._link: MqttLink | None = None
        self._intake: Intake | None = None
        self._writes: dict[int, asyncio.Future[ReasonCode]] = {}
        self._protocol = ''
        self._refused: Failure | None = None

    @property
    def address(self) -> str:
        host = f'[{self.config.host}]' if ':' in self.config.host else self.config.host
        return f'{host}:{self.config.port}'

    @property
    def detail(self) -> str:
        words = [f'MQTT {self._protocol}' if self._protocol and self.status is Status.CONNECTED else '',
                 'TLS' if self.config.tls else '']  # fmt: skip
        return ' · '.join(word for word in words if word)

    @property
    def expected_interval(self) -> float:
        return float(self.config.keepalive_s)

    def _make_source(self) -> Source:
        return self.services.gateway.add_source(self.id, self, max_points=self.config.max_points)

    def _configured(self) -> None:
        self.source.max_points = self.config.max_points
        self._protocol = ''
        for name, point in self.source.points.items():
            point.writable = name == point.origin or name in self.config.write_topics

    # opening

    async def _open(self) -> None:
        wanted = self.config.protocol
        protocol = self._protocol or ('5' if wanted == 'auto' else wanted)
        reason = await self._connect(protocol)
        if wanted == 'auto' and protocol == '5' and (reason is None or reason.value == UNSUPPORTED_PROTOCOL):
            self.journal.info('the broker does not speak MQTT 5; trying 3.1.1')
            await self._close()
            protocol = '3.1.1'
            reason = await self._connect(protocol)
        if reason is None and self.config.tls:
            raise ConnectionFailure('tls_failed', '{address} ended the encrypted connection before it answered.',
                                    'Check whether it asks for a client certificate.', cheap=False,
                                    address=self.address)  # fmt: skip
        if reason is None:
            raise ConnectionFailure('connection_lost', '{address} closed the connection before it answered.',
                                    'Check that a broker listens there, and whether it wants TLS.',
                                    address=self.address)  # fmt: skip
        self._check_login(reason)
        self._protocol = protocol  # known to work; a dying broker must not make it 3.1.1 for ever
        self.ladder.reach('login', self.clock.monotonic())
        await self._subscribe()

    async def _connect(self, protocol: str) -> ReasonCode | None:
        """The broker's answer to CONNECT; None when it closed instead."""
        password = self.secret('password')
        self.journal.debug(f'connecting to {self.address} with MQTT {protocol}')
        client = new_client(protocol, self.config.client_id or f'edgeos-{uuid.uuid4().hex[:12]}')
        link = self._link = self._make_link(client)

        def prepare(client: LeanClient) -> None:
            if self.config.username or password:
                client.username_pw_set(self.config.username, password)
            if self.config.tls:
                client.tls_set_context(make_tls_context(self.config))

        try:
            await link.connect(prepare, CONNECT_LIMIT)
        except ConnectionFailure:
            self.ladder.reach('network', self.clock.monotonic())
            raise
        except (OSError, ValueError) as error:
            failure = failed_to_connect(error, self.address, self.config.host, tls=self.config.tls)
            if failure.failure.code == 'tls_failed':
                self.ladder.reach('network', self.clock.monotonic())
            raise failure from error
        self.ladder.reach('network', self.clock.monotonic())
        try:
            reason = await link.answer(link.connack)
        except TimeoutError as error:
            raise ConnectionFailure('timeout', '{address} accepts connections, but does not answer as a broker.',
                                    'Check the port, and that the program behind it is a broker and not stuck.',
                                    address=self.address) from error  # fmt: skip
        if reason is not None:
            self.ladder.reach('answer', self.clock.monotonic())
        return reason

    def notices(self) -> list[Notice]:
        clashes = sorted(self._intake.clashes) if self._intake else []
        shown = ', '.join(clashes[:3]) + (' …' if len(clashes) > 3 else '')
        told = 'A key in a JSON message has the name of a topic of its own and is not shown: {names}.'
        return super().notices() + ([Notice(told, {'names': shown})] if clashes else [])

    def _make_link(self, client: LeanClient) -> MqttLink:
        intake = self._intake = Intake(self.services.gateway, self.source, self.traffic, self.journal,
                                       frozenset(self.config.write_topics))  # fmt: skip
        link = MqttLink(client, self.config.host, self.config.port, self.config.keepalive_s,
                        on_life=self.prove, on_read=intake.wake)  # fmt: skip
        client.take = intake.take
        client.on_message = intake.on_message
        traffic = self.traffic
        link.packets = lambda: traffic.packets_received  # type: ignore[method-assign]
        link.round_trip = self._on_round_trip
        link.published = self._on_published
        return link

    def _check_login(self, reason: ReasonCode) -> None:
        if not reason.is_failure:
            return
        if reason.value in LOGIN_REFUSED:
            raise ConnectionFailure('not_authorised', '{address} refused the login.',
                                    'Check user name and password, then press Retry.', retriable=False,
                                    address=self.address)  # fmt: skip
        raise ConnectionFailure('refused', '{address} answered, but refused: {why}.',
                                'The broker may be starting or full; it is tried again.', cheap=False,
                                address=self.address, why=str(reason).lower())  # fmt: skip

    async def _subscribe(self) -> None:
        self._refused = None
        topics = self.config.topics
        link = self._link
        if not topics or link is None:
            return
        if self._protocol == '5':
            link.client.subscribe([(topic, SubscribeOptions(qos=self.config.qos)) for topic in topics])
        else:
            qos: int = self.config.qos
            link.client.subscribe([(topic, qos) for topic in topics])
        try:
            reasons = await link.answer(link.suback)
        except TimeoutError as error:
            raise ConnectionFailure('timeout', '{address} did not answer the subscription.',
                                    'The broker may be overloaded; it is tried again.', address=self.address) from error
        if reasons is None:
            raise self._lost_failure()
        self.journal.debug(f'subscribed to {", ".join(topics)}')
        self._check_subscription(topics, reasons)

    def _check_subscription(self, topics: list[str], reasons: list[ReasonCode]) -> None:
        refused = [topic for topic, reason in zip(topics, reasons, strict=False) if reason.is_failure]
        if not refused:
            return
        failure = ConnectionFailure('topic_refused', '{address} refused the topics {topics}.',
                                    'Ask for the right to read them, or choose other topics.',
                                    retriable=False, address=self.address, topics=', '.join(refused))  # fmt: skip
        if len(refused) == len(topics):
            raise failure
        self._refused = failure.failure

    # serving

    async def _serve(self) -> None:
        link = self._link
        assert link is not None
        if self._refused is not None:
            self.note_failure(self._refused)
        self.ladder.reach('data', self.clock.monotonic())
        await asyncio.shield(link.lost)
        raise self._lost_failure()

    def _lost_failure(self) -> ConnectionFailure:
        link = self._link
        said = link.broker_said if link else None
        if said is not None and said.value == SESSION_TAKEN_OVER:
            return ConnectionFailure('connection_lost', '{address}: another program uses the same client id.',
                                     'Leave the client id blank, or give each program its own.', cheap=False,
                                     address=self.address)  # fmt: skip
        if said is not None:
            return ConnectionFailure('connection_lost', '{address} ended the connection: {why}.',
                                     'It is tried again by itself.', address=self.address, why=str(said).lower())
        why = link.lost.result() if link and link.lost.done() else ''
        if why.startswith('nothing was heard') or 'Keep alive' in why:
            return ConnectionFailure('timeout', '{address} has gone quiet: no answer to two calls.',
                                     'Check the network and the broker; it is tried again by itself.',
                                     address=self.address)  # fmt: skip
        if self.config.client_id:  # most brokers drop the older of two twins without a word
            return ConnectionFailure('connection_lost', 'The connection to {address} was lost.',
                                     'It is tried again by itself. If it keeps happening, another program may use '
                                     'the same client id.', address=self.address)  # fmt: skip
        return ConnectionFailure('connection_lost', 'The connection to {address} was lost.',
                                 'It is tried again by itself.', address=self.address)  # fmt: skip

    async def _close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
        if self._intake is not None:
            self._intake.stop()
        gone = WriteRefused('{name} was lost while a value was being written.', 409, name=self.name)
        for waiting in self._writes.values():
            if not waiting.done():
                waiting.set_exception(gone)
        self._writes.clear()

    # writing

    async def write(self, name: str, value: Any, *, qos: int | None = None, retain: bool | None = None) -> None:
        """Publish; with QoS 1 and 2 the broker's acknowledgement is awaited, with 0 that the bytes have left."""
        topic = self._topic_to_write(name)
        try:
            payload = encode(value)
        except ValueError as error:
            raise WriteRefused('{point} cannot be sent: {why}.', point=name, why=error) from error
        link = self._link
        if self.status is not Status.CONNECTED or link is None:
            raise WriteRefused('{name} is not connected.', 409, name=self.name)
        if len(self._writes) >= MOST_WRITES:
            raise WriteRefused('{name}: {count} writes are waiting already.', 409, name=self.name, count=MOST_WRITES)
        info = link.client.publish(topic, payload, self.config.write_qos if qos is None else qos,
                                   self.config.write_retain if retain is None else retain)  # fmt: skip
        self.traffic.packets_sent += 1
        self.traffic.bytes_sent += len(topic.encode()) + len(payload)
        self.journal.debug(f'published {len(payload)} bytes to {topic}')
        await self._accepted(link, info, name)

    def _topic_to_write(self, name: str) -> str:
        if mapped := self.config.write_topics.get(name):
            return mapped
        point = self.source.points.get(name)
        if point is not None and not point.writable:
            raise WriteRefused('{point} is part of a JSON message: it is read-only unless write_topics names the '
                               'topic that sets it.', 403, point=name)  # fmt: skip
        if problem := topic_problem(name):
            raise WriteRefused('{point} is no topic to write to: {why}.', point=name[:100], why=problem)
        return name

    async def _accepted(self, link: MqttLink, info: MQTTMessageInfo, name: str) -> None:
        if info.rc != 0:
            raise WriteRefused('{name} is not connected.', 409, name=self.name)
        if info.is_published() and info.mid not in self._writes:
            return
        waiting = self._writes[info.mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(WRITE_LIMIT):
                reason = await waiting
        except TimeoutError as error:
            self.traffic.errors += 1
            link.client.give_up(info.mid)
            raise WriteRefused('{name} did not acknowledge {point} in time.', 504, name=self.name,
                               point=name) from error
        finally:
            self._writes.pop(info.mid, None)
        if reason.is_failure:
            self.traffic.errors += 1
            raise WriteRefused('{name} refused {point}: {why}.', 403, name=self.name, point=name,
                               why=str(reason).lower())

    def _on_round_trip(self, ms: float) -> None:
        self.traffic.round_trips.note(ms)
        self.journal.debug(f'ping answered in {ms:.1f} ms')

    def _on_published(self, mid: int, reason: ReasonCode) -> None:
        waiting = self._writes.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(reason)

    # browsing

    async def browse(self, prefix: str) -> list[Browsed]:
        """The next level of the topics seen so far."""
        return next_level(self.source.points, prefix)


def make_tls_context(config: MqttConfig) -> ssl.SSLContext:
    """Reads the files, so it belongs in a thread; raises ConnectionFailure naming the file that is wrong."""
    context = ssl.create_default_context()
    file = config.ca_file
    try:
        if config.ca_file:
            context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file:
            file = ', '.join(name for name in (config.cert_file, config.key_file) if name)
            context.load_cert_chain(config.cert_file, config.key_file or None, password=lambda: '')
    except OSError as error:  # ssl.SSLError is one
        raise ConnectionFailure('tls_failed', 'The certificate file {file} cannot be used: {why}.',
                                'Check the path, and that it is a PEM file without a pass phrase that this program '
                                'may read.', retriable=False,
                                file=file, why=error.strerror or error) from error  # fmt: skip
    if config.tls_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


