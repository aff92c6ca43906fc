"""Plugins speak with the app through what they were granted, and not as if they were its owner.

A plugin that may open connections could reach the API and the pages of this very program, where everything is allowed.
So who is at the other end of a connection from this machine is looked up in the kernel's table of sockets.
"""
import asyncio
import os
import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

import psutil
from starlette.types import ASGIApp, Receive, Scope, Send

from edgeos.plugins.isolation import FIRST_UID, LAST_UID, is_root
from edgeos.plugins.manager import PluginManager
from edgeos.reporting import log_event
from edgeos.web.security import refuse

SOCK_DIAG, BY_FAMILY, REQUEST = 4, 20, 1  # linux/netlink.h, linux/sock_diag.h
ALL_STATES, NO_COOKIE = 0xFFFFFFFF, 0xFFFFFFFF
KERNEL_LIMIT = 0.2  # s


class Peer(NamedTuple):
    """The socket at the other end, as far as it is on this machine."""

    uid: int
    inode: int


class PluginGuard:
    """Refuses requests and sockets that come from a plugin. Linux only: elsewhere nobody can be told apart."""

    def __init__(self, app: ASGIApp, plugins: PluginManager) -> None:
        self._app = app
        self._plugins = plugins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope['type'] in ('http', 'websocket') and sys.platform == 'linux' and self._plugins.may_run
        if is_asked and await _is_plugin(scope, self._plugins.pids):
            return await refuse(scope, receive, send, 403, 'Plugins read and write through their SDK.')
        return await self._app(scope, receive, send)


async def _is_plugin(scope: Scope, pids: Iterable[int]) -> bool:
    client, server = scope.get('client'), scope.get('server')
    try:
        peer = peer_of(client, server) if client and server else None
    except OSError as error:
        log_event('warning', 'plugins', 'It cannot be told whether requests come from plugins, so they are let in.',
                  why=str(error))  # fmt: skip
        return False
    if peer is None:
        return False
    if is_root():
        return FIRST_UID <= peer.uid <= LAST_UID
    return peer.uid == os.geteuid() and await asyncio.to_thread(_holds, pids, peer.inode)


def peer_of(client: tuple[str, int], server: tuple[str, int]) -> Peer | None:
    """Who has the socket at `client` that talks with `server`, if it is on this machine; some 50 µs.

    Asks the kernel for this one connection (sock_diag(7)): reading /proc/net/tcp takes it 5 ms. Raises OSError where
    the kernel does not answer such questions.
    """
    (own, family), (other, _family) = _packed(client[0]), _packed(server[0])
    request = struct.pack('=BBBxI', family, socket.IPPROTO_TCP, 0, ALL_STATES) + struct.pack(
        '>HH16s16sIII', client[1], server[1], own, other, 0, NO_COOKIE, NO_COOKIE)  # fmt: skip
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.settimeout(KERNEL_LIMIT)
        kernel.send(struct.pack('=IHHII', 16 + len(request), BY_FAMILY, REQUEST, 1, 0) + request)
        answer = kernel.recv(4096)
    if struct.unpack_from('=H', answer, 4) != (BY_FAMILY,):  # an error: it is not here
        return None
    uid, inode = struct.unpack_from('=II', answer, 16 + 64)
    return Peer(uid, inode)


def _packed(host: str) -> tuple[bytes, int]:
    host = host.partition('%')[0].removeprefix('::ffff:')
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    return socket.inet_pton(family, host), family


def _holds(pids: Iterable[int], inode: int) -> bool:
    """Whether one of these processes, or what they started, has the socket. Blocks some ms."""
    wanted = f'socket:[{inode}]'
    for pid in pids:
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                with suppress(OSError):
                    folder = f'/proc/{process.pid}/fd'
                    for name in os.listdir(folder):
                        with suppress(OSError):
                            if os.readlink(f'{folder}/{name}') == wanted:
                                return True
    return False
