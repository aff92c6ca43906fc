"""What connections are given, and what they tell of a device's tree."""
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeos.bluetooth.radios import Radios
from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.connections.history import HistoryStore
from edgeos.connections.plc_workers import PlcWorkers
from edgeos.gateway import Gateway
from edgeos.reporting import log_event
from edgeos.secrets import SecretStore


@dataclass(slots=True)
class Services:
    """What every connection needs from the house."""

    gateway: Gateway
    secrets: SecretStore
    history: HistoryStore
    clock: Clock = field(default_factory=lambda: SYSTEM_CLOCK)
    plc_workers: PlcWorkers = field(default_factory=PlcWorkers)
    radios: Radios = field(default_factory=Radios)
    tell: Callable[..., None] = log_event  # the owner, of what happens to a link and is no error


@dataclass(slots=True)
class Browsed:
    """One entry of a device's tree; `children` is how many entries lie directly below it."""

    name: str
    type: str = ''
    unit: str = ''
    comment: str = ''
    writable: bool = False
    children: int = 0
    selectable: bool = False  # the owner can have it read, or all below it
