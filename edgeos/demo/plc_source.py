"""Declarations of a simulated PLC's program, written much as in TwinCAT: one thing a line, comments after `//`.

    TYPE E_Mode : (Off := 0, Heating := 1) INT;
    TYPE T_Name : STRING(30);
    STRUCT ST_Room
      fTemperature : REAL := 20.5;  // temperature [°C]
    END
    FUNCTION_BLOCK FB_Pump EXTENDS FB_Device ... END
    VAR_GLOBAL [CONSTANT] GVL ... END             without a name: globals of TwinCAT 2, with a leading dot
    PROGRAM MAIN ... END
    {attribute 'TcEncoding' := 'UTF-8'}           before a variable; `name AT %MB10 : INT` gives it a place
"""

import re
from dataclasses import dataclass, field

from edgeos.demo.plc_types import Declared

_TYPE = re.compile(r'TYPE\s+(\w+)\s*:\s*(.+?);')
_ENUM = re.compile(r'\((.+)\)\s*(\w*)$')
_BLOCK = re.compile(r'(STRUCT|FUNCTION_BLOCK|VAR_GLOBAL(?:\s+CONSTANT)?|PROGRAM)\b\s*(\w*)(?:\s+EXTENDS\s+(\w+))?$')
_VARIABLE = re.compile(r'(\w+)(?:\s+AT\s+(%[\w.]+))?\s*:\s*(.+?)(?:\s*:=\s*(.+?))?\s*;$')
_ATTRIBUTE = re.compile(r"\{attribute\s+'([^']+)'(?:\s*:=\s*'([^']*)')?\}$")


class SourceError(ValueError):
    """Raised when a line is none that can be understood."""


@dataclass(slots=True)
class Block:
    """A list of declarations; `word` is STRUCT, FUNCTION_BLOCK, VAR_GLOBAL, VAR_GLOBAL CONSTANT or PROGRAM."""

    word: str
    name: str
    extends: str
    declared: list[Declared] = field(default_factory=list)


@dataclass(slots=True)
class Named:
    """An alias, or an enum where there are `names`."""

    name: str
    base: str
    names: dict[str, int] = field(default_factory=dict)


def parse(source: str) -> list[Block | Named]:
    """In the order of the source; raises SourceError."""
    found: list[Block | Named] = []
    block: Block | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    for line in source.splitlines():
        code, _, comment = (part.strip() for part in line.partition('//'))
        if not code:
            continue
        if match := _ATTRIBUTE.match(code):
            attributes = (*attributes, (match[1], match[2] or ''))
        elif code == 'END':
            block = None
        elif match := _TYPE.match(code):
            found.append(_named(match[1], match[2].strip()))
        elif match := _BLOCK.match(code):
            block = Block(' '.join(match[1].split()), match[2], match[3] or '')
            found.append(block)
        elif block is not None and (match := _VARIABLE.match(code)):
            block.declared.append(Declared(match[1], match[3].strip(), comment, match[4] or '', match[2] or '',
                                           attributes))  # fmt: skip
            attributes = ()
        else:
            raise SourceError(line)
    return found


def _named(name: str, definition: str) -> Named:
    if not (match := _ENUM.match(definition)):
        return Named(name, definition)
    names: dict[str, int] = {}
    following = 0
    for entry in match[1].split(','):
        key, _, number = (part.strip() for part in entry.partition(':='))
        names[key] = int(number) if number else following
        following = names[key] + 1
    return Named(name, match[2] or 'INT', names)


def literal(text: str) -> object:
    """An initial value: a number, 'text', TRUE, an enum's name, [a, list]."""
    text = text.strip()
    if text.startswith('['):
        return [literal(part) for part in text[1:-1].split(',')]
    if text[:1] in ('"', "'"):
        return text[1:-1]
    if text.upper() in ('TRUE', 'FALSE'):
        return text.upper() == 'TRUE'
    try:
        return int(text.replace('16#', '0x'), 0)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text.rpartition('.')[2]
