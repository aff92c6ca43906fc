"""What the list of events tells a browser: pure functions, and what one browser has been told."""
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from edgeos.reporting.event_store import Event, EventStore

PAGE = 300  # rows at first, and with each "show more"
MOST_ROWS = 1500
ALL = 1_000_000  # more than are kept
NEEDS_YOU = ('error', 'critical')
KINDS = ('', 'warning', 'error', 'new')

Row = tuple[int, str, str, str, int, float, float, bool, str]


class Question(NamedTuple):
    """Which events a browser wants to see; `kind` is '', warning or error (that and above), or new."""

    asked: int = 0
    text: str = ''
    kind: str = ''
    source: str = ''
    limit: int = PAGE

    @property
    def filters(self) -> tuple[str, str, str]:
        """Without any, all are meant."""
        return self.text, self.kind, self.source


def question_of(args: Mapping[str, Any]) -> Question:
    """What a browser asks, as far as it makes sense."""
    asked, limit = (value if type(value := args.get(key)) is int else 0 for key in ('asked', 'limit'))
    kind = args.get('kind')
    return Question(asked, str(args.get('text') or '')[:300], kind if kind in KINDS else '',
                    str(args.get('source') or '')[:200], min(max(PAGE, limit), MOST_ROWS))  # fmt: skip


def needs_you(event: Event) -> bool:
    """An error that nobody has acknowledged since it last happened."""
    return event.level in NEEDS_YOU and not event.acknowledged


def find(store: EventStore, question: Question) -> list[Event]:
    """Newest first. Takes a while for many; for a thread."""
    level = 'error' if question.kind == 'new' else question.kind
    return store.query(level, question.source, question.text, question.limit, unseen=question.kind == 'new')


def row_of(event: Event) -> Row:
    """As the browser's list takes it; times are epoch s, the last one exact, as it is what they are ordered by."""
    return (event.id, event.level, event.source, event.message, event.count, round(event.first, 3), event.last,
            needs_you(event), event.sent)  # fmt: skip


def detail_of(event: Event) -> dict[str, Any]:
    """What a row shows when it is opened."""
    context = [[key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
               for key, value in event.context.items()]  # fmt: skip
    return {'context': context, 'traceback': event.traceback}


class Told:
    """What a browser knows, so that it is told only what is new."""

    def __init__(self) -> None:
        self.newest = 0.0  # when the last of them happened, epoch s
        self._rows: dict[int, Row] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._rows

    def begin(self) -> None:
        """It knows nothing."""
        self._rows = {}

    def changes(self, events: Sequence[Event]) -> tuple[list[Row], list[int]]:
        """Rows that are new or other than told, and ids of those that are no longer among them."""
        before, self._rows = self._rows, {event.id: row_of(event) for event in events}
        self.newest = max((event.last for event in events), default=self.newest)
        changed = [row for number, row in self._rows.items() if row != before.get(number)]
        return changed, [number for number in before if number not in self._rows]


def acknowledgeable(events: Iterable[Event], told: Told, held: Iterable[int]) -> list[int]:
    """Ids of what somebody can have seen: neither held back, nor newer than what the browser knows."""
    unseen = set(held)
    return [event.id for event in events
            if event.id not in unseen and (event.id in told or event.last <= told.newest)]  # fmt: skip
