"""The cellar (TwinCAT 2): pumps, lights and counters on a small old controller; globals have a leading dot.

A part lies at fixed places of the process image (0x4020 and 0x4021: %M), as on controllers without symbols.
"""

from random import Random
from typing import Any

from edgeos.demo.plc_device import TWINCAT_2, Program, SimulatedPlc

LARGEST = 1e6  # of any physical value here

_SOURCE = """
TYPE E_PumpMode : (Aus := 0, Hand := 1, Automatik := 2) INT;
STRUCT ST_Pump
  bOn : BOOL;  // runs
  eMode : E_PumpMode;  // mode
  nHours : UDINT;  // hours of operation [h]
  fFlow : REAL;  // flow [l/min]
  sName : STRING(20);  // name
END
FUNCTION_BLOCK FB_Timer
  IN : BOOL;
  PT : TIME;
  Q : BOOL;
  ET : TIME;
END
VAR_GLOBAL
  bLamp AT %MX0.0 : BOOL;  // light in the cellar
  bLampStairs AT %MX0.1 : BOOL;  // light on the stairs
  bMotion AT %IX0.0 : BOOL;  // motion detector
  bSocket AT %QX0.0 : BOOL;  // socket at the workbench
  nLevelRaw AT %IW2 : INT;  // raw value of the level sensor
  nDimmer AT %MW2 : INT := 80;  // brightness [%]
  fLevel : REAL := 62.0;  // level of the cistern [%]
  fTemperature : REAL := 14.0;  // cellar temperature [°C]
  fHumidity : REAL := 61.0;  // relative humidity [%]
  bRain : BOOL;  // cistern is being filled
  nVisits : UINT;  // how often somebody came
  nWater : UDINT := 90321;  // water meter [l]
  nPulses : DWORD;  // pulses of the meter
  tLight : TIME := 30000;  // light stays on for
  dtService : DATE_AND_TIME := 1741600800;  // last service
  sHint : STRING(40) := 'Bitte Tür schließen';  // hint at the door
  aMinutes : ARRAY [0..5] OF INT;  // visits in the last hours
  aPumps : ARRAY [1..2] OF ST_Pump;  // pumps
  stSump : ST_Pump;  // pump in the sump
  eVentilation : E_PumpMode := Automatik;  // ventilation
  byInputs : BYTE;  // all inputs
  wError : WORD;  // error bits
END
PROGRAM MAIN
  nCycle : UDINT;  // counts every step
  fbLight : FB_Timer;  // switches the light off
  bAuto : BOOL := TRUE;  // pumps by themselves
  fSetHumidity : REAL := 55.0;  // humidity to reach [%]
END
"""
_CHANGED = _SOURCE.replace('  fLevel :', '  nSpare : DINT;  // spare\n  fLevel :').replace('sHint', 'sNotice')
_OTHER = _CHANGED.replace('stSump', 'stDrain')


def make_house2(net_id: str, ams_port: int = 801, *, seed: int | None = None) -> SimulatedPlc:
    """A cellar PLC with about 30 symbols."""
    return SimulatedPlc(net_id, Program(_SOURCE, _CHANGED, _OTHER), ams_port=ams_port, host_name='CX-KELLER',
                        traits=TWINCAT_2, life=Cellar(seed))  # fmt: skip


