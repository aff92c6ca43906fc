"""Where a window was and how large, so that it comes back there, as long as there is a screen at that place."""
import json
from pathlib import Path
from typing import NamedTuple

from edgeos.files import write_atomically

WIDTH, HEIGHT = 1200, 800  # of the first time
SMALLEST_WIDTH, SMALLEST_HEIGHT = 360, 320
MOST = 100_000  # pixels; beyond that it is no screen
GRIP = 64  # pixels of the upper edge that have to be seen, to take hold of it


class Rectangle(NamedTuple):
    """In the pixels of the desktop; x and y may be negative on a second screen."""

    x: int
    y: int
    width: int
    height: int


class Place(NamedTuple):
    """Of the window when it is not maximised, and whether it is."""

    rectangle: Rectangle
    is_maximized: bool


def read(path: Path) -> Place | None:
    """What was kept; None when nothing was, or nothing that makes sense."""
    try:
        kept = json.loads(path.read_bytes())
        numbers = [kept[key] for key in Rectangle._fields]
        is_maximized = kept['maximized']
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(type(number) is int and abs(number) < MOST for number in numbers) or min(numbers[2:]) <= 0:
        return None
    return Place(Rectangle(*numbers), is_maximized is True)


def write(path: Path, place: Place) -> None:
    """Raises OSError."""
    kept = {**place.rectangle._asdict(), 'maximized': place.is_maximized}
    write_atomically(path, json.dumps(kept).encode() + b'\n', 0o600)


def fit(kept: Place | None, screens: list[Rectangle]) -> Place:
    """On a screen that exists (the first is the main one), no larger than it; centred where it could not be reached."""
    if not screens:
        return kept or Place(Rectangle(0, 0, WIDTH, HEIGHT), False)
    if kept is None:
        main = screens[0]
        return Place(_centred(min(WIDTH, main.width * 9 // 10), min(HEIGHT, main.height * 9 // 10), main), False)
    wanted = kept.rectangle
    screen = max(screens, key=lambda each: _shared(wanted, each))
    if not _is_in_reach(wanted, screen):
        return Place(_centred(wanted.width, wanted.height, screens[0]), kept.is_maximized)
    width, height = _limited(wanted.width, wanted.height, screen)
    if (width, height) != (wanted.width, wanted.height):
        wanted = Rectangle(_into(wanted.x, width, screen.x, screen.width),
                           _into(wanted.y, height, screen.y, screen.height), width, height)  # fmt: skip
    return Place(wanted, kept.is_maximized)


def _centred(width: int, height: int, screen: Rectangle) -> Rectangle:
    width, height = _limited(width, height, screen)
    return Rectangle(screen.x + (screen.width - width) // 2, screen.y + (screen.height - height) // 2, width, height)


def _limited(width: int, height: int, screen: Rectangle) -> tuple[int, int]:
    return (min(max(width, SMALLEST_WIDTH), screen.width), min(max(height, SMALLEST_HEIGHT), screen.height))


def _into(start: int, length: int, low: int, room: int) -> int:
    return min(max(start, low), low + room - length)


def _is_in_reach(window: Rectangle, screen: Rectangle) -> bool:
    """Whether enough of its upper edge is there."""
    seen = min(window.x + window.width, screen.x + screen.width) - max(window.x, screen.x)
    return seen >= min(GRIP, window.width) and screen.y <= window.y <= screen.y + screen.height - GRIP


def _shared(window: Rectangle, screen: Rectangle) -> int:
    width = min(window.x + window.width, screen.x + screen.width) - max(window.x, screen.x)
    height = min(window.y + window.height, screen.y + screen.height) - max(window.y, screen.y)
    return max(0, width) * max(0, height)
