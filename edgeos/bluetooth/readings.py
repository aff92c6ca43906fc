"""One value that a device has told, whatever way it came."""
from decimal import Decimal
from functools import cache
from typing import NamedTuple

Value = bool | int | float | str | None


class Reading(NamedTuple):
    """`name` is that of the point; a value of None is one the device says it does not know."""

    name: str
    value: Value
    unit: str = ''
    writable: bool = False


def scaled(number: int, scale: float) -> int | float:
    """A device's whole number in its unit, with the digits its resolution has: 1320 by 0.01 is 13.2.

    The product alone would be 13.200000000000001. A scale of 1 keeps whole numbers whole.
    """
    return number if scale == 1 else round(number * scale, _digits(scale))


@cache
def _digits(scale: float) -> int:
    return max(0, -int(Decimal(repr(scale)).normalize().as_tuple().exponent))
