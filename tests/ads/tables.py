"""Symbol tables of built uploads, and what is in them."""
from edgeos.ads.symbols import SymbolTable
from tests.ads.uploads import SYMBOLS, TYPES

MANY = 1_000_000


def table(symbols=SYMBOLS, types=TYPES, **more):
    return SymbolTable.parse(symbols, types, **more)


def leaves(found, *patterns):
    return {leaf.name: leaf for leaf in found.select(patterns or ['**'], MANY).leaves}


def places(found):
    return [leaf[:7] for leaf in leaves(found).values()]


def only(found, name):
    chosen = found.select([name], MANY).leaves
    assert [leaf.name for leaf in chosen] == [name]
    return chosen[0]
