"""What a type looks like in memory."""
import struct

import pytest

from tests.ads.tables import leaves, only, table
from tests.ads.uploads import HEATER, data_type, member, symbol


def test_a_plain_symbol_is_one_leaf():
    leaf = only(table(), 'GVL.fSupply')
    assert leaf[:7] == ('GVL.fSupply', 'REAL', 'GVL.fSupply', 0x4040, 100, 4, None)
    assert (leaf.comment, leaf.unit, leaf.writable) == ('supply line [°C]', '°C', True)
    assert leaf.codec.decode(struct.pack('<f', 21.3)) == 21.3


def test_an_array_of_structures_is_a_leaf_per_value():
    found = leaves(table(), 'GVL.aRooms')
    assert len(found) == 6 * 9
    assert list(found)[:2] == ['GVL.aRooms[0,-1].fTemp', 'GVL.aRooms[0,-1].nWindows']
    leaf = found['GVL.aRooms[1,0].aRaw[2]']
    assert (leaf.offset, leaf.size, leaf.root, leaf.type) == (1000 + 4 * 40 + 36 + 2, 2, 'GVL.aRooms', 'INT')
    assert found['GVL.aRooms[0,1].fTemp'].unit == '°C'


def test_a_structure_has_enums_bits_text_and_times():
    found = leaves(table(), 'GVL.aRooms[0,0]')
    mode, name, on = (found[f'GVL.aRooms[0,0].{part}'] for part in ('eMode', 'sName', 'tOn'))
    assert mode.codec.decode(b'\xff\xff') == 'Fault' and mode.codec.encode('cooling') == b'\2\0'
    assert (mode.type, name.size, on.unit) == ('E_Mode', 21, 'ms')
    is_open, is_locked = found['GVL.aRooms[0,0].bOpen'], found['GVL.aRooms[0,0].bLocked']
    assert (is_open.offset, is_open.bit, is_open.size) == (1000 + 40 + 29, 0, 1)
    assert (is_locked.offset, is_locked.bit, is_locked.codec.size) == (1000 + 40 + 29, 5, 1)


def test_a_function_block_has_what_it_extends_and_its_pointers_are_not_followed():
    found = leaves(table(), 'GVL.fbHeater')
    assert [(name.rpartition('.')[2], leaf.offset - 2000) for name, leaf in found.items()] == [
        ('nId', 8), ('bOn', 12), ('fPower', 16), ('pNext', 0)]  # fmt: skip
    pointer = found['GVL.fbHeater.pNext']
    assert pointer.codec.decode(bytes(8)) == '16#0000000000000000' and not pointer.writable


def test_aliases_lead_to_the_type_behind_them():
    leaf = only(table(), 'GVL.sLong')
    assert (leaf.type, leaf.size) == ('T_Text', 256)
    assert leaf.codec.encode('ü').startswith('ü'.encode())  # TcEncoding


def test_the_encoding_of_a_member_is_its_own():
    kind = data_type('ST', 22, members=(member('sA', 'STRING(10)', 0, 11, attributes={'TcEncoding': 'UTF-8'}),
                                        member('sB', 'STRING(10)', 11, 11)))  # fmt: skip
    found = leaves(table(symbol('a', 'ST', 0, 22), kind, encoding='cp1252'))
    assert found['a.sA'].codec.encode('ü')[:2] == 'ü'.encode()
    assert found['a.sB'].codec.encode('ü')[:2] == b'\xfc\0'


def test_attributes_and_names_stand_behind_masks_and_methods():
    kind = data_type('T', 3, 'STRING(2)', number=30, copy_mask=True, methods=2, attributes={'TcEncoding': 'UTF-8'})
    mode = data_type('E', 1, 'USINT', number=17, copy_mask=True, methods=1, attributes={'a': 'b'}, enum={'Low': 0, 'High': 255})
    found = leaves(table(symbol('t', 'T', 0, 3) + symbol('e', 'E', 3, 1), kind + mode))
    assert found['t'].codec.encode('ü') == 'ü'.encode() + b'\0'
    assert found['e'].codec.decode(b'\xff') == 'High'


