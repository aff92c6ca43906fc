"""Taking turns: one at a time, and of those who wait the most promising first."""
import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator
from itertools import count


class Turns:
    """Who has failed less often is served first, so that hopeless cases do not hold up the others."""

    def __init__(self) -> None:
        self.is_taken = False
        self._order = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(not turn.done() for _failures, _order, turn in self._waiting)

    @contextlib.asynccontextmanager
    async def turn(self, failures: int) -> AsyncIterator[None]:
        """Wait for one's turn and have it until the end of the block."""
        if self.is_taken:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (failures, next(self._order), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it had just been given
                    self._pass_on()
                raise
        self.is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        self.is_taken = False
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                self.is_taken = True
                turn.set_result(None)
                return
