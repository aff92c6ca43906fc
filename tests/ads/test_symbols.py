"""Uploads to symbols, trees, and choices."""
import struct
import time

import pytest

from edgeos.ads import symbols as symbols_module
from edgeos.ads.symbols import SymbolError, variable
from edgeos.ads.values import ValueRefused
from tests.ads.tables import MANY, leaves, only, places, table
from tests.ads.uploads import BASE, MODE, ROOM, SYMBOLS, TYPES, data_type, member, plain, symbol, with_length
from tests.helpers import patient

# one bad entry costs only itself


@pytest.mark.parametrize('bad', [
    with_length(b'\0' * 10), symbol('', 'INT'), symbol('a\nb', 'INT'), symbol('far', 'UDINT', 2**32 - 2), symbol('x' * 600, 'INT'),
    with_length(struct.pack('<IIIIIHHH', 0, 0, 2, 2, 0, 500, 3, 0) + b'abc'), symbol('x', 'INT', dimensions=((0, 0),)),
    symbol('gvl.FSUPPLY', 'INT'),
], ids=['short', 'nameless', 'line break', 'outside', 'long name', 'cut', 'no elements', 'twice'])  # fmt: skip
def test_a_bad_symbol_costs_only_itself(bad):
    found = table(bad + SYMBOLS) if b'FSUPPLY' not in bad else table(SYMBOLS + bad)
    assert len(found) == len(table()) and len(found.problems) == 1
    assert places(found) == places(table())


@pytest.mark.parametrize('bad', [
    with_length(b'\0' * 10), data_type('', 2), with_length(struct.pack('<7I5H', 0, 0, 0, 2, 0, 2, 1, 900, 0, 0, 0, 0)),
    data_type('X', 4, 'INT', dimensions=((0, 0),)),
], ids=['short', 'nameless', 'cut', 'no elements'])  # fmt: skip
def test_a_bad_type_costs_only_itself(bad):
    found = table(types=bad + TYPES)
    assert len(found.problems) == 1 and places(found) == places(table())


def test_a_bad_member_costs_only_itself():
    kind = data_type('ST', 8, members=(member('a', 'INT', 0), member('', 'INT', 2), member('far', 'INT', 7), member('b', 'INT', 6)))
    found = table(symbol('x', 'ST', 0, 8), kind)
    assert list(leaves(found)) == ['x.a', 'x.b'] and len(found.problems) == 2


@pytest.mark.parametrize('types', [
    data_type('A', 8, members=(member('b', 'B', 0, 8),)) + data_type('B', 8, members=(member('a', 'A', 0, 8),)),
    data_type('A', 8, 'B') + data_type('B', 8, 'A'), data_type('A', 8, 'A', members=(member('a', 'A', 0, 8),)),
    b''.join(data_type('A' if number == 0 else f'T{number}', 8, f'T{number + 1}') for number in range(300)),
    data_type('A', 8, 'ARRAY [0..0] OF ' * 500 + 'INT'),
], ids=['members', 'aliases', 'itself', 'many aliases', 'many arrays'])  # fmt: skip
def test_types_within_themselves_end(types):
    found = table(symbol('x', 'A', 0, 8) + symbol('y', 'INT', 0), types)
    assert list(leaves(found)) == ['y'] and found.problems


def test_a_type_that_contains_itself_has_its_other_members():
    kind = data_type('A', 10, members=(member('a', 'A', 0, 10), member('n', 'INT', 8)))
    assert list(leaves(table(symbol('x', 'A', 0, 10), kind))) == ['x.n']


@pytest.mark.parametrize('cut', [1, 3, 10, 200])
def test_an_upload_that_breaks_off_costs_only_what_follows(cut):
    found = table(SYMBOLS[:-cut])
    assert 0 < len(found) < len(table()) and 'breaks off' in found.problems[0]
    assert 'breaks off' in table(types=TYPES[:-cut]).problems[0]


def test_an_upload_that_is_none_is_refused():
    with pytest.raises(SymbolError) as refused:
        table(b'\xff\xff\xff\xff' + SYMBOLS)
    assert str(refused.value) == refused.value.template.format(**refused.value.values)


