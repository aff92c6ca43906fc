"""A bare MQTT 3.1.1 publisher on a socket: fast, and able to send what a library would refuse."""
import socket
import struct


def publish_packet(topic: bytes, payload: bytes, *, retain: bool = False) -> bytes:
    """A QoS 0 PUBLISH."""
    body = struct.pack('!H', len(topic)) + topic + payload
    length, size = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        size.append(digit | 0x80 if length else digit)
        if not length:
            break
    return bytes([0x31 if retain else 0x30]) + bytes(size) + body


class Publisher:
    """Connected on entering; `send` blocks until the kernel has taken everything."""

    def __init__(self, port: int, client_id: bytes = b'') -> None:
        self._port = port
        self._client_id = client_id
        self._sock: socket.socket | None = None

    def __enter__(self) -> 'Publisher':
        self._sock = socket.create_connection(('127.0.0.1', self._port), 5)
        body = b'\0\4MQTT\4\2\0\0' + struct.pack('!H', len(self._client_id)) + self._client_id
        self._sock.sendall(bytes([0x10, len(body)]) + body)
        answer = self._sock.recv(4)
        assert answer == b'\x20\x02\0\0', answer
        return self

    def __exit__(self, *_: object) -> None:
        assert self._sock is not None
        self._sock.close()

    def send(self, topic: str | bytes, payload: str | bytes, *, retain: bool = False) -> None:
        topic = topic.encode() if isinstance(topic, str) else topic
        payload = payload.encode() if isinstance(payload, str) else payload
        self.send_packets(publish_packet(topic, payload, retain=retain))

    def send_packets(self, packets: bytes) -> None:
        assert self._sock is not None
        self._sock.sendall(packets)
