"""The weather around the demo house: what its sensors see and its devices live in. A day takes twelve minutes."""

import math
from random import Random

DAY = 720.0  # s of real time for 24 hours
SUNRISE, SUNSET = 6.0, 20.0


class Drift:
    """A value that wanders around its usual level: pulled back within `pull` seconds, pushed by chance."""

    def __init__(self, random: Random, usual: float, spread: float, pull: float, low: float, high: float) -> None:
        self._random = random
        self._usual = usual
        self._spread = spread
        self._pull = pull
        self._low, self._high = low, high
        self.value = usual

    def advance(self, dt: float) -> None:
        push = self._spread * math.sqrt(2 * dt / self._pull) * self._random.gauss(0, 1)
        moved = self.value + (self._usual - self.value) * dt / self._pull + push
        self.value = min(self._high, max(self._low, moved))


class Weather:
    """Starts on a morning in spring; `hour` is 0 to 24, `clouds` 0 to 1, temperatures in °C, wind in m/s."""

    def __init__(self, random: Random) -> None:
        self.hour = 9.0
        self._clouds = Drift(random, 0.4, 0.3, pull=40, low=0, high=1)
        self._wind = Drift(random, 4.5, 2.5, pull=15, low=0, high=25)
        self._pressure = Drift(random, 1013, 5, pull=120, low=980, high=1040)
        self._warmth = Drift(random, 0, 1.5, pull=90, low=-5, high=5)

    def advance(self, dt: float) -> None:
        self.hour = (self.hour + dt * 24 / DAY) % 24
        for drift in (self._clouds, self._wind, self._pressure, self._warmth):
            drift.advance(dt)

    @property
    def clouds(self) -> float:
        return self._clouds.value

    @property
    def wind(self) -> float:
        return self._wind.value

    @property
    def pressure(self) -> float:
        """Air pressure in hPa."""
        return self._pressure.value

    @property
    def sun(self) -> float:
        """What arrives through the clouds, 0 to 1: a bell over the day."""
        return self.clear_sun(self.hour) * (1 - 0.8 * self.clouds)

    @property
    def temperature(self) -> float:
        return self.temperature_at(self.hour) + self._warmth.value - 2 * self.clouds

    @property
    def humidity(self) -> float:
        """Relative humidity in %."""
        return min(100.0, max(20.0, 75 - 2 * (self.temperature - 8) + 25 * (self.clouds - 0.4)))

    @property
    def rain(self) -> float:
        """Rain in mm/h."""
        return max(0.0, (self.clouds - 0.8) * 20)

    @property
    def words(self) -> str:
        if self.rain:
            return 'Regen'
        if self.wind > 12:
            return 'stürmisch'
        if self.clouds > 0.6:
            return 'bewölkt'
        if self.clouds > 0.25:
            return 'leicht bewölkt'
        return 'sonnig' if self.sun else 'klar'

    @staticmethod
    def clear_sun(hour: float) -> float:
        day = (hour - SUNRISE) / (SUNSET - SUNRISE)
        return math.sin(math.pi * day) ** 1.5 if 0 < day < 1 else 0.0

    @staticmethod
    def temperature_at(hour: float) -> float:
        """Warmest in the early afternoon."""
        return 8 + 6 * math.cos((hour - 14.5) / 24 * 2 * math.pi)
