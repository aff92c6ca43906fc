"""Where a window comes back: where it was, unless nobody could reach it there."""
from pathlib import Path

import pytest

from edgeos.window.place import Place, Rectangle, fit, read, write

MAIN = Rectangle(0, 30, 1920, 1050)  # below a bar
LEFT = Rectangle(-1280, 0, 1280, 1024)
TAKEN_AWAY = Rectangle(-900, 100, 800, 600)


def at(*numbers: int, maximized: bool = False) -> Place:
    return Place(Rectangle(*numbers), maximized)


@pytest.mark.parametrize(('kept', 'expected'), [
    (None, at(360, 155, 1200, 800)),
    (at(5, 40, 700, 500), at(5, 40, 700, 500)),
    (at(-40, 900, 700, 500), at(-40, 900, 700, 500)),  # partly out: as its owner left it
    (Place(TAKEN_AWAY, False), at(560, 255, 800, 600)),  # its screen is gone
    (at(100, -500, 700, 500), at(610, 305, 700, 500)),  # its upper edge cannot be reached
    (at(100, 1060, 700, 500), at(610, 305, 700, 500)),
    (at(300, 100, 4000, 3000), at(0, 30, 1920, 1050)),
    (at(300, 100, 10, 10), at(300, 100, 360, 320)),
    (at(3000, 3000, 700, 500, maximized=True), at(610, 305, 700, 500, maximized=True)),
])  # fmt: skip
def test_it_comes_back_where_it_can_be_reached(kept: Place | None, expected: Place) -> None:
    assert fit(kept, [MAIN]) == expected


def test_a_second_screen_is_a_place_as_long_as_it_is_there() -> None:
    assert fit(Place(TAKEN_AWAY, True), [MAIN, LEFT]) == Place(TAKEN_AWAY, True)
    assert fit(None, [Rectangle(0, 0, 800, 480)]).rectangle == Rectangle(40, 24, 720, 432)
    assert fit(None, []).rectangle.width == 1200


def test_what_was_written_is_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / 'window.json'
    write(path, at(-7, 8, 900, 600, maximized=True))
    assert read(path) == at(-7, 8, 900, 600, maximized=True)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize('text', [
    '', 'nonsense', '[]', '{}', '7', '{"x": 1, "y": 2, "width": "3", "height": 4, "maximized": false}',
    '{"x": 1, "y": 2, "width": 0, "height": 4, "maximized": false}', '\udcff',
    '{"x": 1e999, "y": 2, "width": 3, "height": 4, "maximized": false}',
    '{"x": 99999999999, "y": 2, "width": 3, "height": 4, "maximized": false}',
    '{"x": true, "y": 2, "width": 3, "height": 4, "maximized": false}',
])  # fmt: skip
def test_what_makes_no_sense_is_as_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'window.json'
    path.write_bytes(text.encode(errors='surrogateescape'))
    assert read(path) is None
    assert read(tmp_path / 'none.json') is None
