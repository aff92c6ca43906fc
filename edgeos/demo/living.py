"""The demo house as a whole: devices that live together in the same weather. No network, no clock: steps."""

from random import Random

from edgeos.demo.device import BadCommand, Device, Message, Surroundings
from edgeos.demo.energy import EnergyMeter, Solar, WeatherStation
from edgeos.demo.rooms import Climate, Door, Light, Shutter
from edgeos.demo.weather import Weather


class House:
    """The same seed and the same steps give the same messages."""

    def __init__(self, seed: int | None = None) -> None:
        random = Random(seed)
        self.weather = Weather(random)
        self.climates = [
            Climate(random, 'living-room', 21.5, 45),
            Climate(random, 'bedroom', 18.0, 50),
            Climate(random, 'bath', 23.0, 62),
        ]
        self.lights = [
            Light(random, 'kitchen', 42, is_on=True),
            Light(random, 'living-room', 60, is_on=False),
            Light(random, 'hall', 18, is_on=False, moody=True),
            Light(random, 'garden', 75, is_on=False, moody=True),
        ]
        self.shutters = [Shutter(random, 'living-room', 100), Shutter(random, 'bedroom', 40)]
        self.meter = EnergyMeter(random)
        others: list[Device] = [Solar(random), Door(random), WeatherStation(random, self.weather)]
        self.devices: list[Device] = [*self.climates, *self.lights, *self.shutters, self.meter, *others]
        self._commands = {topic: obey for device in self.devices for topic, obey in device.commands.items()}
        self._flooded = 0

    @property
    def command_topics(self) -> list[str]:
        return list(self._commands)

    def write_topics(self) -> dict[str, str]:
        """Which topic changes a point: `house/kitchen/light` is changed through `house/kitchen/light/set`."""
        return {point: topic for device in self.devices for point, topic in device.writable.items()}

    def step(self, dt: float) -> list[Message]:
        """Let `dt` seconds pass and return what the devices say."""
        self.weather.advance(dt)
        powers = [device.power for device in self.devices]
        around = Surroundings(
            self.weather.hour,
            self.weather.sun,
            self.weather.temperature,
            consumption=sum(power for power in powers if power > 0),
            production=-sum(power for power in powers if power < 0),
        )
        return [message for device in self.devices for message in device.advance(dt, around)]

    def command(self, topic: str, payload: bytes) -> bool:
        """Hand a command to its device; False when nobody understands it."""
        obey = self._commands.get(topic)
        if obey is None:
            return False
        try:
            obey(payload.decode())
        except (BadCommand, UnicodeDecodeError):
            return False
        return True

    def report(self) -> list[Message]:
        """All states at once, as after a new connection."""
        return [message for device in self.devices for message in device.report()]

    def flood(self, count: int) -> list[Message]:
        """That many messages of lights and meter, as from devices gone wild; values change with each."""
        messages: list[Message] = []
        while len(messages) < count:
            self._flooded += 1
            level = b'%d' % (self._flooded % 101)
            messages += self.meter.report()
            messages += [Message(f'{light.topic}/brightness', level, retain=False) for light in self.lights]
        return messages[:count]

    def tell_nonsense(self, on: bool) -> None:
        """Climate devices send broken JSON and text where numbers belong."""
        for climate in self.climates:
            climate.tells_nonsense = on
            climate.changed()
