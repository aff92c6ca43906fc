"""What makes two reports the same: the kind of error, what was being done, and where in our code.

No line numbers, no values: it stays the same over a restart and over a change elsewhere in the file.
"""
import re
from collections.abc import Mapping
from hashlib import blake2b
from types import TracebackType

from edgeos.reporting.capture import is_own, module_of, walk

INNERMOST = 3  # own frames; without any, frames of libraries
MOST_CHARACTERS = 200

_NUMBERS = re.compile(r'[0-9]+(?:\.[0-9]+)?')
_INLINED = ('<listcomp>', '<dictcomp>', '<setcomp>')  # no frames of their own since Python 3.12


def of_error(error: BaseException, context: Mapping[str, object]) -> str:
    """16 hexadecimal digits."""
    operation = context.get('operation', '')
    kind = type(error)
    return _digest('error', f'{kind.__module__}.{kind.__qualname__}', alike(operation if isinstance(operation, str)
                   else ''), *places(error.__traceback__))  # fmt: skip


def of_event(level: str, source: str, message: str) -> str:
    """Messages that differ only in their numbers are the same."""
    return _digest('event', level, source, alike(message))


def of_group(*parts: str) -> str:
    """For what is told together because there is too much of it."""
    return _digest('group', *parts)


def alike(text: str) -> str:
    return _NUMBERS.sub('#', text[:MOST_CHARACTERS])


def places(traceback: TracebackType | None) -> list[str]:
    """module:function of the innermost own frames, outermost first; a recursion counts once."""
    frames = [frame for frame, _ in walk(traceback) if not frame.f_code.co_name.startswith(_INLINED)]
    found = [f'{module_of(frame)}:{frame.f_code.co_qualname}' for frame in frames if is_own(frame)]
    if not found:
        found = [f'{module_of(frame)}:{frame.f_code.co_qualname}' for frame in frames]
    once = [place for number, place in enumerate(found) if number == 0 or place != found[number - 1]]
    return once[-INNERMOST:]


def _digest(*parts: str) -> str:
    return blake2b('\0'.join(parts).encode('utf-8', 'backslashreplace'), digest_size=8).hexdigest()
