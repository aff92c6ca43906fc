"""The cells behind the demo's battery, the sun that charges them, and the switches that protect them.

Lithium iron phosphate, cells in series. A cell's voltage is what it shows at rest plus what its inner resistance adds
at the present current. A day takes as long as for the demo's house, so that hours pass while somebody watches.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

from edgeos.demo.weather import DAY, Weather

HOURS_PER_SECOND = 24 / DAY
STEP = 0.5  # s; longer waits are lived through in such steps
MOST_STEPS = 4_000  # nearly three of the battery's days; whoever was away longer sees no difference

REST = ((0.0, 2.50), (0.02, 2.85), (0.05, 3.05), (0.10, 3.19), (0.20, 3.24), (0.40, 3.285), (0.70, 3.325),
        (0.90, 3.345), (0.97, 3.38), (0.99, 3.44), (1.0, 3.53), (1.01, 3.75))  # fmt: skip
OVER, OVER_RELEASED = 3.65, 3.48  # V of the highest cell
UNDER, UNDER_RELEASED = 2.60, 3.05  # V of the lowest cell
PACK_OVER, PACK_UNDER = 3.62, 2.65  # V for each cell, on average
CHARGER_LIMIT = 3.52  # V for each cell, on average, up to which the sun may charge
CHARGER_SOFTNESS = 0.08  # Ω: how soon the charger gives less before that
BALANCE_FROM, BALANCE_SPREAD = 3.40, 0.010  # V
BLEED = 0.10  # A that balancing takes out of a cell

# bits of the protection status, as in register 3
CELL_OVER, CELL_UNDER, PACK_OVER_BIT, PACK_UNDER_BIT, LOCKED = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 12


@dataclass
class Cell:
    """`charge` and `capacity` in Ah, `resistance` in Ω, `leak` in A."""

    charge: float
    capacity: float
    resistance: float
    leak: float

    def voltage(self, current: float) -> float:
        """In V while so many A flow into it."""
        return at_rest(self.charge / self.capacity) + current * self.resistance

    def take(self, hours: float) -> None:
        """That many Ah flow in; what it cannot hold becomes heat."""
        self.charge = min(1.01 * self.capacity, max(-0.05 * self.capacity, self.charge + hours))


def at_rest(share: float) -> float:
    """The voltage of a cell that is charged to that share, long after the last current."""
    if share <= REST[0][0]:
        return max(0.0, REST[0][1] + share * 20)
    for (low, low_volts), (high, high_volts) in pairwise(REST):
        if share <= high:
            return low_volts + (high_volts - low_volts) * (share - low) / (high - low)
    return REST[-1][1]


class Pack:
    """Advance it by steps; `sun` and `load` (A) replace the weather and the house where a test wants to know.

    `charge_wanted` and `discharge_wanted` are what the owner has switched; `current` is positive while it charges.
    """

    def __init__(self, cells: int = 8, capacity: float = 100.0, share: float = 0.55, hour: float = 9.0) -> None:
        self.capacity = capacity
        self.cells = [_make_cell(number, capacity, share) for number in range(cells)]
        self.hour = hour
        self.sun: float | None = None
        self.load: float | None = None
        self.current = 0.0
        self.protection = 0
        self.charge_wanted = self.discharge_wanted = True
        self.balancing: list[bool] = [False] * cells
        self.cell_heat = self.switch_heat = 21.0  # °C
        self._discharged = 42.4 * capacity  # Ah over its whole life

    @property
    def charge_on(self) -> bool:
        """Whether the charge MOSFET conducts."""
        return self.charge_wanted and not self.protection & (CELL_OVER | PACK_OVER_BIT)

    @property
    def discharge_on(self) -> bool:
        return self.discharge_wanted and not self.protection & (CELL_UNDER | PACK_UNDER_BIT)

    @property
    def share(self) -> float:
        """The state of charge from 0 to 1: the emptiest cell ends the discharge."""
        return min(1.0, max(0.0, min(cell.charge / cell.capacity for cell in self.cells)))

    @property
    def remaining(self) -> float:
        """What can still be taken out, in Ah."""
        return self.share * self.capacity

    @property
    def cycles(self) -> int:
        """Full cycles: each counts once its capacity has been taken out, in however many pieces."""
        return int(self._discharged / self.capacity)

    @property
    def voltages(self) -> list[float]:
        """Of each cell, in V."""
        return [cell.voltage(self.current) for cell in self.cells]

    def advance(self, seconds: float) -> None:
        """Live for so long."""
        steps = min(MOST_STEPS, math.ceil(seconds / STEP))
        for _ in range(steps):
            self._step(seconds / steps if steps < MOST_STEPS else STEP)

    def _step(self, seconds: float) -> None:
        hours = seconds * HOURS_PER_SECOND
        self.hour = (self.hour + hours) % 24
        self.current = self._allowed(self._offered())
        for cell, bleeds in zip(self.cells, self.balancing, strict=True):
            taken = cell.leak + (BLEED if bleeds else 0.0)
            cell.take((self.current - taken) * hours)
        self._discharged += max(0.0, -self.current) * hours
        self._warm(seconds)
        self._protect()
        self._balance()

    def _offered(self) -> float:
        """What would flow if nothing were switched off: the sun less the house, and less near the charger's limit."""
        sun = self.sun if self.sun is not None else self._sunshine()
        load = self.load if self.load is not None else self._consumption()
        if sun - load <= 0:
            return sun - load
        left = CHARGER_LIMIT * len(self.cells) - sum(cell.voltage(0.0) for cell in self.cells)
        return max(0.0, min(sun - load, left / CHARGER_SOFTNESS))

    def _sunshine(self) -> float:
        """In A: a bell over the day with the shadows of clouds."""
        clouds = 0.12 * (1 + math.sin(2.9 * self.hour)) + 0.06 * (1 + math.sin(13.7 * self.hour))
        return 34.0 * Weather.clear_sun(self.hour) * (1 - clouds)

    def _consumption(self) -> float:
        """In A: something always runs, a pump now and then, and the house is at home in the evening."""
        evening = 11.0 * math.exp(-(((self.hour - 20.0) / 2.0) ** 2))
        pump = 14.0 if self.hour % 1.6 < 0.25 else 0.0
        return 3.2 + evening + pump + 0.9 * math.sin(7.1 * self.hour) + 0.5 * math.sin(23.3 * self.hour)

    def _allowed(self, current: float) -> float:
        if (current > 0 and not self.charge_on) or (current < 0 and not self.discharge_on):
            return 0.0
        return current

    def _protect(self) -> None:
        volts = self.voltages
        average = sum(volts) / len(volts)
        self._flag(CELL_OVER, max(volts) >= OVER, max(volts) < OVER_RELEASED)
        self._flag(CELL_UNDER, min(volts) <= UNDER, min(volts) > UNDER_RELEASED)
        self._flag(PACK_OVER_BIT, average >= PACK_OVER, average < OVER_RELEASED)
        self._flag(PACK_UNDER_BIT, average <= PACK_UNDER, average > UNDER_RELEASED)
        owner_wants_all = self.charge_wanted and self.discharge_wanted
        self._flag(LOCKED, not owner_wants_all, owner_wants_all)
        self.current = self._allowed(self.current)

    def _flag(self, bit: int, begins: bool, ends: bool) -> None:
        if begins:
            self.protection |= bit
        elif ends:
            self.protection &= ~bit

    def _balance(self) -> None:
        volts = self.voltages
        low = min(volts)
        self.balancing = [volt > BALANCE_FROM and volt > low + BALANCE_SPREAD for volt in volts]

    def _warm(self, seconds: float) -> None:
        """Both follow the square of the current, the MOSFETs sooner and further."""
        room = 20 + 3 * Weather.clear_sun(self.hour)
        self.cell_heat += (room + 0.010 * self.current**2 - self.cell_heat) * min(1.0, seconds / 45)
        self.switch_heat += (room + 1 + 0.026 * self.current**2 - self.switch_heat) * min(1.0, seconds / 15)

    def apply_switches(self, *, charge: bool, discharge: bool) -> None:
        """The owner switches the MOSFETs; the current follows at once."""
        self.charge_wanted, self.discharge_wanted = charge, discharge
        self._protect()


def _make_cell(number: int, capacity: float, share: float) -> Cell:
    return Cell(
        charge=share * capacity * (1 + 0.009 * _scatter(number)),
        capacity=capacity * (1 + 0.006 * _scatter(number + 5)),
        resistance=0.0016 + 0.0008 * _scatter(number + 2),
        leak=0.016 + 0.014 * _scatter(number),
    )


def _scatter(number: int) -> float:
    """Between -1 and 1, the same for the same number: no two cells are alike."""
    return math.sin(2.399 * number + 0.8)
