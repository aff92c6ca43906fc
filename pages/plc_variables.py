"""Values of controllers without symbols, as lines an owner can type: `name = group:offset type`."""
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from edgeos.ads.symbols import variable as leaves_of
from edgeos.ads.values import ValueRefused
from edgeos.connections.plc_config import LONGEST_NAME, PlcVariable
from pages.i18n import _

NUMBER = r'0[xX][0-9a-fA-F]+|16#[0-9a-fA-F]+|\d+'
VARIABLE = re.compile(rf'(?P<name>.+?)\s*=\s*(?P<group>{NUMBER})\s*:\s*(?P<offset>{NUMBER})\s+(?P<type>\S.*)',
                      re.ASCII)  # fmt: skip


class Variable(NamedTuple):
    """A line of the field for variables, taken apart."""

    name: str
    group: int
    offset: int
    type: str


def parse_variable(line: str) -> Variable | None:
    """`flow = 0x4020:100 INT`; numbers also as 16#4020. None for other text."""
    found = VARIABLE.fullmatch(line)
    if found is None:
        return None
    return Variable(found['name'], _number(found['group']), _number(found['offset']), found['type'])


def _number(text: str) -> int:
    text = text[:40].lower().replace('16#', '0x')
    return int(text, 16) if text.startswith('0x') else int(text)


def lines_of(variables: Sequence[Mapping[str, Any] | PlcVariable]) -> list[str]:
    """As `parse_variable` takes them."""
    given = [each.model_dump() if isinstance(each, PlcVariable) else each for each in variables]
    return [f'{each["name"]} = 0x{each["group"]:X}:{each["offset"]} {each["type"]}' for each in given]


def problem_of(variable: Variable | None) -> str:
    """Why it cannot be read, in the owner's language; '' if it can."""
    if variable is None:
        return _('write it as name = group:offset type')
    if variable.group > 0xFFFFFFFF or variable.offset > 0xFFFFFFFF:
        return _('group and offset go up to 0xFFFFFFFF')
    if max(len(variable.name), len(variable.type)) > LONGEST_NAME:
        return _('name and type have up to 255 characters')
    try:
        leaves_of(*variable, 'auto')
    except ValueRefused as error:
        return _(error.template).format_map(error.values)
    return ''
