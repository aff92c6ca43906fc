from collections.abc import Iterator

import pytest

from edgeos import reporting
from edgeos.reporting import capture


@pytest.fixture(autouse=True)
def tests_are_our_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, 'OWN', (*capture.OWN, 'tests'))


@pytest.fixture(autouse=True)
def nothing_stays_attached() -> Iterator[None]:
    yield
    left, reporting._sink = reporting._sink, None
    assert left is None
