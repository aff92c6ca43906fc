"""The devices inside the demo house: climate, lights, shutters and the front door."""

import json
from random import Random

from edgeos.demo.device import BadCommand, Device, Message, Surroundings, number, packed, rounded, switch

HEATING = 36.0  # K above the outside that a fully open valve reaches in the end
INERTIA = 140.0  # s; how slowly a room follows
SHUTTER_TRAVEL = 12.0  # s from open to closed
OWN_WILL_AFTER = 120.0  # s after a command before a light switches by itself again


class Climate(Device):
    """A thermostat in a room: the valve follows the set-point, the temperature follows valve, sun and weather."""

    def __init__(self, random: Random, room: str, setpoint: float, humidity: float) -> None:
        super().__init__(random)
        self.topic = f'house/{room}/climate'
        self.temperature = setpoint - 0.5
        self.humidity = self._usual_humidity = humidity
        self.setpoint = setpoint
        self.valve = 0.3
        self.mode = 'heat'
        self.tells_nonsense = False
        self._nonsense = 0
        self.commands = {
            f'{self.topic}/set': self._set,
            f'{self.topic}/setpoint/set': self._set_setpoint,
            f'{self.topic}/mode/set': self._set_mode,
        }
        self.writable = {f'{self.topic}/{key}': f'{self.topic}/{key}/set' for key in ('setpoint', 'mode')}

    def live(self, dt: float, around: Surroundings) -> None:
        wanted = min(1.0, max(0.0, 0.35 + 0.5 * (self.setpoint - self.temperature))) if self.mode == 'heat' else 0.0
        self.valve += (wanted - self.valve) * min(1.0, dt / 4)
        goal = around.temperature + HEATING * self.valve + 4 * around.sun
        self.temperature += (goal - self.temperature) * dt / INERTIA + self.random.gauss(0, 0.01)
        drift = (self._usual_humidity - self.humidity) * dt / 60
        self.humidity = min(95.0, max(15.0, self.humidity + drift + self.random.gauss(0, 0.1)))
        self.power = 40 * self.valve

    def report(self) -> list[Message]:
        state = {
            'temperature': rounded(self.temperature, 2),
            'humidity': rounded(self.humidity),
            'setpoint': self.setpoint,
            'valve': round(100 * self.valve),
            'mode': self.mode,
        }
        return [Message(self.topic, self._nonsense_about(state) if self.tells_nonsense else packed(state))]

    def _nonsense_about(self, state: dict[str, object]) -> bytes:
        """In turn: cut off, text instead of numbers, something else entirely, bytes that are no text."""
        self._nonsense += 1
        kinds = (
            packed(state)[:-20],
            packed(state | {'temperature': 'warm', 'humidity': None}),
            b'sensor error 7',
            b'\xff\xfe\x00\x9f' + packed(state)[:10],
        )
        return kinds[self._nonsense % len(kinds)]

    def _set(self, text: str) -> None:
        try:
            wanted = json.loads(text)
        except ValueError as error:
            raise BadCommand('not JSON') from error
        if not isinstance(wanted, dict):
            raise BadCommand('not a JSON object')
        if 'setpoint' in wanted:
            self._set_setpoint(str(wanted['setpoint']))
        if 'mode' in wanted:
            self._set_mode(str(wanted['mode']))

    def _set_setpoint(self, text: str) -> None:
        value = rounded(number(text, 5, 30))
        self.later(lambda: setattr(self, 'setpoint', value))

    def _set_mode(self, text: str) -> None:
        word = text.strip().strip('"').lower()
        if word not in ('heat', 'off'):
            raise BadCommand(f'{text!r} is neither heat nor off')
        self.later(lambda: setattr(self, 'mode', word))


