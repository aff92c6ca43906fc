"""What is kept of an exception: its chain, frames and local variables, everything bounded.

Nothing here runs foreign code longer than it must: no `repr` of unknown objects, which may be huge, slow or wrong.
"""
import linecache
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import CodeType, FrameType, TracebackType
from typing import TypeVar

from edgeos.reporting.marks import SECRET, mark_for_key

KEPT = 2000  # characters of a text that leaves
CAPTURED = KEPT + 400  # taken first: what is cut off after scrubbing may have been half of a secret
MOST_LINKS = 6  # exceptions of one chain or group
MOST_FRAMES, FIRST_FRAMES = 50, 10  # of one exception; of the rest the innermost are kept
MOST_LOCALS = 25  # variables of a frame
MOST_ITEMS, MOST_DEPTH = 12, 3  # of a container
MOST_PARTS = 2000  # of all variables of a report, nested containers and all
CHARACTERS_A_PART = 20  # long texts count as several
TRACEBACK_CHARACTERS = 16_000
CONTEXT_KEYS = 30
MOST_SAME = 3  # lines of a recursion in a text
LOGGED = 300  # characters of one of their values in a log

ROOT = Path(__file__).parents[2]
OWN = ('edgeos', 'pages', 'main', 'edgeos_plugin')
_LIBRARIES = ('/site-packages/', '/dist-packages/', f'/lib/python{sys.version_info[0]}.{sys.version_info[1]}/')
T = TypeVar('T')

_TRACEBACK = 'Traceback (most recent call last):'


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a traceback; `variables` only of our own code."""

    file: str  # relative to the app or to its library, so that it names nobody
    path: str  # as it is on this machine; never leaves it
    module: str
    function: str
    line: int
    is_own: bool
    variables: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One exception of a chain."""

    module: str
    type: str
    text: str
    frames: tuple[Frame, ...]


# exceptions


def links_of(error: BaseException, *, with_variables: bool = False) -> tuple[Link, ...]:
    """The exception and what led to it, newest first. Variables that cannot be looked at cost only themselves."""
    if with_variables:
        try:
            return _links(error, [MOST_PARTS])
        except Exception:  # of a class that lets nobody look
            pass
    return _links(error, None)


def _links(error: BaseException, budget: list[int] | None) -> tuple[Link, ...]:
    return tuple(Link(type(each).__module__, type(each).__qualname__, error_text(each),
                      _frames(each.__traceback__, budget)) for each in _chain(error))  # fmt: skip


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < MOST_LINKS:
        each = waiting.pop(0)
        if each is None or any(each is known for known in found):
            continue
        found.append(each)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions[:MOST_LINKS]
        if each.__cause__ is not None:
            waiting.append(each.__cause__)
        elif not each.__suppress_context__:
            waiting.append(each.__context__)
    return found


def walk(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    """Frames with their lines, outermost first; of a deep recursion its beginning and its end."""
    first: list[TracebackType] = []
    last: list[TracebackType] = []
    while traceback is not None:
        if len(first) < FIRST_FRAMES:
            first.append(traceback)
        else:
            last.append(traceback)
            if len(last) > 10 * MOST_FRAMES:
                del last[:-MOST_FRAMES]
        traceback = traceback.tb_next
    return [(each.tb_frame, each.tb_lineno or 0) for each in first + last[FIRST_FRAMES - MOST_FRAMES:]]


def _frames(traceback: TracebackType | None, budget: list[int] | None) -> tuple[Frame, ...]:
    """Variables of the innermost own frames, as far as the budget goes."""
    found = []
    for frame, line in reversed(walk(traceback)):
        path, own = frame.f_code.co_filename, is_own(frame)
        variables = variables_of(frame, budget) if own and budget and budget[0] > 0 else None
        found.append(Frame(short_path(path), path, module_of(frame), frame.f_code.co_qualname, line, own, variables))
    return tuple(reversed(found))


def module_of(frame: FrameType) -> str:
    name = frame.f_globals.get('__name__')
    return name if type(name) is str else ''


def is_own(frame: FrameType) -> bool:
    """Whether it is the app's code and not a library's; what was run as a program is called __main__."""
    name = module_of(frame)
    if name == '__main__':
        return frame.f_code.co_filename.startswith(str(ROOT)) and not _in_library(frame.f_code)
    return name.partition('.')[0] in OWN


def _in_library(code: CodeType) -> bool:
    return any(part in code.co_filename for part in _LIBRARIES)


def short_path(path: str) -> str:
    """Below the app or below the library's folder; else only the name, as the rest could name somebody."""
    path = path.replace(os.sep, '/')
    for part in _LIBRARIES:
        if part in path:
            return path.rpartition(part)[2]
    root = f'{ROOT.as_posix()}/'
    return path.removeprefix(root) if path.startswith(root) else path.rpartition('/')[2].partition('?')[0]


def error_text(error: BaseException) -> str:
    """What the exception says. Its words may be huge, and saying them may fail."""
    try:
        if _is_huge(error.args) or (type(error).__str__ is KeyError.__str__ and _is_huge((0, *error.args))):
            return whole(', '.join(_shown(argument) for argument in error.args[:MOST_ITEMS]))
        return whole(str(error) + ''.join(f'\n{note}' for note in _notes(error)))
    except Exception as trouble:
        return f'<no text: {type(trouble).__name__}>'


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, '__notes__', None)
    return [note for note in notes[:MOST_ITEMS] if isinstance(note, str)] if isinstance(notes, list) else []


