"""The heating house (TwinCAT 3): boiler, buffer, two circuits and six rooms that drift and react.

A day takes twelve minutes (see `weather`); a new set-point is felt in a room within a minute.
"""

import time
from collections.abc import Callable
from random import Random
from typing import Any

from edgeos.demo.plc_device import Program, SimulatedPlc
from edgeos.demo.plc_house_source import ROOMS, changed_source, other_source, source
from edgeos.demo.weather import Weather

INERTIA = 110.0  # s; how slowly a room follows
TIMES_OF_BURNER = {'Purge': (2.0, 'Ignition'), 'Ignition': (1.5, 'Burning'), 'AfterRun': (5.0, 'Standby')}
SETBACK = {'Off': None, 'Comfort': 0.0, 'Eco': -3.0, 'Party': 0.5, 'FrostProtection': None}  # K
FROST_PROTECTION = 7.0  # °C
LARGEST = 1e6  # of any physical value here
UTC_OFFSET = 3600  # s; the controller's clock has no zone


def make_house3(
    net_id: str, ams_port: int = 851, *, seed: int | None = None, clock: Callable[[], float] = time.time
) -> SimulatedPlc:
    """A heating PLC with about 200 symbols."""
    program = Program(source(), changed_source(), other_source())
    return SimulatedPlc(net_id, program, ams_port=ams_port, host_name='CX-HEIZUNG', life=HeatingHouse(seed, clock))


