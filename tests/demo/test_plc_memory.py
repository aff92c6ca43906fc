"""Programs of simulated PLCs: declarations, layout, values."""
import math
from itertools import pairwise

import pytest

from edgeos.demo.plc_device import TWINCAT_3, Program, SimulatedPlc
from edgeos.demo.plc_memory import DATA, Memory
from edgeos.demo.plc_source import SourceError, parse
from edgeos.demo.plc_type_table import TypeTable

SOURCE = """
TYPE E_Mode : (Off, Heating := 5, Cooling) UINT;
TYPE T_Name : STRING(10);
TYPE T_Other : T_Name;
STRUCT ST_Bits
  b1 : BIT;
  b2 : BIT;
  n : UINT;
  b3 : BIT;
END
STRUCT ST_Mixed
  b : BOOL;
  f : LREAL := 2.5;  // half of five [°C]
  n : INT;
  a : ARRAY [1..2] OF ST_Bits;
END
FUNCTION_BLOCK FB_Base
  n : INT;
END
FUNCTION_BLOCK FB_Child EXTENDS FB_Base
  m : INT := 3;
END
VAR_GLOBAL GVL
  eMode : E_Mode := Heating;  // what it does
  sOther : T_Other := 'Tür';
  {attribute 'TcEncoding' := 'UTF-8'}
  sUtf8 : STRING(20) := 'Tür – 日';
  st : ST_Mixed;
  ast : ARRAY [-1..1] OF ST_Mixed;
  a2 : ARRAY [0..1, 5..6] OF INT := [1, 2, 3, 4];
  fb : FB_Child;
  afb : ARRAY [0..1] OF FB_Child;
  p : POINTER TO ST_Mixed;
  r AT %MW6 : INT := -2;
  w : WSTRING(3) := 'äß';
END
"""


@pytest.fixture
def memory() -> Memory:
    return Memory(SOURCE, TypeTable())


def test_members_are_aligned_and_bits_share_a_byte(memory: Memory) -> None:
    def layout(name: str) -> tuple[int, list[tuple[str, int]]]:
        kind = memory.types.find(name)
        return kind.size, [(member.name, member.offset) for member in kind.all_members]

    assert layout('ST_Bits') == (6, [('b1', 0), ('b2', 1), ('n', 2), ('b3', 32)])
    assert layout('ST_Mixed') == (32, [('b', 0), ('f', 8), ('n', 16), ('a', 18)])
    assert layout('FB_Base') == (16, [('n', 8)])
    assert layout('FB_Child') == (24, [('n', 8), ('m', 16)])


def test_twincat_2_packs_tightly() -> None:
    memory = Memory(SOURCE, TypeTable(pointer_size=4, most_align=1, block_header=0))
    assert memory.types.find('ST_Mixed').size == 1 + 8 + 2 + 2 * 4
    assert memory.types.find('FB_Child').size == 4
    assert memory.types.find('POINTER TO INT').size == 4


def test_initial_values_of_variables_and_of_members(memory: Memory) -> None:
    assert memory.get('GVL.eMode') == 'Heating'
    assert memory.get('GVL.sOther') == 'Tür'
    assert memory.get('GVL.sUtf8') == 'Tür – 日'
    assert memory.get('GVL.w') == 'äß'
    assert memory.get('GVL.a2') == [1, 2, 3, 4]
    assert [memory.get(f'GVL.ast[{n}].f') for n in (-1, 0, 1)] == [2.5] * 3
    assert memory.get('GVL.afb[1]') == {'n': 0, 'm': 3}


def test_texts_are_cp1252_unless_they_say_otherwise(memory: Memory) -> None:
    assert memory.read(memory.place('GVL.sOther')).startswith(b'T\xfcr\0')
    assert memory.read(memory.place('GVL.sUtf8')).startswith('Tür – 日'.encode() + b'\0')


