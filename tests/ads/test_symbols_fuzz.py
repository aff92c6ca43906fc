"""No bytes make a table hang or fail otherwise than by refusing them."""
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeos.ads import symbols as symbols_module
from edgeos.ads.symbols import SymbolError
from tests.ads.tables import table
from tests.ads.uploads import SYMBOLS, TYPES, bit, data_type, member, symbol

FUZZ = settings(max_examples=300, deadline=None, database=None)


def use(found):
    """Everything that is done with a table, on a budget."""
    for entry in found.browse('')[:5]:
        found.browse(entry.name)
    found.search('a', 5)
    chosen = found.select(['**', 'GVL.*', 'GVL.aRooms[1,0]', '*.fTemp', 'MAIN'], 50)
    for leaf in chosen.leaves:
        if leaf.size < 100_000:
            leaf.codec.decode(bytes(leaf.size))
        assert leaf.size > 0 and leaf.offset + leaf.size <= 2**32 and (leaf.bit is None or 0 <= leaf.bit <= 7)


@pytest.fixture(autouse=True, scope='module')
def small_budget():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(symbols_module, 'MOST_VISITS', 20_000)
        yield


@FUZZ
@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused(symbols, types):
    try:
        found = table(symbols, types)
    except SymbolError:
        return
    use(found)


@FUZZ
@given(st.data())
def test_mutated_uploads_are_a_table_or_refused(data):
    uploads = []
    for upload in (SYMBOLS, TYPES):
        changed = bytearray(upload)
        for at in data.draw(st.lists(st.integers(0, len(upload) - 1), max_size=6)):
            changed[at] = data.draw(st.integers(0, 255))
        uploads.append(bytes(changed[:data.draw(st.one_of(st.just(len(upload)), st.integers(0, len(upload))))]))
    try:
        found = table(*uploads)
    except SymbolError:
        return
    use(found)


@FUZZ
@given(st.lists(st.tuples(st.sampled_from('ABCD'), st.integers(0, 9), st.sampled_from(['A', 'B', 'C', 'D', 'INT', 'ARRAY [0..1] OF A', 'BYTE', ''])),
                max_size=12), st.integers(0, 16))  # fmt: skip
def test_any_types_within_each_other_end(parts, size):
    types = b''.join(data_type(name, size, kind if offset % 3 == 0 else '', members=(member('m', kind, offset, size), bit('b', offset)))
                     for name, offset, kind in parts)  # fmt: skip
    use(table(symbol('x', 'A', 0, size) + symbol('y', 'D', 0, size), types))
