"""A plain MQTT client that keeps what it hears, for tests of the demo."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion


class Listener:
    """Connects in a thread of its own and comes back by itself; without a login unless one is given."""

    def __init__(
        self,
        port: int,
        login: tuple[str, str] | None = None,
        protocol: MQTTProtocolVersion = MQTTv311,
        topics: str = 'house/#',
    ) -> None:
        self.last: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()
        self.retained: set[str] = set()
        self.connects = 0
        self.losses = 0
        self.refusals: list[str] = []
        self.total = 0
        self._heard = threading.Lock()
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self.client.reconnect_delay_set(1, 1)
        if login:
            self.client.username_pw_set(*login)
        self.client.on_connect = lambda client, userdata, flags, reason, properties: self._connected(
            topics, reason.is_failure, str(reason)
        )
        self.client.on_disconnect = lambda *_: self._lost()
        self.client.on_message = lambda client, userdata, message: self._message(message)
        self.client.connect_async('127.0.0.1', port, keepalive=5)

    def __enter__(self) -> Self:
        self.client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    @property
    def is_connected(self) -> bool:
        return self.client.is_connected()

    def send(self, topic: str, payload: str | bytes) -> None:
        self.client.publish(topic, payload)

    @property
    def hears_itself(self) -> bool:
        """Whether what it said came back; says it again each time."""
        self.send('house/echo', 'grün')
        return self.text('house/echo') == 'grün'

    def text(self, topic: str) -> str:
        return self.last.get(topic, b'').decode()

    def rate(self, seconds: float = 1.0) -> float:
        """Messages a second over the next `seconds`; blocks."""
        before, began = self.total, time.monotonic()
        time.sleep(seconds)
        return (self.total - before) / (time.monotonic() - began)

    def _connected(self, topics: str, failed: bool, reason: str) -> None:
        if failed:
            self.refusals.append(reason)
        else:
            self.connects += 1
            self.client.subscribe(topics)

    def _lost(self) -> None:
        self.losses += 1

    def _message(self, message: MQTTMessage) -> None:
        with self._heard:
            self.total += 1
            self.last[message.topic] = bytes(message.payload)
            self.counts[message.topic] += 1
            if message.retain:
                self.retained.add(message.topic)
