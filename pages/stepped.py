"""From samples to the rows of a graph: averages, and a gap wherever nothing was measured."""
import math
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from pages.time_graph import Row

Columns = Sequence[float]  # epoch s, then values; NaN where nobody measures


def stepped(samples: Iterable[Columns], step: float, apart: float, *, worst: Collection[int] = ()) -> list[Row]:
    """A row for each `step` s, at its middle; with 0 for each sample. Of `worst` columns the highest is taken.

    Where two samples are more than `apart` s from each other a row of None keeps them from being joined by a line.
    """
    rows: list[Row] = []
    before: tuple[float, float] | None = None  # times of the newest row and of its last sample
    for at, members in _groups(samples, step):
        first, last = members[0], members[-1]
        if before is not None and first[0] - before[1] > apart:
            rows.append(((before[0] + at) / 2, *(None for _value in first[1:])))
        rows.append((round(at, 2), *(_one([member[place] for member in members], place in worst)
                                     for place in range(1, len(first)))))  # fmt: skip
        before = at, last[0]
    return rows


def _groups(samples: Iterable[Columns], step: float) -> Iterable[tuple[float, list[Columns]]]:
    if not step:
        return ((sample[0], [sample]) for sample in samples)
    groups = groupby(samples, key=lambda sample: math.floor(sample[0] / step))
    return (((number + 0.5) * step, list(members)) for number, members in groups)


def _one(values: Sequence[float], is_worst: bool) -> float | None:
    measured = [value for value in values if not math.isnan(value)]
    if not measured:
        return None
    return round(max(measured) if is_worst else sum(measured) / len(measured), 2)
