"""What plugins share."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.gateway import Gateway
from edgeos.limits import Limits


@dataclass(frozen=True, slots=True)
class PluginServices:
    """`limits` None: nobody is held, for tests."""

    gateway: Gateway
    limits: Limits | None = None
    clock: Clock = SYSTEM_CLOCK
    rng: Callable[[], float] = field(default=random.random)
