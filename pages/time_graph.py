"""Lines and bars over time as one element, drawn by plotly, which only the pages that show one load."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nicegui.elements.plotly  # noqa: F401 (the browser's plotly module; no Python package of that name is used)
from nicegui.element import Element

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
OVERVIEW, OWN = _ASSETS / 'overview' / '*.js', _ASSETS / 'connection' / '*.js'

Row = tuple[float | None, ...]  # epoch s, then one value for each line; None is a gap


class Line(NamedTuple):
    """`color` is a token of the theme."""

    name: str
    color: str


class Panel(NamedTuple):
    """One of the stacked graphs. `kind` is line, steps or bars; `si` shortens 1,000 to 1 k.

    `least` is where the axis from zero ends at least; without it the axis follows the values, but shows `bounds`.
    """

    title: str
    unit: str
    lines: Sequence[Line]
    kind: str = 'line'
    height: int = 120
    si: bool = True
    least: float | None = None
    bounds: tuple[float, float] | None = None


class Data(NamedTuple):
    """What is drawn: `span` seconds until `end`, a value every `step`; the first is due at `begun`."""

    span: float
    step: float
    end: float
    begun: float
    rows: Sequence[Row]


class TimeGraph(Element, component=_ASSETS / 'time_graph.js', dependencies=[OVERVIEW, OWN]):
    """Stacked graphs over one axis of time. Growing sends only the new values."""

    def __init__(self, panels: Sequence[Panel], data: Data, *, words: Mapping[str, str], locale: str,
                 label: str, fit: bool = False) -> None:  # fmt: skip
        """With `fit` the axis of time is no longer than there are values."""
        super().__init__()
        self._props['panels'] = [{**panel._asdict(), 'lines': [line._asdict() for line in panel.lines]}
                                 for panel in panels]  # fmt: skip
        self._props['first'] = _as_props(data)
        self._props['words'] = dict(words)
        self._props['locale'] = locale
        self._props['label'] = label
        self._props['fit'] = fit

    def show(self, data: Data) -> None:
        """Draw this instead of all there was."""
        self.run_method('show', _as_props(data))

    def extend(self, end: float, rows: Sequence[Row]) -> None:
        """Move on to `end`, with newer rows; one with the time of the last row replaces it."""
        self.run_method('extend', round(end, 3), list(rows))


def _as_props(data: Data) -> dict[str, Any]:
    return {**data._asdict(), 'rows': list(data.rows)}