class Cellar:
    """Somebody comes now and then, water runs in and out, pumps keep it within bounds."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = Random(seed)
        self._until_visit = 5.0
        self._until_rain = 20.0
        self._water = 0.0
        self._hours = 0.0
        self._plc: SimulatedPlc

    def __call__(self, plc: SimulatedPlc, seconds: float) -> None:
        self._plc = plc
        self._set('MAIN.nCycle', (self._get('MAIN.nCycle') + 1) & 0xFFFF_FFFF)
        self._name_pumps()
        self._step_light(seconds)
        self._step_water(seconds)
        self._step_air(seconds)

    def _get(self, name: str) -> Any:
        value = self._plc.memory.get(name)
        return 0.0 if isinstance(value, float) and not abs(value) < LARGEST else value

    def _set(self, name: str, value: Any) -> None:
        try:
            self._plc.memory.set(name, value)
        except ValueError:
            self._plc.memory.set(name, 0)  # a counter that is full, or what somebody has written

    def _name_pumps(self) -> None:
        if not self._get('.aPumps[1].sName'):
            for number, name in ((1, 'Zisterne'), (2, 'Gartenspülung')):
                self._set(f'.aPumps[{number}]', {'eMode': 'Automatik', 'nHours': 1200 * number, 'sName': name})

    def _step_light(self, seconds: float) -> None:
        self._until_visit -= seconds
        motion = self._get('.bMotion')
        if self._until_visit <= 0:
            motion = not motion
            self._until_visit = self._random.uniform(2, 5) if motion else self._random.uniform(10, 30)
            self._set('.bMotion', motion)
            if motion:
                self._set('.nVisits', (self._get('.nVisits') + 1) & 0xFFFF)
                self._set('.aMinutes[0]', (self._get('.aMinutes[0]') + 1) & 0x7FFF)
        timer = self._get('MAIN.fbLight.ET') + round(1000 * seconds)
        self._set('.bLampStairs', motion or (self._get('.bLampStairs') and timer < self._get('.tLight')))
        self._set('MAIN.fbLight', {'IN': motion, 'PT': self._get('.tLight'), 'Q': self._get('.bLampStairs'),
                                   'ET': 0 if motion else min(timer, self._get('.tLight'))})  # fmt: skip
        self._set('.byInputs', int(motion) | int(self._get('.bRain')) << 1)

    def _step_water(self, seconds: float) -> None:
        self._until_rain -= seconds
        if self._until_rain <= 0:
            self._set('.bRain', not self._get('.bRain'))
            self._until_rain = self._random.uniform(20, 60)
        level = self._get('.fLevel') + (0.4 * seconds if self._get('.bRain') else 0.0)
        flows = 0.0
        for number, switches_on in ((1, 75.0), (2, 90.0)):
            flows += self._step_pump(f'.aPumps[{number}]', level, switches_on, seconds)
        self._set('.fLevel', min(100.0, max(0.0, level - flows * seconds / 60)))
        self._set('.nLevelRaw', round(level * 327))
        self._water += flows * seconds / 60
        litres, self._water = divmod(self._water, 1.0)
        self._set('.nWater', self._get('.nWater') + int(litres))
        self._set('.nPulses', (self._get('.nPulses') + 10 * int(litres)) & 0xFFFF_FFFF)
        self._set('.wError', 0x0001 if level > 98 else 0)

    def _step_pump(self, name: str, level: float, switches_on: float, seconds: float) -> float:
        mode, on = self._get(f'{name}.eMode'), self._get(f'{name}.bOn')
        if mode == 'Automatik' and self._get('MAIN.bAuto'):
            on = level > switches_on or (on and level > switches_on - 15)
        else:
            on = mode == 'Hand'
        flow = self._get(f'{name}.fFlow')
        flow += ((24.0 if on else 0.0) - flow) * min(1.0, seconds / 1.5)
        self._set(f'{name}.bOn', on)
        self._set(f'{name}.fFlow', flow)
        if on:
            whole, self._hours = divmod(self._hours + seconds / 60, 1.0)  # an hour takes a minute
            self._set(f'{name}.nHours', self._get(f'{name}.nHours') + int(whole))
        return float(flow)

    def _step_air(self, seconds: float) -> None:
        mode = self._get('.eVentilation')
        fan = mode == 'Hand' or (mode == 'Automatik' and self._get('.fHumidity') > self._get('MAIN.fSetHumidity'))
        goal = 48.0 if fan else 72.0
        for name, target, inertia, noise in (('.fHumidity', goal, 60, 0.05), ('.fTemperature', 14.0, 90, 0.01)):
            value = self._get(name)
            self._set(name, value + (target - value) * seconds / inertia + self._random.gauss(0, noise))