def test_an_upload_may_be_empty_or_filled_up_with_zeros():
    assert len(table(b'', b'')) == 0 and table(b'', b'').browse('') == []
    assert len(table(SYMBOLS + bytes(7), TYPES + bytes(2))) == 10


# choosing


def test_patterns_choose_as_globs_do():
    found = table()
    assert list(leaves(found, 'main.*')) == ['MAIN.nCounter', 'MAIN.nFixed']
    assert list(leaves(found, 'GVL.aRooms[*].bOpen')) == [f'GVL.aRooms[{a},{b}].bOpen' for a in (0, 1) for b in (-1, 0, 1)]
    assert list(leaves(found, '*ncounter')) == ['MAIN.nCounter']
    assert list(leaves(found, 'gvl.arooms[1, 0].ftemp')) == ['GVL.aRooms[1,0].fTemp']
    assert list(leaves(found, 'GVL.aInt*[1]')) == ['GVL.aInts[1]']
    assert list(leaves(found, 'GVL.f*')) == [*leaves(found, 'GVL.fbHeater'), 'GVL.fSupply']
    assert len(leaves(found, '*')) == len(leaves(found, '**')) == len(leaves(found, 'GVL', 'MAIN'))


def test_a_pattern_that_matches_nothing_is_named():
    patterns = ['GVL.nothing', 'MAIN.*', 'GVL.aRooms[2,0]', 'GVL.aInts[1,1]', 'nowhere.*', '', 'GVL.aInts[x]', 'GVL.fSupply.x']
    assert table().select(patterns, 99).missing == [pattern for pattern in patterns if pattern != 'MAIN.*']


def test_each_leaf_is_chosen_once_and_no_more_than_allowed():
    found = table()
    chosen = found.select(['MAIN.nFixed', 'main.nfixed', 'MAIN.*', 'GVL.aInts'], 3)
    assert [leaf.name for leaf in chosen.leaves] == ['MAIN.nFixed', 'MAIN.nCounter', 'GVL.aInts[0]']
    assert (chosen.left_out, chosen.missing) == (9, [])
    assert found.select(['GVL.aInts', 'GVL.aInts[3]', 'GVL.a*'], 0).left_out == 10 + 54


def test_a_huge_array_is_counted_and_not_listed(monkeypatch):
    monkeypatch.setattr(symbols_module, 'MOST_VISITS', 1000)
    found = table(symbol('big', 'ARRAY [0..999999999] OF BYTE', 0, 10**9, number=17), b'')
    chosen = found.select(['**'], 10)
    assert len(chosen.leaves) == 10 and chosen.left_out == 10**9 - 10
    assert only(found, 'big[999999999]').offset == 999999999
    assert len(found.browse('big')) == 10_000
    assert found.browse('')[0].children == 10**9


def test_a_huge_array_of_unknown_things_is_not_walked_through():
    found = table(symbol('big', 'ARRAY [0..999999999] OF FB', 0, 10**9) + symbol('big[5].n', 'INT', 5), b'')
    assert list(leaves(found)) == list(leaves(found, 'big')) == ['big[5].n']
    assert found.select(['big[7]'], 9).missing == ['big[7]']
    assert found.browse('')[0].children == 10**9


# TwinCAT 2


def test_names_with_a_leading_dot_are_on_the_first_level():
    found = table(symbol('.bLamp', 'BOOL', 8) + symbol('.stRoom', 'ST_Room', 100, 40) + symbol('MAIN.n', 'INT', 4), ROOM + MODE)
    assert [entry.name for entry in found.browse('')] == ['.bLamp', '.stRoom', 'MAIN']
    assert list(leaves(found, '.b*')) == ['.bLamp']
    assert list(leaves(found, '.stroom.ftemp')) == ['.stRoom.fTemp']
    assert len(leaves(found, '.*')) == 10


