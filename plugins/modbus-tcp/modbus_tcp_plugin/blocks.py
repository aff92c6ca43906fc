"""Which registers are read together: each request costs a round trip, and asks for at most so much."""

from collections.abc import Iterable
from dataclasses import dataclass

from .registers import Raw, Register

MOST = 125  # words in one request; bits are held to the same
GAP = 8  # addresses nobody asked for that are cheaper to read than another request


@dataclass(frozen=True, slots=True)
class Block:
    """One request of `count` words, or bits, from `start` on."""

    kind: str
    start: int
    count: int
    registers: tuple[Register, ...]

    def raw_of(self, register: Register, raw: Raw) -> Raw:
        """Its part of the answer."""
        at = register.address - self.start
        return raw[at : at + register.size]

    def split(self) -> list['Block']:
        """Each register alone, for a device that refuses what lies between them."""
        return [Block(self.kind, register.address, register.size, (register,)) for register in self.registers]


def grouped(registers: Iterable[Register]) -> list[Block]:
    """Neighbours of a kind in one block."""
    blocks: list[Block] = []
    for register in sorted(registers, key=lambda one: (one.kind, one.address)):
        last = blocks[-1] if blocks else None
        end = register.address + register.size
        if last and last.kind == register.kind and register.address <= last.start + last.count + GAP \
                and end - last.start <= MOST:  # fmt: skip
            count = max(last.count, end - last.start)
            blocks[-1] = Block(last.kind, last.start, count, (*last.registers, register))
        else:
            blocks.append(Block(register.kind, register.address, register.size, (register,)))
    return blocks
