"""paho, made lean: what it does for every message is most of what receiving costs."""
from collections.abc import Callable

from paho.mqtt.client import Client, mqtt_ms_queued
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

REFUSED = 0x80  # and above: what a reason code says of a failure

Take = Callable[[bytes | bytearray, bytes], None]


class LeanClient(Client):
    """A paho client that tells when a ping was answered, and takes messages without paho's wrapping of each.

    Both override what paho 2.2 keeps private. Its own handling of a PUBLISH builds the table of all MQTT 5 properties
    for every message and takes four locks; that is two thirds of the cost of receiving. QoS 2 is left to paho.
    """

    on_pong: Callable[[], None] | None = None
    take: Take | None = None

    def _handle_publish(self) -> MQTTErrorCode:
        command = self._in_packet['command']
        qos = command >> 1 & 3
        if self.take is None or qos > 1:
            return super()._handle_publish()
        packet = self._in_packet['packet']
        end = 2 + (packet[0] << 8 | packet[1])
        topic, mid = packet[2:end], 0
        if qos:
            mid = packet[end] << 8 | packet[end + 1]
            end += 2
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            end = after_properties(packet, end)
        if end > len(packet) or not topic:
            raise ValueError('a message that is shorter than it says')
        self.take(topic, bytes(packet[end:]))
        return self._send_puback(mid) if qos else MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pingresp(self) -> MQTTErrorCode:
        if self.on_pong is not None:
            self.on_pong()
        return super()._handle_pingresp()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """One packet; paho would read as many as there are unacknowledged messages."""
        if self._sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        found = self._packet_read()
        return self._loop_rc_handle(found) if found > 0 else MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubrec(self) -> MQTTErrorCode:
        """A QoS 2 message may be refused at the first of its two answers, which paho does not look at."""
        packet = self._in_packet['packet']
        if len(packet) < 3 or packet[2] < REFUSED or (mid := packet[0] << 8 | packet[1]) not in self._out_messages:
            return super()._handle_pubrec()
        reason = ReasonCode(PacketTypes.PUBREC, identifier=packet[2])
        return self._do_on_publish(mid, reason, Properties(PacketTypes.PUBREC))  # type: ignore[no-untyped-call]

    def give_up(self, mid: int) -> None:
        """Never send a message, or send it again, that the caller was told has failed."""
        with self._out_message_mutex:
            message = self._out_messages.pop(mid, None)
            if message is not None and message.state != mqtt_ms_queued:
                self._inflight_messages -= 1

    @property
    def last_bytes_at(self) -> float:
        """Monotonic time at which anything came."""
        return self._last_bytes_received

    def ping(self) -> None:
        """Send PINGREQ now."""
        self._send_pingreq()


def after_properties(packet: bytes | bytearray, at: int) -> int:
    """Where an MQTT 5 packet goes on behind its properties: their length is a number of 7 bits a byte, low first."""
    length = shift = 0
    while True:
        if shift > 21:
            raise ValueError('a length of more than four bytes')
        digit = packet[at]
        at += 1
        length |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            return at + length


def new_client(protocol: str, client_id: str) -> LeanClient:
    """A paho client of the wanted protocol version ('5' or '3.1.1')."""
    if protocol == '5':
        return LeanClient(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5,
                          reconnect_on_failure=False)  # fmt: skip
    return LeanClient(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv311,
                      clean_session=True, reconnect_on_failure=False)  # fmt: skip
