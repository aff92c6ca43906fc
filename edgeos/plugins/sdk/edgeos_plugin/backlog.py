"""What waits for somebody slower: everything in order, and beyond a limit only the newest of each name."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar('T')


class Backlog(Generic[T]):
    """Holds at most `most` items in order, then one for each name; the first in is the first out of each name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._queue: deque[T] = deque()
        self._newest: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._queue) + len(self._newest)

    def put(self, name: str, item: T) -> T | None:
        """The item that is left out for it, if one is."""
        if self._newest or len(self._queue) >= self._most:
            replaced = self._newest.get(name)
            self._newest[name] = item
            return replaced
        self._queue.append(item)
        return None

    def take(self) -> T:
        """Raises LookupError when nothing waits."""
        if self._queue:
            return self._queue.popleft()
        if not self._newest:
            raise LookupError
        return self._newest.pop(next(iter(self._newest)))
