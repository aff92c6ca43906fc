"""From where these pages can be opened: what the program really listens on, not what a setting says."""
import asyncio
from dataclasses import dataclass
from ipaddress import ip_address

import psutil
from starlette.requests import Request

from edgeos.settings import is_loopback


@dataclass(frozen=True, slots=True)
class Reach:
    """Addresses to type into a browser, the most useful first."""

    addresses: list[str]
    is_open: bool  # to other devices


async def reach_of(request: Request | None) -> Reach:
    """Where the server behind this request listens."""
    server = request.scope.get('server') if request is not None else None
    host, port = server or ('127.0.0.1', 80)
    bound = await asyncio.to_thread(bound_to, port)
    return describe(bound or [host], port, await asyncio.to_thread(_own_addresses))


def describe(bound: list[str], port: int, own: list[str]) -> Reach:
    """`bound` are the addresses listened on (also 0.0.0.0 and ::), `own` those of this machine."""
    outside = [address for address in bound if not is_loopback(address)]
    if any(ip_address(address).is_unspecified for address in outside):
        reachable = [address for address in own if not is_loopback(address)] or ['127.0.0.1']
    else:
        reachable = outside or bound
    return Reach([f'http://[{each}]:{port}' if ':' in each else f'http://{each}:{port}' for each in reachable],
                 bool(outside))  # fmt: skip


def bound_to(port: int) -> list[str]:
    """The addresses this program accepts connections on; empty when the system does not tell."""
    try:
        sockets = psutil.Process().net_connections('tcp')
    except psutil.Error:
        return []
    return sorted({each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN and each.laddr.port == port})


def _own_addresses() -> list[str]:
    """IPv4 first: shorter to type, and without the zone that link-local IPv6 needs."""
    found = [address.address for addresses in psutil.net_if_addrs().values() for address in addresses
             if address.family.name == 'AF_INET']  # fmt: skip
    return sorted(set(found))
