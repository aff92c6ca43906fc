"""What ways of finding devices have in common: one task that runs while somebody asks."""
import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from edgeos.connections.state import Notice
from edgeos.reporting import log_error

SCAN_SECONDS = 20.0
MOST_FOUND = 200


@dataclass(slots=True)
class Found:
    """A device that could become a connection; `config` is what the connection would need, `details` what it says."""

    type: str
    name: str
    address: str
    config: dict[str, Any] = field(default_factory=dict)
    rssi: int | None = None
    details: str = ''
    seems: Notice | None = None  # what it seems to be, where that is a sentence to be translated


class Scan(ABC):
    """Looks for devices of one type; each question keeps it going for another 20 s."""

    KIND: ClassVar[str]

    def __init__(self) -> None:
        self.trouble = ''
        self.help: list[Notice] = []  # the same in words for the owner, where there are better ones
        self._found: dict[str, Found] = {}
        self._task: asyncio.Task[None] | None = None
        self._until: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def _run(self) -> None:
        """Look until cancelled, keeping `_found` and `trouble` true; an OSError ends it and becomes the trouble."""

    @property
    def scanning(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def is_working(self) -> bool:
        """Whether something could be found now."""
        return self.scanning

    def ask(self) -> list[Found]:
        """What is known so far; begins or prolongs the scan."""
        if not self.scanning:
            self._task = asyncio.create_task(self._life(), name='discovery')
        if self._until is not None:
            self._until.cancel()
        self._until = asyncio.get_running_loop().call_later(SCAN_SECONDS, self._end)
        return list(self._found.values())

    async def stop(self) -> None:
        """End the scan; returns when everything is closed."""
        self._end()
        if self._ending:
            await asyncio.wait(self._ending)

    def _end(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _life(self) -> None:
        try:
            await self._run()
        except OSError as error:
            self.trouble = cannot_search(error)
        except Exception as error:
            log_error(error, operation=f'search for {self.KIND}')


def cannot_search(error: OSError) -> str:
    """Why nothing can be found."""
    return f'the network cannot be searched: {error.strerror or error}'
