"""The points of one PLC connection: made from what is chosen, filled from the worker's messages."""
from typing import TYPE_CHECKING, Any

from edgeos.connections.plc_workers import Message
from edgeos.connections.services import Browsed
from edgeos.connections.state import Notice
from edgeos.connections.topics import next_level
from edgeos.gateway import Point
from edgeos.reporting import log_error

if TYPE_CHECKING:
    from edgeos.connections.plc import PlcConnection

SHOWN = 5  # names in a sentence
MOST_BROKEN = 100
LONGEST_WAIT = 2000  # ms for an answer, a little less in truth: see edgeos/ads/store.py


class WorkerMistake(Exception):
    """What went wrong in a worker by its own fault; the text is its traceback."""


class PlcPoints:
    """Keeps the order in which the worker numbers its values."""

    def __init__(self, connection: 'PlcConnection') -> None:
        self._connection = connection
        self._generation = -1
        self._order: list[Point] = []
        self._missing: list[str] = []
        self._left_out = 0
        self._symbols = -1  # that the PLC offers; -1 while unknown
        self._broken: list[str] = []
        self.is_paused = False  # the program has changed, and its symbols are not read yet

    @property
    def is_unreadable(self) -> bool:
        """Whether there are values, and none of them can be read."""
        return bool(self._order) and all(point.quality == 'bad' for point in self._order)

    def configured(self) -> None:
        """The settings are others: what was said about the old choice is not true any more."""
        self._missing, self._left_out = [], 0
        self._broken.clear()

    def find(self, name: str) -> Point | None:
        """As PLCs do, without regard to case."""
        points = self._connection.source.points
        wanted = name.casefold()
        return points.get(name) or next((points[known] for known in points if known.casefold() == wanted), None)

    # what is chosen

    def choose(self, chosen: dict[str, Any]) -> None:
        """Take over what the worker polls from now on; names that are gone leave the store."""
        gateway, source = self._connection.services.gateway, self._connection.source
        wanted = {entry[0]: entry for entry in chosen['points']}
        self._missing, self._left_out = chosen['missing'], chosen['left_out']
        self._symbols = chosen['symbols']
        self._broken.clear()
        self.is_paused = False
        vanished = {name.casefold() for name in self._missing}
        changed = [name for name, point in source.points.items()
                   if name in wanted and point.declared_type != wanted[name][1]]  # fmt: skip
        gone = [name for name in source.points if name not in wanted and name.casefold() not in vanished]
        gateway.remove_points(source, [*gone, *changed])
        for name, point in source.points.items():
            if name not in wanted:
                gateway.deliver(point, None, self._connection.clock.wall(), 'bad')
        order = []
        for name, kind, unit, writable in chosen['points']:
            made = gateway.point(source, name, unit=unit, declared_type=kind, writable=writable)
            assert made is not None, 'the worker keeps the limit'
            made.unit, made.writable = unit, writable
            order.append(made)
        self._order, self._generation = order, chosen['generation']
        for problem in chosen['problems']:
            self._connection.journal.warning(f'a symbol was not understood: {problem}')
        for name in self._missing:
            self._connection.journal.warning(f'{name} is not on the PLC')

    # what comes

    def take(self, message: Message) -> None:
        """One message of the worker, see edgeos/ads/runtime.py and poll.py."""
        method = message[0]
        if method == 'values':
            self._take_values(message)
        elif method == 'chosen':
            self.choose(message[2])
        elif method == 'paused':
            self._connection.journal.info('the program on the PLC has changed; its symbols are read again')
            self.is_paused = True
            self._connection.on_symbols_paused()
        elif method == 'broken':
            self._take_broken(message)
        elif method == 'said':
            self._connection.journal.debug(message[2])
        elif method == 'mistake':
            self._take_mistake(message[2])
        elif method == 'log':
            self._connection.journal.warning(message[3])

    def _take_values(self, message: Message) -> None:
        _method, _link, generation, ms, grown, numbers, values = message
        connection = self._connection
        traffic = connection.traffic
        traffic.packets_sent += grown[0]
        traffic.packets_received += grown[1] + grown[5]
        traffic.bytes_sent += grown[2]
        traffic.bytes_received += grown[3]
        traffic.errors += grown[4]
        if grown[1]:
            connection.prove(connection.clock.monotonic())
        if ms is not None:
            traffic.round_trips.note(ms)
        if not numbers or generation != self._generation:
            return
        deliver, order, now = connection.services.gateway.deliver, self._order, connection.clock.wall()
        for number, value in zip(numbers, values, strict=True):
            deliver(order[number], value, now, 'good' if value is not None else 'bad')

    def deliver(self, point: Point, value: Any) -> None:
        """What a write has read back."""
        quality = 'good' if value is not None else 'bad'
        self._connection.services.gateway.deliver(point, value, self._connection.clock.wall(), quality)

    def _take_broken(self, message: Message) -> None:
        _method, _link, names, count, text, code = message
        self._broken += names[:MOST_BROKEN - len(self._broken)]
        more = f' and {count - SHOWN} more' if count > SHOWN else ''
        self._connection.journal.warning(f'{", ".join(names[:SHOWN])}{more} cannot be read: {text} ({code})')

    def _take_mistake(self, text: str) -> None:
        self._connection.journal.error(text)
        log_error(WorkerMistake(text), operation='PLC worker', connection_id=self._connection.id, type='plc')

    # what is said

    def notices(self) -> list[Notice]:
        """Choices that could not be kept, and the missing first choice."""
        found = []
        if self.is_paused:
            found.append(Notice('The program on the PLC has changed; its symbols are being read again.'))
        if not self._connection.config.symbols and not self._connection.config.variables:
            found.append(Notice('No symbols are chosen yet. Choose them under Browse.'))
        if self._symbols == 0 and self._connection.config.symbols:
            found.append(Notice('This controller offers no symbols. Name its values by index group and offset in '
                                'the settings.'))  # fmt: skip
        elif self._missing:
            found.append(Notice('Not on the PLC: {names}.', {'names': shortened(self._missing)}))
        elif self._generation >= 0 and self._connection.config.symbols and not self._order:
            found.append(Notice('None of the chosen symbols can be read.'))
        if self._connection.config.timeout_ms > LONGEST_WAIT:
            found.append(Notice('An answer is waited for {limit} ms, whatever is set, so that a dead PLC is noticed '
                                'in time.', {'limit': str(LONGEST_WAIT)}))  # fmt: skip
        if self._left_out:
            found.append(Notice('{count} further values were left out: {limit} is the most.',
                                {'count': str(self._left_out), 'limit': str(len(self._order))}))  # fmt: skip
        points = self._connection.source.points
        broken = [name for name in self._broken if name in points and points[name].quality == 'bad']
        if broken:
            found.append(Notice('Cannot be read: {names}.', {'names': shortened(broken)}))
        return found

    def browse(self, prefix: str) -> list[Browsed]:
        """The next level of the names that are known without the PLC."""
        return next_level(self._connection.source.points, prefix)


def shortened(names: list[str]) -> str:
    """The first few, and that there are more."""
    return ', '.join(names[:SHOWN]) + (' …' if len(names) > SHOWN else '')
