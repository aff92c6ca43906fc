"""From MQTT messages to points: counted one by one, decoded when due, published in slices that keep the loop free.

While the source is under its rate, every message is decoded and published at once. Above it, only the newest payload of
each topic is kept and decoded ten times a second: what was skipped is counted, never silent.
"""
import asyncio
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from paho.mqtt.client import Client, MQTTMessage

from edgeos.connections.journal import Journal
from edgeos.connections.payload import decode, leaves
from edgeos.connections.traffic import Traffic
from edgeos.gateway import FLUSH_SECONDS, Gateway, Point, Source

SLICE_SECONDS = 0.002
LAST_SECONDS = 0.02  # for what is still waiting when the link closes
CHECK_EVERY = 32  # points between two looks at the clock
REPORTED_CLASHES = 100


class Intake:
    """Takes the messages of one broker and publishes their values."""

    def __init__(self, gateway: Gateway, source: Source, traffic: Traffic, journal: Journal,
                 writable: frozenset[str]) -> None:  # fmt: skip
        self._gateway = gateway
        self._source = source
        self._traffic = traffic
        self._journal = journal
        self._writable = writable
        self._work: deque[tuple[str, bytes]] = deque()
        self._newest: dict[str, bytes] = {}
        self._coalescing = False
        self._kept_back = 0  # messages taken since the last flush ended
        self._waiting = 0  # messages that waited when it ended
        self._decoded = 0  # messages of this flush
        self._per_message = 1.0  # points, as last measured
        self._current: Iterator[tuple[str, Any]] | None = None
        self._topic = ''
        self._now = 0.0
        self._quality = 'good'
        self._declared = ''
        self._published = 0
        self._timer: asyncio.Handle | None = None
        self.clashes: set[str] = set()
        self._told_full = False
        self._verbose = False

    def take(self, raw_topic: bytes | bytearray, payload: bytes) -> None:
        """One message. Must not raise: the same packet would be handed over for ever."""
        traffic = self._traffic
        traffic.packets_received += 1
        traffic.bytes_received += len(payload) + len(raw_topic)
        try:
            topic = raw_topic.decode()
        except UnicodeDecodeError:
            traffic.errors += 1
            self._journal.warning('a message came on a topic that is not UTF-8')
            return
        if self._coalescing:
            self._kept_back += 1
            self._newest[topic] = payload
        else:
            self._work.append((topic, payload))

    def on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        """paho's own callback, for QoS 2."""
        self.take(message._topic, bytes(message.payload))

    def wake(self) -> None:
        """After a read: publish what came, or see to it that it will be."""
        if self._timer is None:
            if self._coalescing:
                self._schedule(FLUSH_SECONDS)
            elif self._work:
                self._pump()

    def stop(self) -> None:
        """The link is closed: publish the newest that is known, count what is left out, and be calm."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._coalescing:
            self._work.extend(self._newest.items())
            self._newest.clear()
        stop = time.monotonic() + LAST_SECONDS
        while (self._current is not None or self._work) and time.monotonic() < stop:
            if self._current is None:
                self._begin(*self._work.popleft())
            self._publish_until(stop)
        self._source.thinned_updates += round(len(self._work) * self._per_message)
        self._source.thinned_since = None
        self._work.clear()
        self._current = None
        self._coalescing = False

    def _schedule(self, delay: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay, self._again) if delay else loop.call_soon(self._again)

    def _again(self) -> None:
        self._timer = None
        if self._coalescing and not self._work and self._current is None:
            self._work.extend(self._newest.items())
            self._newest.clear()
        self._pump()

    def _pump(self) -> None:
        """Publish for one slice; go on later, or settle when all is published."""
        stop = time.monotonic() + SLICE_SECONDS
        self._now = time.time()
        self._verbose = self._journal.level == 'debug'
        while self._current is not None or self._work:
            if self._current is None:
                self._begin(*self._work.popleft())
            if not self._publish_until(stop):
                self._schedule(0)
                return
            if not self._coalescing and self._source.thinned_since is not None:
                self._coalesce()
            if time.monotonic() > stop and self._work:
                self._schedule(0)
                return
        if self._coalescing:
            self._settle()

    def _begin(self, topic: str, payload: bytes) -> None:
        self._decoded += 1
        value, self._declared, error = decode(payload)
        self._topic = topic
        self._quality = 'good'
        if self._verbose:
            self._journal.debug(f'{topic}: {len(payload)} bytes')
        if error:
            self._traffic.errors += 1
            self._quality = 'bad'
            self._journal.warning(f'{topic}: malformed JSON: {error}')
        self._current = leaves(topic, value)

    def _publish_until(self, stop: float) -> bool:
        """Publish the leaves of the present message; answers whether all went out before `stop`."""
        count = 0
        assert self._current is not None
        for name, value in self._current:
            self._publish(name, value)
            count += 1
            if count % CHECK_EVERY == 0 and time.monotonic() > stop:
                self._count(count)
                return False
        self._current = None
        self._count(count)
        return True

    def _count(self, updates: int) -> None:
        if self._coalescing:
            self._published += updates
        else:
            self._gateway.count(self._source, updates)

    def _publish(self, name: str, value: Any) -> None:
        point = self._source.points.get(name)
        if point is None:
            point = self._make(name)
        elif point.origin != self._topic and not self._may_take(point):
            return
        if point is not None:
            if point.declared_type != self._declared:
                point.declared_type = self._declared
            self._gateway.deliver(point, value, self._now, self._quality)

    def _make(self, name: str) -> Point | None:
        writable = name == self._topic or name in self._writable
        point = self._gateway.point(self._source, name, writable=writable)
        if point is not None:
            point.origin = self._topic
        elif not self._told_full:
            self._told_full = True
            self._journal.warning(f'more than {self._source.max_points} values: further ones are counted, not kept')
        return point

    def _may_take(self, point: Point) -> bool:
        """Two topics give one name: the topic of that name keeps it, else the first; the other is reported."""
        takes = self._topic == point.name
        if point.name not in self.clashes and len(self.clashes) < REPORTED_CLASHES:
            self.clashes.add(point.name)
            loser = point.origin if takes else self._topic
            self._journal.warning(f'{point.name}: is also a key in the JSON of {loser}; that key is not shown')
        if takes:
            point.origin = self._topic
            point.writable = True
        return takes

    def _coalesce(self) -> None:
        """The source is above its rate: from here on keep only the newest payload of each topic."""
        self._coalescing = True
        self._published = self._decoded = 0
        self._kept_back = len(self._work)
        self._waiting = 0
        self._newest.update(self._work)
        self._work.clear()
        self._journal.info('too many updates: each value is shown at most 10 times a second')

    def _settle(self) -> None:
        """A flush is complete: count the updates it stood for, and end the thinning when the source is calm."""
        source = self._source
        if self._decoded:
            self._per_message = self._published / self._decoded
        per_message = self._per_message
        skipped = self._waiting + self._kept_back - self._decoded - len(self._newest)
        source.thinned_updates += round(skipped * per_message)
        self._gateway.count(source, round(self._kept_back * per_message))
        self._kept_back = self._published = self._decoded = 0
        self._waiting = len(self._newest)
        if self._gateway.calm_down(source):
            self._schedule(FLUSH_SECONDS)
            return
        self._coalescing = False
        self._journal.info('updates are back under the limit: every one is shown again')
        self._work.extend(self._newest.items())
        self._newest.clear()
        if self._work:
            self._schedule(0)