def _is_huge(arguments: object) -> bool:
    """One long text is no problem: it is cut before it is copied."""
    if type(arguments) is not tuple or (len(arguments) == 1 and type(arguments[0]) is str):
        return False
    return any(isinstance(each, str | bytes | bytearray | list | tuple | dict | set) and len(each) > 1000
               for each in arguments)  # fmt: skip


def _shown(value: object) -> str:
    described = describe(value)
    return described if isinstance(described, str) else repr(described)


# values


def variables_of(frame: FrameType, budget: list[int]) -> dict[str, object]:
    """Its local variables as JSON; a class body or module has too many and none of interest."""
    code = frame.f_code
    if code.co_name == '<module>':
        return {}
    found: dict[str, object] = {}
    for name, value in list(frame.f_locals.items())[:MOST_LOCALS]:
        found[whole(name)] = _describe(value, MOST_DEPTH, budget)
    return found


def describe(value: object) -> object:
    """As JSON, bounded, without running code of others; a cycle ends at the depth limit."""
    return _describe(value, MOST_DEPTH, [MOST_PARTS])


def _describe(value: object, depth: int, budget: list[int]) -> object:
    try:
        return _described(value, depth, budget)
    except Exception as trouble:  # it changed meanwhile, or its class lets nobody look
        return f'<{type(value).__name__}: {type(trouble).__name__}>'


def _described(value: object, depth: int, budget: list[int]) -> object:
    budget[0] -= 1
    kind = type(value)
    if value is None or kind is bool:
        return value
    if budget[0] < 0:
        return f'<{kind.__name__}>'
    if kind is int:
        assert isinstance(value, int)
        return value if value.bit_length() <= 53 else f'<int of {value.bit_length()} bits>'
    if kind is float:
        assert isinstance(value, float)
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _counted(str.__getitem__(value, slice(CAPTURED)), budget)
    if isinstance(value, bytes | bytearray):
        return _counted(bytes(value[:CAPTURED]).decode('utf-8', 'backslashreplace'), budget)
    if isinstance(value, PurePath):
        return whole(str(value))
    if isinstance(value, BaseException):
        return f'{kind.__qualname__}: {error_text(value)}'
    return _describe_container(value, depth, budget)


def _counted(text: str, budget: list[int]) -> str:
    text = whole(text)
    budget[0] -= len(text) // CHARACTERS_A_PART
    return text


def _describe_container(value: object, depth: int, budget: list[int]) -> object:
    if isinstance(value, list | tuple | set | frozenset):
        if depth <= 0 or budget[0] <= 0:
            return f'<{type(value).__name__} of {len(value)}>'
        return [_describe(item, depth - 1, budget) for item in _some(value, budget)]
    if isinstance(value, Mapping) and type(value).__module__ in ('builtins', 'collections', 'types'):
        if depth <= 0 or budget[0] <= 0:
            return f'<{type(value).__name__} of {len(value)}>'
        return {_key(key): _describe(item, depth - 1, budget) for key, item in _some(value.items(), budget)}
    return f'<{whole(type(value).__qualname__)}>'


def _key(key: object) -> str:
    described = describe(key)
    return described if isinstance(described, str) else str(described)[:CAPTURED]


def _some(items: Iterable[T], budget: list[int]) -> Iterator[T]:
    for number, item in enumerate(items):
        if number >= MOST_ITEMS or budget[0] <= 0:
            return
        yield item


def whole(text: str, characters: int = CAPTURED) -> str:
    """Cut, and without halves of characters, which no file and no network takes."""
    text = text[:characters]
    return text if text.isascii() else text.encode('utf-8', 'backslashreplace').decode()


def context_of(context: Mapping[str, object]) -> dict[str, object]:
    """What was said beside the error, as JSON."""
    return {whole(key): describe(value) for key, value in list(context.items())[:CONTEXT_KEYS]}


# as text


def error_line(error: BaseException, context: Mapping[str, object]) -> str:
    """For a log: type, text and context on one line, without values of keys like "password"."""
    told = ', '.join(f'{key}={SECRET if mark_for_key(key) == SECRET else _shown(value)[:LOGGED]}'
                     for key, value in list(context.items())[:CONTEXT_KEYS])  # fmt: skip
    return one_line(f'{type(error).__name__}: {error_text(error)} ({told})')


def one_line(text: str) -> str:
    """Control characters are shown, so that nobody's text can look like a line of our log."""
    if text.isprintable():
        return text
    return ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def traceback_text(links: Sequence[Link]) -> str:
    """As Python shows it; what came first stands first."""
    parts = ['\n'.join([_TRACEBACK, *_frame_texts(link.frames), f'{link.type}: {link.text}'])
             for link in reversed(links)]  # fmt: skip
    return '\n\n'.join(parts)


def shortened(text: str) -> str:
    """Its beginning and its end. Only what is scrubbed already may be cut: half a secret would not be found."""
    half = TRACEBACK_CHARACTERS // 2
    return text if len(text) <= TRACEBACK_CHARACTERS else f'{text[:half]}\n  [...]\n{text[-half:]}'


def _frame_texts(frames: Sequence[Frame]) -> Iterator[str]:
    """A recursion is shown three times."""
    same = 0
    for number, frame in enumerate(frames):
        before = frames[number - 1] if number else None
        same = same + 1 if before and (before.path, before.line) == (frame.path, frame.line) else 0
        if same < MOST_SAME:
            yield _frame_text(frame)
        elif same == MOST_SAME:
            yield '  [the same again and again]'


def _frame_text(frame: Frame) -> str:
    head = f'  File "{frame.file}", line {frame.line}, in {frame.function}'
    source = linecache.getline(frame.path, frame.line).strip()[:200]
    return f'{head}\n    {source}' if source else head
