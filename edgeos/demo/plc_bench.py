"""Simulated PLCs for benchmarks and tests: plain variables, every one of them changes at every tick."""

from typing import Any

from edgeos.demo.plc_device import TERMINAL, TWINCAT_3, Program, SimulatedPlc, Traits
from edgeos.demo.plc_memory import DATA, Memory, Place

KINDS = (('BOOL', 'bValue'), ('INT', 'nValue'), ('REAL', 'fValue'), ('DINT', 'nCount'), ('LREAL', 'fExact'))

_BARE = """
VAR_GLOBAL GVL
  nTick AT %MD0 : UDINT;
  fTemperature AT %MD4 : REAL := 21.5;
  bLamp AT %MX12.3 : BOOL;
  aValues AT %MW20 : ARRAY [0..9] OF INT;
  sText AT %MB64 : STRING(20) := 'Küche';
END
"""


def make_bench_plc(
    net_id: str, symbols: int = 500, ams_port: int = 851, *, traits: Traits = TWINCAT_3
) -> SimulatedPlc:
    """Variables as in `bench_names`, a few that keep their values, and `MAIN.nTick`, which counts the ticks."""
    program = Program(_source(symbols, 'nOld'), _source(symbols, 'nNew', shift=True), _source(symbols // 2, 'nOther'))
    life = _Count([name for name, _ in bench_names(symbols)])
    return SimulatedPlc(net_id, program, ams_port=ams_port, host_name=f'Bench {net_id}', traits=traits, life=life)


def make_bare_plc(net_id: str, ams_port: int = 800) -> SimulatedPlc:
    """A controller without symbols: %M only, see `_BARE`; %MD0 counts the ticks."""
    program = Program(_BARE, _BARE, _BARE)
    return SimulatedPlc(net_id, program, ams_port=ams_port, host_name='BC9000', traits=TERMINAL, life=_live_barely)


def bench_names(symbols: int) -> list[tuple[str, str]]:
    """Names and types of the variables that change: GVL.bValue0, GVL.nValue1, GVL.fValue2 …"""
    return [(f'GVL.{KINDS[n % 5][1]}{n}', KINDS[n % 5][0]) for n in range(symbols)]


def _source(symbols: int, extra: str, *, shift: bool = False) -> str:
    lines = ['VAR_GLOBAL GVL', *(['  sShift : STRING(20);'] if shift else [])]
    lines += [f'  {name[4:]} : {kind};  // number {n}' for n, (name, kind) in enumerate(bench_names(symbols))]
    lines += [f'  {extra} : INT := 7;', '  nSetpoint : INT := 21;  // [°C]', "  sText : STRING(80) := 'Küche';", 'END']
    return '\n'.join([*lines, 'PROGRAM MAIN', '  nTick : UDINT;', 'END'])


class _Count:
    """Writes the tick's number into each variable, as its type allows."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._memory: Memory | None = None
        self._places: list[Place] = []

    def __call__(self, plc: SimulatedPlc, seconds: float) -> None:
        memory = plc.memory
        if memory is not self._memory:
            self._memory = memory
            self._places = [memory.place(name) for name in self._names if name.lower() in memory.symbols]
        tick = memory.get('MAIN.nTick') + 1 & 0xFFFF_FFFF
        packed = {name: memory.types.find(name).pack(value) for name, value in values_of(tick).items()}
        area = memory.areas[DATA]
        for place in self._places:
            area[place.offset : place.offset + place.size] = packed[place.type.name]
        memory.set('MAIN.nTick', tick)


def values_of(tick: int) -> dict[str, Any]:
    """What the variables of each type hold at that tick."""
    return {'BOOL': bool(tick % 2), 'INT': tick % 30_000, 'REAL': tick % 1_000 + 0.5, 'DINT': tick & 0x7FFF_FFFF,
            'LREAL': tick + 0.25}  # fmt: skip


def _live_barely(plc: SimulatedPlc, seconds: float) -> None:
    tick = plc.memory.get('GVL.nTick') + 1 & 0xFFFF_FFFF
    plc.memory.set('GVL.nTick', tick)
    plc.memory.set('GVL.aValues[0]', tick & 0x7FFF)
