"""The devices outside the rooms: energy meter, solar inverter and weather station."""

from random import Random

from edgeos.demo.device import Device, Message, Surroundings, packed, rounded
from edgeos.demo.weather import DAY, Drift, Weather

PEAK = 8_200.0  # W of the roof in full sun
HOURS_PER_SECOND = 24 / DAY  # the house's meters run with its days


class Phase:
    """One of the three wires into the house; energy in kWh, counted when power is drawn."""

    def __init__(self, random: Random, base: float, energy: float) -> None:
        self.power = base
        self.energy = energy
        self._voltage = Drift(random, 231, 1.2, pull=8, low=215, high=245)
        self._base = Drift(random, base, base / 5, pull=10, low=20, high=4_000)

    def advance(self, dt: float, share: float) -> None:
        self._voltage.advance(dt)
        self._base.advance(dt)
        self.power = self._base.value + share
        self.energy += max(0.0, self.power) / 1000 * dt * HOURS_PER_SECOND

    def state(self) -> dict[str, float]:
        voltage = self._voltage.value
        return {
            'power': rounded(self.power),
            'voltage': rounded(voltage),
            'current': rounded(abs(self.power) / voltage, 2),
            'energy_total': rounded(self.energy, 3),
        }


class EnergyMeter(Device):
    """Sees every device of the house and the roof: negative power goes to the grid."""

    topic = 'house/energy'

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._phases = {
            'l1': Phase(random, 210, 4_812.4),
            'l2': Phase(random, 340, 6_120.9),
            'l3': Phase(random, 160, 3_377.1),
        }
        self._kettle = 0.0  # s it still boils

    @property
    def total(self) -> float:
        return sum(phase.power for phase in self._phases.values())

    def live(self, dt: float, around: Surroundings) -> None:
        self._kettle -= dt
        if self._kettle < -40 and self.random.random() < dt / 60:
            self._kettle = self.random.uniform(8, 20)
        solar = -around.production / 3
        shares = {'l1': around.consumption, 'l2': 2_000.0 if self._kettle > 0 else 0.0, 'l3': 0.0}
        for name, phase in self._phases.items():
            phase.advance(dt, shares[name] + solar)

    def report(self) -> list[Message]:
        state = {name: phase.state() for name, phase in self._phases.items()}
        energy = rounded(sum(phase.energy for phase in self._phases.values()), 3)
        return [Message(self.topic, packed({'power': rounded(self.total), 'energy_total': energy, **state}))]


class Solar(Device):
    """The inverter on the roof: a bell over the day with the shadows of clouds."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._today = 3.2
        self._heat = 25.0
        self._voltage = Drift(random, 620, 8, pull=10, low=500, high=700)

    def live(self, dt: float, around: Surroundings) -> None:
        watts = PEAK * around.sun * self.random.uniform(0.985, 1.0)
        self.power = -watts if watts > 30 else 0.0
        self._today = 0.0 if around.hour < 1 else self._today + watts / 1000 * dt * HOURS_PER_SECOND
        self._heat += (around.temperature + 30 * around.sun - self._heat) * dt / 30
        self._voltage.advance(dt)

    def report(self) -> list[Message]:
        volts = self._voltage.value if self.power else 0.0
        state = {
            'power': rounded(-self.power),
            'dc': {'voltage': rounded(volts), 'current': rounded(-self.power / volts, 2) if volts else 0.0},
            'energy_today': rounded(self._today, 3),
            'temperature': rounded(self._heat),
            'state': 'feeding' if self.power else 'sleeping',
        }
        return [Message('house/solar', packed(state))]


class WeatherStation(Device):
    """One plain value per topic, a text with umlauts, and the forecast as a JSON array."""

    def __init__(self, random: Random, weather: Weather) -> None:
        super().__init__(random)
        self._weather = weather
        self._until_forecast = 0.0

    def live(self, dt: float, around: Surroundings) -> None:
        self._until_forecast -= dt

    def report(self) -> list[Message]:
        weather = self._weather
        values = {
            'temperature': rounded(weather.temperature),
            'humidity': rounded(weather.humidity),
            'pressure': rounded(weather.pressure),
            'wind': rounded(weather.wind),
            'rain': rounded(weather.rain),
            'sun': rounded(1000 * weather.sun, 0),
        }
        messages = [Message(f'house/weather/{name}', packed(value)) for name, value in values.items()]
        messages.append(Message('house/weather/text', weather.words.encode()))
        if self._until_forecast <= 0:
            self._until_forecast = 10.0
            hours = [rounded(weather.temperature_at(weather.hour + ahead)) for ahead in range(12)]
            messages.append(Message('house/weather/forecast', packed(hours)))
        return messages
