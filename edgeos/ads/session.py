"""What is done with a runtime that has answered: look after it, poll it, and the app's jobs between two polls."""
import time
from collections.abc import Callable
from typing import Any

from edgeos.ads.errors import NO_SUCH_MACHINE, NO_SUCH_PORT, RUN
from edgeos.ads.library import AdsError, AmsPort
from edgeos.ads.poll import Poll
from edgeos.ads.store import SymbolsChanged, SymbolStore
from edgeos.ads.symbols import Entry
from edgeos.ads.values import ValueRefused
from edgeos.ads.writing import write_value

WATCH_SECONDS = 1.0  # between two looks at the state of the PLC
RETRY_SECONDS = 1.0  # between two attempts to read the symbols of a new program
BUSY_SECONDS = 10.0  # reading the symbols may take that long before anybody worries

Row = tuple[Any, ...]


class NotRunning(Exception):
    """Raised where the PLC answers, but its program does not run; `state` is its ADS state."""

    def __init__(self, state: int) -> None:
        self.state = state
        super().__init__(f'the PLC is in state {state}')


class Session:
    """One open AMS port with its symbols and its poll. All methods raise AdsError when the PLC does not answer."""

    def __init__(self, port: AmsPort, number: int, settings: dict[str, Any], send: Callable[[list[Any]], None]) -> None:
        self._port = port
        self._number = number
        self._settings = settings
        self._send = send
        self._symbols = SymbolStore(port, settings)
        self._poll = Poll(port, number, settings, send)
        self._next_watch = self._retry_at = 0.0
        self._must_choose = False  # what was chosen belongs to a program that is not there any more
        self._jobs: dict[str, Callable[..., Any]] = {'choose': self.choose, 'browse': self._browse,
                                                     'search': self._search, 'write': self._write}  # fmt: skip

    @property
    def due(self) -> float:
        """When something is to be done next, in monotonic time."""
        return min(self._retry_at if self._must_choose else self._poll.due, self._next_watch)

    def step(self, now: float) -> None:
        """Do what is due; raises NotRunning."""
        try:
            if now >= self._next_watch:
                self._watch(now)
            if not self._must_choose and now >= self._poll.due:
                self._poll.once(now)
        except SymbolsChanged:
            self._send(['paused', self._number])
            self._must_choose, self._retry_at = True, now
        if self._must_choose and now >= self._retry_at:
            self._retry_at = now + RETRY_SECONDS
            self._choose_again()

    def _choose_again(self) -> None:
        """What a PLC refuses while it takes a new program is asked again."""
        try:
            self.choose()
        except (AdsError, ValueRefused) as error:
            if isinstance(error, AdsError) and (error.is_dead or error.code in (NO_SUCH_PORT, NO_SUCH_MACHINE)):
                raise
            self._send(['log', self._number, 'warning', f'the symbols could not be read again: {error}'])

    def _watch(self, now: float) -> None:
        """State and symbol guards, whatever the poll does; a PLC in STOP or CONFIG must not look alive."""
        began = time.monotonic()
        self.check_state()
        self._symbols.check()
        self._next_watch = now + WATCH_SECONDS
        self._poll.say_alive((time.monotonic() - began) * 1000)

    def check_state(self) -> None:
        """Raises NotRunning."""
        state, _device = self._port.read_state()
        if state != RUN:
            raise NotRunning(state)

    def ask_again(self) -> None:
        """Something was not answered: ask the simplest question next."""
        self._next_watch = 0.0

    def close(self) -> None:
        """Give back what the PLC keeps for us, except the port."""
        self._poll.end()
        self._symbols.release()

    # jobs

    def do(self, method: str, params: dict[str, Any]) -> Any:
        """A job of the app; raises ValueRefused, UnknownSymbol."""
        return self._jobs[method](**params)

    def choose(self, **settings: Any) -> None:
        """Read the symbols if that is still to be done, and poll those that the settings name.

        They are told by a message, because their values follow it at once.
        """
        self._send(['busy', self._number, BUSY_SECONDS])
        self._settings.update(settings)
        chosen = self._symbols.choose()
        self._poll.begin(chosen.leaves, self._symbols.guards, self._settings['poll_ms'])
        self._must_choose = False
        points = [(leaf.name, leaf.type, leaf.unit, leaf.writable) for leaf in chosen.leaves]
        result = {'generation': self._poll.generation, 'points': points, 'missing': chosen.missing,
                  'left_out': chosen.left_out, 'symbols': len(self._symbols),
                  'problems': self._symbols.problems[:20]}  # fmt: skip
        self._send(['chosen', self._number, result])

    def _browse(self, prefix: str) -> list[Row]:
        return [_row(entry) for entry in self._symbols.table.browse(prefix)]

    def _search(self, query: str, limit: int) -> tuple[list[Row], int]:
        found, total = self._symbols.table.search(query, limit)
        return [_row(entry) for entry in found], total

    def _write(self, name: str, value: Any) -> Any:
        leaf = self._symbols.leaf(name)
        raw = write_value(self._port, leaf, value, self._poll.raw(leaf.name))
        self._poll.take_over(leaf.name, raw)
        return leaf.codec.decode(raw)


def _row(entry: Entry) -> Row:
    return (entry.name, entry.type, entry.unit, entry.comment, entry.writable, entry.children, entry.selectable)
