"""Around what is done again and again: what fails in it is reported once, and the next turn is tried all the same."""

from types import TracebackType
from typing import Self

from edgeos.reporting import log_error


class Boundary:
    """Lets no Exception out. The first is reported, the next only after it has worked again; with `once` never more."""

    def __init__(self, operation: str, *, once: bool = False) -> None:
        self.has_failed = False
        self._operation = operation
        self._once = once

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if error is None:
            self.has_failed = self.has_failed and self._once
        if not isinstance(error, Exception):
            return False
        if not self.has_failed:
            log_error(error, operation=self._operation)
        self.has_failed = True
        return True
