"""What an answer of a Sentry server means for the event it was sent. Pure."""
import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass

ACCEPTED, LATER, REFUSED = 'accepted', 'later', 'refused'
BUSY_SECONDS = 60.0  # when it says "too many" and not until when
MOST_SECONDS = 86_400.0

BROKEN = 'The Sentry server answers with an error; reports wait.'
BUSY = 'The Sentry server wants fewer reports for now; they wait.'
WRONG_DSN = 'The Sentry server does not accept the DSN.'
WRONG_ADDRESS = 'What answers at the address of the DSN is not a Sentry server; reports wait.'
NOT_ACCEPTED = 'The Sentry server did not accept a report.'


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with the event, how long to pause (None: as after any failure), and the trouble to show."""

    what: str
    pause: float | None = 0.0
    trouble: str | None = None


def judge(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Verdict:
    """`headers` in small letters; `now` is epoch s, for dates in headers."""
    limited = limited_for(headers.get('x-sentry-rate-limits', ''))
    if 200 <= status < 300:
        if headers.get('content-type', '').startswith('text/html'):  # a hotel's door, not Sentry
            return Verdict(LATER, None, WRONG_ADDRESS)
        return Verdict(ACCEPTED, limited, BUSY if limited else None)
    if status == 429:
        return Verdict(LATER, limited or retry_after(headers.get('retry-after', ''), now) or BUSY_SECONDS, BUSY)
    if status >= 500 or status in (408, 425):
        return Verdict(LATER, limited or retry_after(headers.get('retry-after', ''), now) or None, BROKEN)
    if status < 400 or (status == 404 and not _is_sentry(body)):  # a proxy with nothing behind it
        return Verdict(LATER, None, WRONG_ADDRESS)
    if status in (401, 403, 404):  # perhaps only for now, and another DSN may take them
        return Verdict(LATER, None, WRONG_DSN)
    return Verdict(REFUSED, limited, NOT_ACCEPTED)


def _is_sentry(body: bytes) -> bool:
    """Whether it is how Sentry says what is wrong."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and 'detail' in said


def limited_for(header: str, category: str = 'error') -> float:
    """Seconds in which none of these are wanted: "60:error;transaction:key, 2700::organization". 0 without a limit."""
    longest = 0.0
    for limit in header.split(',')[:50]:
        seconds, _, rest = limit.strip().partition(':')
        categories = rest.partition(':')[0].split(';')
        if not {'', 'default', category}.isdisjoint(categories):
            longest = max(longest, _seconds(seconds))
    return longest


def retry_after(header: str, now: float) -> float:
    """Seconds or a date; 0 when it says neither."""
    seconds = _seconds(header)
    if seconds or not header:
        return seconds
    try:
        return min(MOST_SECONDS, max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - now))
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return min(MOST_SECONDS, value) if value > 0 else 0.0