class HeatingHouse:
    """The program: reads what was written, and writes what follows from it."""

    def __init__(self, seed: int | None = None, clock: Callable[[], float] = time.time) -> None:
        self._random = Random(seed)
        self._clock = clock
        self._weather = Weather(self._random)
        self._up = 0.0
        self._in_state = 0.0  # s the burner has been in its state
        self._exact: dict[str, float] = {}  # what counts up in fractions
        self._plc: SimulatedPlc
        self._steps: tuple[Callable[[float], None], ...] = (
            self._step_system, self._step_weather, self._step_boiler, self._step_buffer, self._step_circuits,
            self._step_hot_water, self._step_rooms, self._step_energy, self._step_alarms,
        )  # fmt: skip

    def __call__(self, plc: SimulatedPlc, seconds: float) -> None:
        self._plc = plc
        self._up += seconds
        for step in self._steps:
            step(seconds)

    # a variable may be missing after an online change or a download, and anybody may write anything

    def _get(self, name: str, otherwise: Any = 0.0) -> Any:
        try:
            return _sane(self._plc.memory.get(name))
        except KeyError:
            return otherwise

    def _set(self, name: str, value: Any) -> None:
        try:
            self._plc.memory.set(name, value)
        except KeyError:
            pass
        except ValueError:
            self._plc.memory.set(name, 0)  # a counter that is full

    def _towards(self, name: str, goal: float, seconds: float, inertia: float, noise: float = 0.0) -> float:
        before = float(self._get(name))
        after = before + (goal - before) * min(1.0, seconds / inertia)
        after += self._random.gauss(0, noise) if noise else 0.0
        self._set(name, after)
        return after

    def _count(self, name: str, more: float) -> None:
        """Counts whole numbers up by fractions."""
        whole, self._exact[name] = divmod(self._exact.get(name, 0.0) + more, 1.0)
        if whole:
            self._set(name, int(self._get(name, 0)) + int(whole))

    # the parts

    def _step_system(self, seconds: float) -> None:
        now = int(self._clock()) + UTC_OFFSET
        self._set('System.dtNow', now)
        self._set('System.dToday', now // 86_400 * 86_400)
        self._set('System.todNow', now % 86_400 * 1000)
        self._set('System.tUptime', round(self._up * 1000) & 0xFFFF_FFFF)
        self._set('System.ltUptime', round(self._up * 1e9))
        self._set('System.nCycle', round(self._up * 100) & 0xFFFF_FFFF)
        self._set('MAIN.nCounter', (self._get('MAIN.nCounter', 0) + 1) & 0xFFFF_FFFF)
        self._set('MAIN.bHeartbeat', int(self._up) % 2 == 1)
        state = self._get('Boiler.eState', 'Standby')
        self._set('System.sStatus', 'Störung' if state == 'Fault' else 'Brenner läuft' if state == 'Burning' else
                  'Bereit – wartet auf Wärmebedarf')  # fmt: skip
        self._set('System.sMessage', f'Außen {self._get("Weather.fOutside"):.1f} °C, {self._weather.words}')

    def _step_weather(self, seconds: float) -> None:
        weather = self._weather
        weather.advance(seconds)
        hour = weather.hour
        for name, value in {
            'fOutside': weather.temperature, 'fHumidity': weather.humidity, 'fPressure': weather.pressure,
            'fWind': weather.wind, 'fRain': weather.rain, 'fSun': 900 * weather.sun, 'nHour': int(hour),
            'bFrost': weather.temperature < 0, 'bNight': not weather.clear_sun(hour), 'sText': weather.words,
            'aForecast': [round(weather.temperature_at((hour + n) % 24) * 2) / 2 for n in range(1, 7)],
        }.items():  # fmt: skip
            self._set(f'Weather.{name}', value)
        self._towards('Weather.fOutsideMean', weather.temperature, seconds, 60)

    def _step_boiler(self, seconds: float) -> None:
        state = self._next_burner_state(seconds)
        burning = state == 'Burning'
        self._set('Boiler.bFlame', burning)
        gap = self._get('Boiler.fSetpoint') - self._get('Boiler.fTemperature')
        self._towards('Boiler.fModulation', min(100.0, max(25.0, 40 + 6 * gap)) if burning else 0.0, seconds, 3)
        modulation = self._get('Boiler.fModulation')
        top = self._layers()[0]
        self._towards('Boiler.fTemperature', top + 0.3 * modulation, seconds, 12, 0.02)
        self._towards('Boiler.fReturn', self._layers()[-1] + 2, seconds, 15, 0.02)
        self._towards('Boiler.fFlueGas', 45 + 0.9 * modulation, seconds, 6, 0.1)
        self._towards('Boiler.fPressure', 1.4 + 0.004 * self._get('Boiler.fTemperature'), seconds, 20, 0.001)
        self._set('Boiler.fPower', 0.24 * modulation)
        self._set('Boiler.wStatus', 0x0003 | (0x0010 if burning else 0) | (0x0100 if state == 'Fault' else 0))
        self._set('Boiler.byOutputs', 0x05 if burning else 0x01)
        for bit, on in {'bOn': burning, 'bReady': state != 'Fault', 'bFault': state == 'Fault'}.items():
            self._set(f'Boiler.stStatus.{bit}', on)
        self._set('Boiler.stStatus.nCode', 133 if state == 'Fault' else 0)
        self._run_pump('Boiler.fbPump', state in ('Burning', 'AfterRun'), 60, seconds)
        if burning:
            self._count('Boiler.nSeconds', seconds)
            self._count('Boiler.nGas', seconds * modulation / 150)

    def _next_burner_state(self, seconds: float) -> str:
        state = str(self._get('Boiler.eState', 'Standby'))
        self._in_state += seconds
        allowed = self._get('Boiler.bEnable', True) and self._get('System.bEnable', True)
        cold = self._layers()[0] < self._get('Boiler.fSetpoint') - 4
        following = state
        if state in TIMES_OF_BURNER:
            lasts, then = TIMES_OF_BURNER[state]
            following = then if self._in_state >= lasts else state
        elif state == 'Burning' and (not allowed or self._layers()[0] > self._get('Boiler.fSetpoint') + 2):
            following = 'AfterRun'
        elif state == 'Standby' and allowed and cold:
            following = 'Purge'
        elif state == 'Fault' and self._get('Boiler.bReset', False):
            following = 'Standby'
        elif state not in (*TIMES_OF_BURNER, 'Burning', 'Standby', 'Fault'):
            following = 'Fault'  # somebody wrote nonsense
        self._set('Boiler.bReset', False)
        if following != state:
            self._in_state = 0.0
            self._set('Boiler.eState', following)
            if following == 'Burning':
                self._count('Boiler.nStarts', 1)
        return following

    def _layers(self) -> list[float]:
        return [_sane(layer) for layer in self._get('Buffer.aTemperature', [50.0] * 4)]

    def _step_buffer(self, seconds: float) -> None:
        layers = self._layers()
        charging = self._get('Boiler.bFlame', False)
        load = sum(self._get(f'{room}.fValve') for room in ROOMS) / 600
        for number, layer in enumerate(layers):
            hot = self._get('Boiler.fTemperature') if number == 0 else layers[number - 1]
            cool = layers[number + 1] if number < 3 else 28.0
            layer += (hot - layer) * seconds / 25 if charging and hot > layer else 0.0
            layers[number] = layer + (cool - layer) * seconds * load / 40
        self._set('Buffer.aTemperature', layers)
        mean = sum(layers) / 4
        self._set('Buffer.fMean', mean)
        self._set('Buffer.fCharge', min(100.0, max(0.0, (mean - 28) / 0.4)))
        self._set('Buffer.bCharging', charging)
        self._move_valve('Buffer.fbValve', 100.0 if charging else 0.0, seconds)

    def _step_circuits(self, seconds: float) -> None:
        for name, steepness in (('Radiators', 1.0), ('Floor', 0.45)):
            slope, level = self._get(f'{name}.stCurve.fSlope'), self._get(f'{name}.stCurve.fLevel')
            for number, outside in enumerate((-15.0, -5.0, 5.0, 15.0), 1):
                point = 22 + steepness * slope * (20 - outside) + level
                self._set(f'{name}.stCurve.aPoints[{number}]', {'fOutside': outside, 'fSupply': point})
            cold = 20 - self._get('Weather.fOutsideMean')
            on = self._get(f'{name}.bEnable', True) and self._get('System.bEnable', True)
            wanted = 22 + steepness * slope * cold + level if on else 20.0
            wanted += self._get(f'{name}.nShift') if self._get('Weather.bNight', False) else 0
            wanted = min(wanted, self._get(f'{name}.nLimit'), self._get('Plant.fMaxSupply', 70.0))
            self._set(f'{name}.fSupplySetpoint', wanted)
            supply = self._towards(f'{name}.fSupply', min(wanted, self._layers()[0]), seconds, 10, 0.02)
            self._towards(f'{name}.fReturn', 21 + 0.4 * (supply - 21), seconds, 15, 0.02)
            self._move_valve(f'{name}.fbMixer', min(100.0, max(0.0, 2.2 * (wanted - 20))), seconds)
            self._run_pump(f'{name}.fbPump', on, 45, seconds)

    def _step_hot_water(self, seconds: float) -> None:
        if 'hotwater.ftemperature' not in self._plc.memory.symbols:
            return
        temperature, setpoint = self._get('HotWater.fTemperature'), self._get('HotWater.fSetpoint')
        demand = self._get('HotWater.bDemand', False)
        if temperature < setpoint - self._get('HotWater.fHysteresis') or self._get('HotWater.bBoost', False):
            demand = True
        if temperature >= setpoint:
            demand = False
            self._set('HotWater.bBoost', False)
        self._set('HotWater.bDemand', demand)
        loss = 0.03 if self._get('HotWater.bCirculation', True) else 0.01
        self._set('HotWater.fTemperature', temperature + seconds * (0.5 if demand else -loss))
        self._run_pump('HotWater.fbPump', demand, 35, seconds)

    def _step_rooms(self, seconds: float) -> None:
        heating = []
        house_mode = str(self._get('System.eMode', 'Comfort'))
        for room, (wall, _, sunny) in ROOMS.items():
            mode = house_mode if house_mode in ('Off', 'FrostProtection') else str(self._get(f'{room}.eMode'))
            setback = SETBACK.get(mode)
            wanted = FROST_PROTECTION if setback is None else self._get(f'{room}.fSetpoint') + setback
            temperature = self._get(f'{room}.fTemperature')
            open_window = self._get(f'{room}.bWindow', False)
            goal = 0.0 if mode == 'Off' or open_window else min(100.0, max(0.0, 45 + 40 * (wanted - temperature)))
            valve = self._towards(f'{room}.fValve', goal, seconds, 4)
            outside = self._get('Weather.fOutside')
            warmth = outside + 0.34 * valve * (self._get('Radiators.fSupply') / 46)
            warmth += 4 * sunny * self._weather.sun - (6 if open_window else 0)
            self._towards(f'{room}.fTemperature', warmth, seconds, INERTIA, 0.004)
            self._towards(f'{room}.fHumidity', 38 + 0.15 * self._weather.humidity, seconds, 60, 0.03)
            present = self._get(f'{room}.bPresent', False)
            if self._random.random() < seconds / 45:
                self._set(f'{room}.bPresent', not present)
                self._set(f'{room}.bLight', not present and bool(self._get('Weather.bNight', False)))
            fresh = 1100 if present and not open_window else 450
            self._towards(f'{room}.nCO2', fresh + self._random.uniform(-200, 200), seconds, 10)
            if valve > 20:
                heating.append(wall)
        self._set('MAIN.sRooms', ', '.join(heating))
        self._set('MAIN.fbHouse.stStatus.bOn', bool(heating))
        self._set('MAIN.fbHouse.tRunning', round(self._up * 1000) & 0xFFFF_FFFF)

    def _step_energy(self, seconds: float) -> None:
        power = self._get('Boiler.fPower')
        self._set('Energy.stHeat.fPower', power)
        self._set('Energy.stGas.fPower', power / 0.925)
        self._set('Energy.stPower.fPower', 0.06 + 0.002 * self._get('Boiler.fModulation'))
        for meter in ('stHeat', 'stGas', 'stPower'):
            self._count(f'Energy.{meter}.nEnergy', 1000 * self._get(f'Energy.{meter}.fPower') * seconds / 3600 * 60)
        self._set(f'Energy.aDay[{int(self._weather.hour)}]', round(power * 1.1, 2))

    def _step_alarms(self, seconds: float) -> None:
        now = int(self._clock()) + UTC_OFFSET
        if self._get('Alarms.bAcknowledge', False):
            self._set('Alarms.bAcknowledge', False)
            self._set('Alarms.bHorn', False)
        windows = [wall for room, (wall, *_) in ROOMS.items() if self._get(f'{room}.bWindow', False)]
        pending = 0
        for number, (is_on, severity, code, text) in enumerate((
            (self._get('Boiler.eState') == 'Fault', 'Error', 133, 'Brenner: Störung, Rückstellen nötig'),
            (self._get('Boiler.fPressure') < 1.0, 'Warning', 201, 'Wasserdruck zu niedrig'),
            (bool(windows), 'Info', 310, f'Fenster geöffnet: {", ".join(windows)}'[:60]),
            (self._get('HotWater.fTemperature', 50.0) < 40, 'Warning', 420, 'Warmwasser zu kühl'),
            (bool(self._get('Weather.bFrost', False)), 'Info', 500, 'Frostgefahr außen'),
        ), 1):  # fmt: skip
            name = f'Alarms.aAlarm[{number}]'
            if is_on and not self._get(f'{name}.bActive', False):
                for key, value in {'eSeverity': severity, 'nNumber': code, 'dtSince': now, 'sText': text}.items():
                    self._set(f'{name}.{key}', value)
                self._set('Alarms.sLast', text)
                if severity == 'Error':
                    self._set('Alarms.bHorn', True)
            self._set(f'{name}.bActive', is_on)
            pending += is_on
        self._set('Alarms.nActive', pending)
        self._set('Alarms.bAny', pending > 0)

    def _run_pump(self, name: str, on: bool, watts: float, seconds: float) -> None:
        was_on = self._get(f'{name}.stStatus.bOn', False)
        self._set(f'{name}.stStatus.bOn', on)
        self._set(f'{name}.stStatus.bReady', True)
        if on and not was_on:
            self._count(f'{name}.nStarts', 1)
            self._set(f'{name}.tRunning', 0)
        if on:
            self._count(f'{name}.tRunning', 1000 * seconds)
        flow = self._towards(f'{name}.fFlow', 18.0 if on else 0.0, seconds, 2)
        self._set(f'{name}.nSpeed', round(min(100.0, 5 * max(0.0, flow))))
        self._set(f'{name}.fPower', watts * flow / 18)

    def _move_valve(self, name: str, target: float, seconds: float) -> None:
        position = self._get(f'{name}.fPosition')
        step = 12 * seconds
        moved = position + min(step, max(-step, target - position))
        self._set(f'{name}.fTarget', target)
        self._set(f'{name}.fPosition', moved)
        self._set(f'{name}.eMove', (moved > position) - (moved < position))
        self._set(f'{name}.stStatus.bOn', moved != position)


def _sane(value: Any) -> Any:
    return 0.0 if isinstance(value, float) and not abs(value) < LARGEST else value