class Light(Device):
    """A dimmable light; `moody` ones also switch by themselves: people walk by, the evening comes."""

    def __init__(self, random: Random, room: str, watts: float, is_on: bool, moody: bool = False) -> None:
        super().__init__(random)
        self.topic = f'house/{room}/light'
        self.is_on = is_on
        self.brightness = 80.0  # % it has when on
        self.level = 80.0 if is_on else 0.0  # % it shines now
        self._watts = watts
        self._moody = moody
        self._obedient = 0.0
        self.commands = {f'{self.topic}/set': self._set, f'{self.topic}/brightness/set': self._set_brightness}
        self.writable = {point: f'{point}/set' for point in (self.topic, f'{self.topic}/brightness')}

    def live(self, dt: float, around: Surroundings) -> None:
        self._obedient -= dt
        often = 40 if around.hour > 17 or around.hour < 7 else 90
        if self._moody and self._obedient <= 0 and self.random.random() < dt / often:
            self._switch(not self.is_on)
            self.changed()
        goal = self.brightness if self.is_on else 0.0
        step = 120 * dt
        self.level += min(step, max(-step, goal - self.level))
        self.power = self._watts * self.level / 100

    def report(self) -> list[Message]:
        return [
            Message(self.topic, b'ON' if self.is_on else b'OFF'),
            Message(f'{self.topic}/brightness', b'%d' % round(self.brightness)),
            Message(f'{self.topic}/power', packed(rounded(self.power))),
        ]

    def _set(self, text: str) -> None:
        wanted = switch(text)
        self._obedient = OWN_WILL_AFTER
        self.later(lambda: self._switch(wanted))

    def _set_brightness(self, text: str) -> None:
        wanted = number(text, 0, 100)
        self._obedient = OWN_WILL_AFTER
        self.later(lambda: self._dim(wanted))

    def _switch(self, on: bool) -> None:
        self.is_on = on

    def _dim(self, brightness: float) -> None:
        self.is_on = brightness > 0
        self.brightness = brightness or self.brightness


class Shutter(Device):
    """Moves towards its target; 0 is closed, 100 is open."""

    def __init__(self, random: Random, room: str, position: float) -> None:
        super().__init__(random)
        self.topic = f'house/{room}/shutter'
        self.position = self.target = position
        self.commands = {f'{self.topic}/set': self._set}
        self.writable = {f'{self.topic}/position': f'{self.topic}/set'}

    def live(self, dt: float, around: Surroundings) -> None:
        step = 100 * dt / SHUTTER_TRAVEL
        moving = self.position != self.target
        self.position += min(step, max(-step, self.target - self.position))
        self.power = 120.0 if moving else 0.5
        if moving and self.position == self.target:
            self.changed()

    def report(self) -> list[Message]:
        return [
            Message(f'{self.topic}/position', b'%d' % round(self.position)),
            Message(f'{self.topic}/state', self.state.encode()),
        ]

    @property
    def state(self) -> str:
        if self.position != self.target:
            return 'opening' if self.target > self.position else 'closing'
        return {0: 'closed', 100: 'open'}.get(round(self.position), 'stopped')

    def _set(self, text: str) -> None:
        word = text.strip().strip('"').lower()
        if word == 'stop':
            self.later(lambda: self._move(self.position))
            return
        wanted = {'open': 100.0, 'close': 0.0}.get(word)
        goal = number(text, 0, 100) if wanted is None else wanted
        self.later(lambda: self._move(goal))

    def _move(self, target: float) -> None:
        self.target = target


class Door(Device):
    """The front door: a contact, its battery, and a camera whose pictures are plain bytes."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.is_open = False
        self.battery = 92.0
        self._until_change = 20.0
        self._until_picture = 0.0

    def live(self, dt: float, around: Surroundings) -> None:
        self.battery = max(5.0, self.battery - dt / 600)
        self._until_picture -= dt
        self._until_change -= dt
        if self._until_change <= 0:
            self.is_open = not self.is_open
            self._until_change = self.random.uniform(4, 12) if self.is_open else self.random.uniform(20, 60)
            self._until_picture = 0.0
            self.changed()

    def report(self) -> list[Message]:
        messages = [
            Message('house/front-door/open', b'true' if self.is_open else b'false'),
            Message('house/front-door/battery', b'%d' % round(self.battery)),
        ]
        if self._until_picture <= 0:
            self._until_picture = 10.0
            messages.append(Message('house/front-door/picture', b'\xff\xd8\xff\xe0' + self.random.randbytes(600)))
        return messages
