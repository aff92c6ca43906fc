"""Loopback ports for the demo, from below the range that systems hand out for outgoing connections.

From inside that range a client that tries again and again could get the very port it calls, and talk to itself.
"""

import random
import socket
import sys

HOST = '127.0.0.1'
RANGE = range(20_000, 30_000)


def held_port() -> socket.socket:
    """A socket that holds a free port and does not listen: connecting to it is refused until it is closed."""
    for port in random.sample(RANGE, 200):
        holder = socket.socket()
        try:
            holder.bind((HOST, port))
        except OSError:
            holder.close()
        else:
            return holder
    raise OSError(f'no free port on {HOST} between {RANGE.start} and {RANGE.stop}')


def free_port() -> int:
    """A port that nobody uses now."""
    with held_port() as holder:
        return int(holder.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether somebody else has it; connections of the past that have not quite ended do not count."""
    with socket.socket() as probe:
        if sys.platform != 'win32':  # there it would mean sharing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False
