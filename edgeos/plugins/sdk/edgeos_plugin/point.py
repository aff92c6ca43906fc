"""A point as the app tells it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Point:
    """One named live value; `id` is `<source id>/<name>`, `time` is in UTC."""

    id: str
    name: str
    value: Any
    unit: str
    type: str
    quality: Literal['good', 'stale', 'bad']
    time: datetime
    writable: bool

    @classmethod
    def of(cls, told: dict[str, Any]) -> 'Point':
        """From the app's JSON, whose time is ISO 8601."""
        time = datetime.fromisoformat(told['time']) if told.get('time') else datetime.fromtimestamp(0, UTC)
        return cls(
            told['id'],
            told['name'],
            told['value'],
            told.get('unit', ''),
            told.get('type', ''),
            told.get('quality', 'good'),
            time if time.tzinfo else time.replace(tzinfo=UTC),
            bool(told.get('writable', False)),
        )
