"""The demo house on the network: `python -m edgeos.demo.house --port N` connects it to the demo broker.

Faults are switched by JSON lines on stdin: `{"flood": true}`, `{"silent": true}`, `{"wrong_data": true}`.
"""

import argparse
import json
import logging
import queue
import socket
import threading
import time

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgeos.demo.broker import PASSWORD, USER
from edgeos.demo.device import Message
from edgeos.demo.living import House
from edgeos.demo.parent import listen_to_parent

TICK = 0.1  # s
FLOOD_RATE = 3_000  # messages a second
FLOOD_LIMIT = 60.0  # s after which a flood ends by itself
KEEPALIVE = 5  # s
SEND_BUFFER = 65_536  # bytes

log = logging.getLogger('house')


class HouseLink:
    """Carries messages and commands between a house and the broker; paho's thread reconnects every second."""

    def __init__(self, house: House, host: str, port: int) -> None:
        self._house = house
        self._faults = {'flood': False, 'silent': False, 'wrong_data': False}
        self._flood_ends = 0.0
        self._tell_all = threading.Event()
        self._ended = threading.Event()
        self._inbox: queue.Queue[MQTTMessage | str] = queue.Queue(maxsize=1_000)
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f'demo-house-{port}', protocol=MQTTv311)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_socket_open = lambda client, userdata, sock: _keep_little(sock)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = lambda client, userdata, message: self._put(message)
        self._client.connect_async(host, port, keepalive=KEEPALIVE)

    def run(self) -> None:
        """Live until the parent is gone."""
        listen_to_parent(self._put, self._ended.set)
        self._client.loop_start()
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = max(due + TICK, time.monotonic() - 1)  # after a pause (a laptop asleep) time is not made up for
            self._obey()
            self._say(self._house.step(TICK))
        self._client.disconnect()

    def _on_connect(
        self, client: Client, userdata: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning('not let in: %s', reason)
            return
        client.subscribe([(topic, 0) for topic in self._house.command_topics])
        self._tell_all.set()
        log.info('connected')

    def _on_disconnect(
        self,
        client: Client,
        userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        log.info('disconnected: %s', reason)

    def _put(self, entry: MQTTMessage | str) -> None:
        try:
            self._inbox.put_nowait(entry)
        except queue.Full:
            pass  # more commands than a house can obey

    def _obey(self) -> None:
        while not self._inbox.empty():
            entry = self._inbox.get_nowait()
            if isinstance(entry, str):
                self._switch_faults(json.loads(entry))
            elif not entry.retain and not self._house.command(entry.topic, bytes(entry.payload)):
                log.info('not understood: %s', entry.topic)

    def _switch_faults(self, wanted: dict[str, bool]) -> None:
        self._faults |= wanted
        self._house.tell_nonsense(self._faults['wrong_data'])
        if wanted.get('flood'):
            self._flood_ends = time.monotonic() + FLOOD_LIMIT

    def _say(self, messages: list[Message]) -> None:
        if self._faults['silent'] or not self._client.is_connected():
            return
        if self._tell_all.is_set():
            self._tell_all.clear()
            messages = self._house.report()
        # What the broker has not taken yet is waited for: a flood must end when it is switched off.
        if self._faults['flood'] and time.monotonic() < self._flood_ends and not self._client.want_write():
            messages = messages + self._house.flood(round(FLOOD_RATE * TICK))
        for message in messages:
            self._client.publish(message.topic, message.payload, qos=0, retain=message.retain)


def _keep_little(sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--seed', type=int, help='the same house again')
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    HouseLink(House(options.seed), options.host, options.port).run()


if __name__ == '__main__':
    main()
