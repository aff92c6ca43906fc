"""What a call is answered with."""
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """`signature` is D-Bus' and describes `body`; the file descriptor, if there is one, is closed once it is sent."""

    signature: str = ''
    body: list[Any] = field(default_factory=list)
    fd: int | None = None


EMPTY = Reply()
