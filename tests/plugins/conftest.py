"""A house whose plugins end with the test."""
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeos import reporting
from tests.helpers import FakeClock
from tests.plugins.house import House


class Heard:
    """What the owner is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.errors: list[tuple[str, dict[str, Any]]] = []

    def error(self, error: BaseException, context: dict[str, object]) -> None:
        self.errors.append((str(error), context))

    def event(self, level: str, source: str, message: str, context: dict[str, object]) -> None:
        self.events.append((level, source, message))

    def has(self, level: str, text: str) -> bool:
        return any(level == told and text in message for told, _source, message in self.events)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def slow_house(tmp_path: Path) -> AsyncIterator[tuple[House, FakeClock]]:
    clock = FakeClock()
    made = House(tmp_path, clock)
    yield made, clock
    await made.close()


@pytest.fixture
def heard() -> Iterator[Heard]:
    sink = Heard()
    reporting.attach(sink)
    yield sink
    reporting.detach(sink)
