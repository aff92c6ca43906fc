"""A broker for machines without mosquitto: `python -m edgeos.demo.amqtt_broker --port N --users FILE`.

amqtt's own defaults listen on all addresses and let everybody in, so listener and authentication are always given.
It speaks MQTT 3.1.1 only.
"""

import argparse
import asyncio
import logging
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from pwdlib.hashers.argon2 import Argon2Hasher

from edgeos.demo.broker import PASSWORD, USER
from edgeos.demo.parent import listen_to_parent
from edgeos.demo.ports import HOST


def configuration(port: int, users: Path, let_strangers_in: bool) -> dict[str, Any]:
    """Every plugin by name, so that no default one is loaded."""
    return {
        'listeners': {'default': {'type': 'tcp', 'bind': f'{HOST}:{port}'}},
        'plugins': {
            'amqtt.plugins.authentication.AnonymousAuthPlugin': {'allow_anonymous': let_strangers_in},
            'amqtt.plugins.authentication.FileAuthPlugin': {'password_file': str(users)},
        },
    }


async def serve(port: int, users: Path, let_strangers_in: bool) -> None:
    """Serve until the parent is gone."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    listen_to_parent(lambda line: None, lambda: loop.call_soon_threadsafe(ended.set))
    hasher = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)  # a known password needs no strong hash
    await asyncio.to_thread(users.write_text, f'{USER}:{hasher.hash(PASSWORD)}\n')
    await Broker(configuration(port, users, let_strangers_in)).start()
    await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--users', type=Path, required=True)
    parser.add_argument('--refuse-strangers', action='store_true')
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format='%(message)s')
    asyncio.run(serve(options.port, options.users, not options.refuse_strangers))


if __name__ == '__main__':
    main()