def test_places_of_parts(memory: Memory) -> None:
    start = memory.place('GVL.ast').offset
    assert memory.place('gvl.AST[1].a[2].n')[:3] == (DATA, start + 64 + 18 + 6 + 2, 2)
    assert memory.place('GVL.ast[1].a[2].b3')[:3] == (DATA + 1, 8 * (start + 64 + 18 + 6) + 32, 1)
    assert memory.place('GVL.a2[1,5]').offset == memory.place('GVL.a2').offset + 4
    assert memory.place('GVL.r')[:3] == (0x4020, 6, 2)


def test_values_are_written_whole_or_in_parts(memory: Memory) -> None:
    memory.set('GVL.st', {'b': True, 'n': -7, 'a': [{'b2': True, 'n': 9}, {'b3': True}]})
    assert memory.get('GVL.st') == {'b': True, 'f': 0.0, 'n': -7, 'a': [
        {'b1': False, 'b2': True, 'n': 9, 'b3': False}, {'b1': False, 'b2': False, 'n': 0, 'b3': True}]}  # fmt: skip
    memory.set('GVL.st.a[1].b2', False)
    memory.set('GVL.st.a[1].b1', True)
    assert memory.get('GVL.st.a[1]') == {'b1': True, 'b2': False, 'n': 9, 'b3': False}
    memory.set('GVL.eMode', 77)
    assert memory.get('GVL.eMode') == 77


@pytest.mark.parametrize(('name', 'value'), [('GVL.r', 40_000), ('GVL.sOther', 'x' * 11), ('GVL.eMode', 'Nothing'),
                                             ('GVL.w', 'four')])  # fmt: skip
def test_what_does_not_fit_is_refused(memory: Memory, name: str, value: object) -> None:
    before = memory.get(name)
    with pytest.raises(ValueError, match=r'does not fit GVL\.'):
        memory.set(name, value)
    assert memory.get(name) == before


@pytest.mark.parametrize('line', ['nonsense', 'VAR_GLOBAL GVL\n  x INT;', 'x : INT;'])
def test_a_line_that_is_not_understood_is_named(line: str) -> None:
    with pytest.raises(SourceError, match=line.splitlines()[-1].strip()):
        parse(line)


def test_an_online_change_moves_variables_and_keeps_their_values() -> None:
    changed = SOURCE.replace('  sOther', '  nNew : LREAL;\n  sOther').replace('  a2 :', '  a3 :')
    plc = SimulatedPlc('1.2.3.4.1.1', Program(SOURCE, changed, SOURCE.replace('eMode', 'eOther')), traits=TWINCAT_3)
    plc.memory.set('GVL.fb.n', 42)
    plc.memory.set('GVL.r', 43)
    before = plc.memory.place('GVL.fb').offset
    plc.online_change()
    assert plc.online_changes == 1 and plc.symbol_version == 1
    assert plc.memory.place('GVL.fb').offset != before
    assert (plc.memory.get('GVL.fb.n'), plc.memory.get('GVL.r'), plc.memory.get('GVL.a3')) == (42, 43, [1, 2, 3, 4])
    with pytest.raises(KeyError):
        plc.memory.get('GVL.a2')
    plc.online_change(False)
    assert plc.online_changes == 2 and plc.memory.get('GVL.fb.n') == 42
    plc.download()
    assert plc.online_changes == 0 and plc.symbol_version == 2
    assert plc.memory.get('GVL.fb.n') == 0 and plc.memory.get('GVL.eOther') == 'Heating'


def test_the_symbol_version_stays_a_byte_that_is_not_zero() -> None:
    plc = SimulatedPlc('1.2.3.4.1.1', Program(SOURCE, SOURCE, SOURCE))
    plc.wrong_symbol_version = True
    seen = [plc.reported_version() for _ in range(300)]
    assert all(a != b for a, b in pairwise(seen))
    assert min(seen) == 1 and max(seen) == 255


def test_numbers_survive(memory: Memory) -> None:
    memory.set('GVL.st.f', math.inf)
    assert memory.get('GVL.st.f') == math.inf