def test_a_member_uploaded_as_a_symbol_is_one_leaf_at_its_own_place():
    found = table(symbol('MAIN.fb', 'FB_Base', 100, 16) + symbol('MAIN.fb.bOn', 'BOOL', 8, group=0xF021)
                  + symbol('MAIN.fb.extra.n', 'INT', 50), BASE)  # fmt: skip
    assert [(leaf.name, leaf.group) for leaf in leaves(found).values()] == [
        ('MAIN.fb.nId', 0x4040), ('MAIN.fb.bOn', 0xF021), ('MAIN.fb.extra.n', 0x4040)]  # fmt: skip
    assert [entry.name for entry in found.browse('MAIN.fb')] == ['MAIN.fb.nId', 'MAIN.fb.bOn', 'MAIN.fb.extra']
    assert found.browse('MAIN')[0].children == 3
    assert found.search('bon', 9)[1] == 1


# browsing and searching


def test_the_tree_opens_level_by_level():
    found = table()
    assert [(entry.name, entry.type, entry.children) for entry in found.browse('')] == [('GVL', '', 8), ('MAIN', '', 2)]
    rooms = found.browse('GVL')[0]
    assert (rooms.type, rooms.children, rooms.selectable) == ('ARRAY [0..1,-1..1] OF ST_Room', 6, True)
    assert found.browse('GVL.aRooms')[4].name == 'GVL.aRooms[1,0]'
    temp = found.browse('gvl.arooms[1,0]')[0]
    assert temp[:6] == ('GVL.aRooms[1,0].fTemp', 'REAL', '°C', 'air [°C]', True, 0)
    assert found.browse('GVL.fSupply') == found.browse('nowhere') == found.browse('GVL.aRooms[9,9]') == []
    assert not found.browse('MAIN')[1].writable


def test_search_finds_names_and_comments():
    found = table()
    entries, total = found.search('rooms temp', 2)
    assert [entry.name for entry in entries] == ['GVL.aRooms[0,-1].fTemp', 'GVL.aRooms[0,0].fTemp'] and total == 6
    assert [entry.name for entry in found.search('BOILER', 5)[0]] == ['GVL.fbHeater']
    assert found.search('nothing like that', 5) == ([], 0)
    assert found.search('', 1)[1] > 60


# controllers without symbols


def test_a_variable_is_where_the_owner_says():
    [leaf] = variable('flow', 0x4020, 100, 'REAL', 'auto')
    assert leaf[:7] == ('flow', 'REAL', 'flow', 0x4020, 100, 4, None) and leaf.writable
    found = variable('a', 0x4020, 8, 'ARRAY [1..3] OF STRING(4)', 'auto')
    assert [(each.name, each.offset, each.root) for each in found] == [('a[1]', 8, 'a'), ('a[2]', 13, 'a'), ('a[3]', 18, 'a')]
    bits = variable('b', 0xF021, 8, 'ARRAY [0..1] OF BOOL', 'auto')
    assert [(each.offset, each.root) for each in bits] == [(8, 'b[0]'), (9, 'b[1]')]


@pytest.mark.parametrize('kind', ['ST_Room', '', 'ARRAY [0..4294967295] OF BYTE', 'ARRAY [0..20000] OF INT', 'ARRAY [5..1] OF INT',
                                  'ARRAY [0..1] OF ST', 'ARRAY [0..0] OF ' * 300 + 'INT', 'STRING(999999999)'])  # fmt: skip
def test_a_variable_of_an_unknown_or_huge_type_is_refused(kind):
    with pytest.raises(ValueRefused) as refused:
        variable('x', 0x4020, 0, kind, 'auto')
    assert str(refused.value) == refused.value.template.format(**refused.value.values)


def test_a_variable_must_end_within_the_memory():
    with pytest.raises(ValueRefused):
        variable('x', 0x4020, 2**32 - 2, 'DINT', 'auto')


def test_five_thousand_symbols_are_quick():
    symbols, seconds = plain(5000), []
    for _ in range(5):
        began = time.thread_time()
        chosen = table(symbols, TYPES).select(['**'], MANY)
        seconds.append(time.thread_time() - began)
        assert len(chosen.leaves) == 5000
    assert min(seconds) < patient(0.2)
