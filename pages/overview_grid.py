"""The connection overview as ONE element of the page.

NiceGUI re-renders a page's whole element tree in the browser on each message, so a thousand connections as elements
would cost as many; as one component that receives one short list of changes a second they cost next to nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nicegui import events
from nicegui.element import Element

Row = dict[str, Any]
Change = tuple[str, Row]
Translate = Callable[[str], str]

MOST_LOOKED_AT = 300  # rows: more than fit any screen

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'


class Look(NamedTuple):
    """The rows a browser shows, or nearly; with `sparks` as cards, which have sparklines."""

    ids: frozenset[str] = frozenset()
    sparks: bool = False


class OverviewGrid(
    Element,
    component=_ASSETS / 'connection_overview.js',
    dependencies=[_ASSETS / 'overview' / '*.js', _ASSETS / 'connection' / 'connection_beat.js'],
):
    """Cards or rows of all connections, with their search, filters, order, selection and keyboard.

    A row's keys: id, name, type, address, detail, state (error, degraded, connecting, connected, off), word, up, down
    (packets/s), up_bytes, down_bytes (bytes/s), errors, last and next (epoch seconds or None), attempt, rtt (ms or
    None), points, why, hint, enabled, retriable, paused, can_pause and, when it comes into sight, spark ([[sent],
    [received]], newest last, at most 60 values a line).
    """

    def __init__(
        self,
        rows: Sequence[Row] = (),
        *,
        labels: Mapping[str, str],
        settings: Mapping[str, Any] | None = None,
        locale: str = 'en',
    ) -> None:
        super().__init__()
        self._props['rows'] = list(rows)
        self._props['labels'] = dict(labels)
        self._props['settings'] = {'cards_up_to': 12, 'can_demo': False, **(settings or {})}
        self._props['locale'] = locale

    def patch(self, now: float, changes: Sequence[Change]) -> None:
        """Send what changed: `now` in epoch seconds, `changes` as (id, {changed keys}); call it once a second."""
        self.run_method('patch', round(now, 3), list(changes))

    def reset(self, rows: Sequence[Row]) -> None:
        """Replace all rows after a connection was added or removed; what the user chose or typed stays."""
        self.run_method('reset', list(rows))

    def report(self, text: str, ids: Sequence[str] = ()) -> None:
        """Show the result of a bulk action; with the ids that failed, it offers to show only those."""
        self.run_method('report', text, list(ids))

    def on_action(self, handler: Callable[[str, list[str]], Any]) -> None:
        """Call handler(action, ids) for connect, disconnect, retry, pause, stats, edit, delete, log and bulk_*."""

        def unpack(event: events.GenericEventArguments) -> Any:
            return handler(str(event.args['action']), [str(each) for each in event.args['ids']])

        self.on('action', unpack)

    def on_look(self, handler: Callable[[Look], Any]) -> None:
        """Call the handler when other rows than before are on the screen, or none because the page is hidden."""

        def unpack(event: events.GenericEventArguments) -> Any:
            ids = frozenset(str(each) for each in event.args['ids'][:MOST_LOOKED_AT])
            return handler(Look(ids, bool(event.args['sparks'])))

        self.on('look', unpack)

    def on_add(self, handler: Callable[[], Any]) -> None:
        self.on('add', lambda _event: handler(), [])

    def on_demo(self, handler: Callable[[], Any]) -> None:
        self.on('demo', lambda _event: handler(), [])


def overview_labels(_: Translate) -> dict[str, str]:
    """All words of the component; `_` translates. Names in braces are filled in by the browser."""
    return {**_header_words(_), **_list_words(_), **_card_words(_), **_shortcut_words(_)}


def _header_words(_: Translate) -> dict[str, str]:
    return {
        'title': _('Connections'),
        'summary': _('{count} of {total} connected'),
        'needs_one': _('{count} needs you'),
        'needs_many': _('{count} need you'),
        'show_cards': _('Show as cards'),
        'show_rows': _('Show as rows'),
        'select': _('Select'),
        'done': _('Done'),
        'add': _('Add'),
        'add_connection': _('Add a connection'),
        'search_one': _('Search {count} connection'),
        'search_many': _('Search {count} connections'),
        'filters': _('Filters'),
        'all': _('All'),
        'trouble': _('Trouble'),
        'clear_filters': _('Clear filters'),
        'clear_search': _('Clear search'),
        'group_by': _('Group by'),
        'group_none': _('No groups'),
        'group_type': _('Type'),
        'group_state': _('State'),
        'sort_by': _('Sort by'),
        'sort_trouble': _('Trouble first'),
        'sort_name': _('Name'),
        'sort_traffic': _('Traffic'),
        'sort_last': _('Last activity'),
    }


def _list_words(_: Translate) -> dict[str, str]:
    return {
        'type_mqtt': _('MQTT'),
        'type_plc': _('PLC'),
        'type_bluetooth': _('Bluetooth'),
        'state_error': _('Error'),
        'state_degraded': _('Degraded'),
        'state_connecting': _('Connecting'),
        'state_connected': _('Connected'),
        'state_off': _('Off'),
        'collapse': _('Collapse {name}'),
        'expand': _('Expand {name}'),
        'nothing_matches': _('No connection matches'),
        'nothing_matches_text': _('The search and the filters hide all {count} connections.'),
        'empty_title': _('Nothing is connected yet'),
        'empty_text': _(
            'Your PLCs, Bluetooth devices and MQTT brokers appear here, each with its state, its traffic and, '
            'when something is wrong, what to do next.'
        ),
        'try_demo': _('Try simulated devices'),
        'select_item': _('Select {name}'),
        'select_shown': _('Select all {count}'),
        'select_none': _('Select none'),
        'selected': _('{count} selected'),
        'export': _('Export'),
        'show': _('Show'),
        'only_these': _('{count} with a failure'),
    }


def _card_words(_: Translate) -> dict[str, str]:
    return {
        'connect': _('Connect'),
        'connect_now': _('Connect now'),
        'pause': _('Pause 10 min'),
        'disconnect': _('Disconnect'),
        'cancel': _('Cancel'),
        'retry': _('Retry now'),
        'retry_bulk': _('Retry'),
        'stats': _('Stats'),
        'edit': _('Edit'),
        'delete': _('Delete'),
        'log': _('Log and values'),
        'more': _('More'),
        'more_for': _('More for {name}'),
        'close': _('Close'),
        'packets': _('pkt/s'),
        'sent': _('Sent'),
        'received': _('Received'),
        'last': _('Last: {time}'),
        'never': _('never'),
        'now': _('now'),
        'seconds_ago': _('{count} s ago'),
        'minutes_ago': _('{count} min ago'),
        'hours_ago': _('{count} h ago'),
        'days_ago': _('{count} d ago'),
        'seconds': _('{count} s'),
        'minutes': _('{count} min'),
        'next_try': _('Next try in {time}'),
        'back_in': _('Back in {time}'),
        'trying_now': _('Trying now'),
        'attempt': _('Attempt {count}'),
        'no_retry': _('No automatic retry'),
        'errors': _('Errors {count}'),
        'values_one': _('{count} value'),
        'values_many': _('{count} values'),
    }


def _shortcut_words(_: Translate) -> dict[str, str]:
    return {
        'shortcuts': _('Keyboard shortcuts'),
        'key_search': _('Search'),
        'key_add': _('Add a connection'),
        'key_view': _('Cards or rows'),
        'key_select': _('Select several'),
        'key_move': _('Move between connections'),
        'key_open': _('Open the statistics'),
        'key_escape': _('Close, leave or clear'),
        'key_help': _('Show this list'),
    }
