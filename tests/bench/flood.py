"""Publishes over a raw socket: python -m tests.bench.flood PORT COUNT RATE TOPICS (RATE 0: as fast as it can)."""
import sys
import time

from tests.publisher import Publisher, publish_packet

BATCH = 50


def message(number: int, topics: int) -> bytes:
    """64 bytes of JSON with three leaves, on one of the topics."""
    payload = b'{"value":%d.25,"state":"on","count":%d' % (number % 97, number)
    return publish_packet(b'bench/%03d' % (number % topics), payload + b' ' * (63 - len(payload)) + b'}')


def main() -> None:
    port, count, rate, topics = map(int, sys.argv[1:5])
    packets = [message(number, topics) for number in range(1000)]
    began = time.monotonic()
    with Publisher(port) as publisher:
        batch = BATCH if rate == 0 else max(1, rate // 200)
        sent = 0
        while sent < count:
            take = min(batch, count - sent)
            publisher.send_packets(b''.join(packets[(sent + n) % 1000] for n in range(take)))
            sent += take
            if rate:
                ahead = began + sent / rate - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
        time.sleep(0.2)


if __name__ == '__main__':
    main()
