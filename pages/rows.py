"""What the overview shows of a connection: a pure function from live state to one flat row."""
from collections.abc import Callable, Mapping
from typing import Any

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.connection import Connection
from edgeos.connections.state import Failure, Health, Notice, Status, WriteRefused
from edgeos.gateway import UnknownPoint
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.plugins.store import UnknownPlugin

Translate = Callable[[str], str]
Row = dict[str, Any]

NEEDS_YOU = frozenset(('error', 'degraded'))
SPARK_SECONDS = 60


def state_of(connection: Connection) -> str:
    """The lamp: error, degraded, connecting, connected or off."""
    status = connection.status
    if status is Status.DISCONNECTED:
        return 'off'
    if status is Status.ERROR or (status is Status.CONNECTING and connection.last_error is not None):
        return 'error'
    if status is Status.CONNECTING:
        return 'connecting'
    health = connection.health
    if health is Health.BAD:
        return 'error'
    needs_you = health is Health.DEGRADED or connection.last_error is not None or connection.source.refused_points
    return 'degraded' if needs_you else 'connected'


def can_pause(connection: Connection) -> bool:
    """Whether somebody else may want its device for a while: one that takes a single link."""
    return (isinstance(connection, BluetoothConnection) and not connection.is_passive
            and connection.status is not Status.DISCONNECTED)  # fmt: skip


def say(_: Translate, said: Failure | Notice) -> str:
    """What a failure or notice says, in the owner's language."""
    template = said.text if isinstance(said, Failure) else said.template
    return _(template).format_map(_filling(_, said.values))


def say_phrase(_: Translate, text: str) -> str:
    """What a phrase says, in the owner's language; any other text stays as it is."""
    if not isinstance(text, Phrase):
        return text
    return _(text.template).format_map(_filling(_, text.values))


def _filling(_: Translate, values: Mapping[str, str]) -> dict[str, str]:
    """What stands in the blanks: a reason may be a sentence of ours."""
    return {key: _(value) if key == 'why' and not isinstance(value, Phrase) else say_phrase(_, value)
            for key, value in values.items()}  # fmt: skip


def say_error(_: Translate, error: BaseException) -> str:
    """What has not worked, in the owner's language where that is known."""
    if isinstance(error, UnknownPlugin):
        return _('This plugin is not installed any more.')
    return say_phrase(_, phrase_of(error))


def say_hint(_: Translate, failure: Failure) -> str:
    """What to do next, in the owner's language."""
    return _(failure.hint_text).format_map(failure.values)


def say_refusal(_: Translate, error: WriteRefused | UnknownPoint) -> str:
    """Why a value was not written, in the owner's language."""
    return say(_, error.notice) if isinstance(error, WriteRefused) else _('This connection does not exist any more.')


def error_word(_: Translate, code: str) -> str:
    """One or two words for the lamp of a connection in trouble."""
    words = {
        'refused': _('Refused'), 'timeout': _('No answer'), 'name_not_resolved': _('Unknown name'),
        'no_route': _('No route'), 'wrong_ams_port': _('Wrong port'), 'wrong_net_id': _('Wrong NetId'),
        'plc_not_running': _('PLC stopped'), 'not_authorised': _('Login refused'), 'tls_failed': _('TLS problem'),
        'topic_refused': _('Topics refused'), 'adapter_missing': _('No adapter'), 'adapter_off': _('Adapter off'),
        'device_not_found': _('Not found'), 'device_busy': _('Busy'), 'profile_mismatch': _('Wrong profile'),
        'connection_lost': _('Lost'),
    }  # fmt: skip
    return words.get(code) or _('Error')


def word_of(connection: Connection, state: str, _: Translate) -> str:
    """The word on the lamp."""
    if state == 'error':
        return error_word(_, connection.last_error.code) if connection.last_error else _('Silent')
    if connection.is_paused:
        return _('Paused')
    return {'off': _('Off'), 'connecting': _('Connecting'), 'degraded': _('Degraded'),
            'connected': _('Connected')}[state]  # fmt: skip


def reason_of(connection: Connection, state: str, _: Translate) -> tuple[str, str]:
    """Why it needs the owner, and what to do next."""
    failure = connection.last_error
    if failure is not None and state != 'off':
        return say(_, failure), say_hint(_, failure)
    if notices := connection.notices():
        return ' '.join(say(_, notice) for notice in notices), ''
    if state == 'error':
        return _('The link is open, but nothing has been heard for too long.'), _('Check the device.')
    if state == 'degraded':
        return degraded_reason(connection, _), ''
    return '', ''


def degraded_reason(connection: Connection, _: Translate) -> str:
    """A link that works, but not well."""
    share = connection.error_share
    if share > 0:
        percent = max(1, round(share * 100))
        return _('{percent} % of the packets of the last minute had an error.').format(percent=percent)
    return _('The device answers more slowly than expected.')


def row_of(connection: Connection, _: Translate) -> Row:
    """One row, without its sparkline."""
    state = state_of(connection)
    rates = connection.traffic.rates(5)
    why, hint = reason_of(connection, state, _)
    retry, clock = connection.next_retry_in, connection.clock
    return {
        'id': connection.id, 'name': connection.name, 'type': connection.KIND, 'address': connection.address,
        'detail': connection.detail, 'state': state, 'word': word_of(connection, state, _),
        'up': three_digits(rates.packets_sent), 'down': three_digits(rates.packets_received),
        'up_bytes': three_digits(rates.bytes_sent), 'down_bytes': three_digits(rates.bytes_received),
        'errors': connection.traffic.errors, 'last': last_second_of(connection),
        'next': None if retry is None else round(clock.wall() + retry, 1), 'attempt': connection.attempt,
        'rtt': rounded(connection.traffic.round_trips.last), 'points': len(connection.source.points),
        'why': why, 'hint': hint, 'enabled': connection.enabled, 'retriable': connection.retriable,
        'paused': connection.is_paused, 'can_pause': can_pause(connection),
    }  # fmt: skip


def pace_of(connection: Connection) -> Row:
    """What rows are ordered by, of one that nobody sees at the moment."""
    rates = connection.traffic.rates(5)
    return {'id': connection.id, 'up': three_digits(rates.packets_sent), 'down': three_digits(rates.packets_received),
            'last': last_second_of(connection)}  # fmt: skip


def last_second_of(connection: Connection) -> int | None:
    """Epoch second of the last sign of life."""
    seen = connection.last_seen
    return None if seen is None else round(seen)


def first_row_of(connection: Connection, _: Translate) -> Row:
    """The row with its sparkline, for a page that shows it from now on."""
    recent = connection.traffic.recent(SPARK_SECONDS)
    spark = [[three_digits(up) for up, _down in recent], [three_digits(down) for _up, down in recent]]
    return {**row_of(connection, _), 'spark': spark}


def three_digits(value: float) -> float:
    """As precise as it is shown, so that noise below that is no change."""
    if value >= 100:
        return round(value)
    return round(value, 1 if value >= 10 else 2)


def rounded(value: float | None) -> float | None:
    """Milliseconds as shown."""
    return None if value is None else three_digits(value)