@pytest.mark.parametrize(('comment', 'unit'), [
    ('supply [°C]', '°C'), ('[%]', '%'), ('flow [m³/h], measured', 'm³/h'), ('index [0..9]', ''), ('level [0..100%]', ''),
    ('[1]', ''), ('[see the manual]', ''), ('see [1], in [kW]', 'kW'), ('nothing', ''),
])  # fmt: skip
def test_units_stand_in_brackets_in_the_comment(comment, unit):
    encoded = symbol('a', 'TIME', comment=comment)
    assert only(table(encoded, b''), 'a').unit == (unit or 'ms')


def test_arrays_are_known_by_their_name_alone():
    found = leaves(table(types=b''), 'GVL.aInts')
    assert [leaf.offset for leaf in found.values()] == list(range(4000, 4020, 2))
    nested = leaves(table(symbol('x', 'ARRAY [0..1] OF ARRAY [5..6] OF STRING(3)', 0, 16), b''))
    assert [(name, leaf.offset) for name, leaf in nested.items()] == [
        ('x[0][5]', 0), ('x[0][6]', 4), ('x[1][5]', 8), ('x[1][6]', 12)]  # fmt: skip


def test_arrays_are_known_by_their_dimensions():
    deep = symbol('x', 'ARRAY [0..nMax] OF INT', 0, 6, dimensions=((0, 3),)) + symbol('y', 'INT', 10, 4, dimensions=((7, 2),))
    assert list(leaves(table(deep, b''))) == ['x[0]', 'x[1]', 'x[2]', 'y[7]', 'y[8]']
    own = data_type('T_Arr', 8, 'INT', dimensions=((1, 4),))
    assert len(leaves(table(symbol('z', 'T_Arr', 0, 8, dimensions=((1, 4),)), own))) == 4


def test_three_dimensions_run_as_in_memory():
    found = leaves(table(symbol('x', 'ARRAY [0..1,-1..0,2..4] OF USINT', 0, 12), b''))
    assert len(found) == 12
    assert [leaf.offset for leaf in found.values()] == list(range(12))
    for name, leaf in found.items():
        assert leaves(table(symbol('x', 'ARRAY [0..1,-1..0,2..4] OF USINT', 0, 12), b''), name) == {name: leaf}


def test_types_of_a_library_are_found_with_and_without_its_name():
    kind = data_type('Tc2_Lib.ST', 2, members=(member('n', 'INT', 0),))
    found = leaves(table(symbol('a', 'ST', 0, 2) + symbol('b', 'Tc2_lib.ST', 2, 2) + symbol('c', 'Other.ST', 2, 2), kind))
    assert list(found) == ['a.n', 'b.n', 'c.n']


def test_interfaces_references_and_parameters_are_addresses():
    found = leaves(table(symbol('a', 'I_X', 0, 8, flags=0x10) + symbol('b', 'REFERENCE TO ST', 8, 4)
                         + symbol('c', 'BYTE (VAR_IN_OUT)', 16, 4) + symbol('d', 'I_Y', 20, 8)
                         + symbol('e', 'INT', 30, 8, flags=4), data_type('I_Y', 8)))  # fmt: skip
    assert [len(leaf.codec.decode(bytes(leaf.size))) - 3 for leaf in found.values()] == [16, 8, 8, 16, 16]
    assert not any(leaf.writable for leaf in found.values())


def test_an_unknown_type_is_an_entry_with_its_size_and_no_leaf():
    found = table()
    assert found.select(['GVL.blob'], 9).missing == ['GVL.blob']
    entry = next(entry for entry in found.browse('GVL') if entry.name == 'GVL.blob')
    assert (entry.type, entry.size, entry.children, entry.selectable) == ('FB_Unknown', 77, 0, False)


def test_a_type_nobody_describes_is_read_by_its_number():
    leaf = only(table(symbol('.eMode', 'E_MODE', 0, 2, number=2), b''), '.eMode')
    assert (leaf.type, leaf.codec.decode(b'\xff\xff')) == ('E_MODE', -1)


def test_methods_and_static_variables_are_no_memory_of_a_block():
    kind = data_type('FB', 2, members=(member('n', 'INT', 0), member('prop', 'INT', 0, flags=0x40)))
    assert list(leaves(table(symbol('a', 'FB', 0, 2), kind))) == ['a.n']


def test_members_without_own_descriptions_still_have_theirs():
    assert list(leaves(table(symbol('h', 'FB_Heater', 0, 24), HEATER))) == ['h.fPower', 'h.pNext']
