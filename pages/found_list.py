"""Devices that announce themselves, in the network or on the air: one tap fills the form."""
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nicegui.element import Element

from edgeos.connections.journal import visible
from edgeos.discovery import Found, identities, known_devices
from pages.frame import House
from pages.i18n import _
from pages.nearby import NEVER, Order, Strengths, is_nameless, signal_of
from pages.rows import say
from pages.time_graph import OVERVIEW, OWN

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
PATIENCE = 4  # s without an answer after which nobody is expected any more
NAME_CHARACTERS = 80
ON_AIR = 'bluetooth'


class Row(NamedTuple):
    """One device as the browser shows it; `signal` is bars, dBm and words, or None where there is no such thing."""

    name: str
    facts: str
    is_added: bool
    is_gone: bool = False
    is_nameless: bool = False
    signal: list[int | str] | None = None


class FoundDevices(Element, component=_ASSETS / 'found_devices.js', dependencies=[OVERVIEW, OWN]):
    """The list as one element, patched in place; made anew in the browser whenever its dialog opens."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__()
        self._props['words'] = dict(words)
        self._shown: dict[str, Any] = {}
        self.on('ready', self._tell_all, [])

    def show(self, kind: str, sentence: str, trouble: list[str], rows: Mapping[str, Row]) -> None:
        """Send what differs from what is shown; the order is that of `rows`."""
        state: dict[str, Any] = {'kind': kind, 'sentence': sentence, 'trouble': trouble, 'order': list(rows)}
        news = {key: value for key, value in state.items() if self._shown.get(key) != value}
        known = self._shown.get('rows', {})
        changed = [[key, *row] for key, row in rows.items() if known.get(key) != row]
        self._shown = {**state, 'rows': dict(rows)}
        if news or changed:
            self.run_method('patch', {**news, 'rows': changed})

    def _tell_all(self) -> None:
        if self._shown:
            self.run_method('patch', {**self._shown, 'rows': [[key, *row] for key, row in self._shown['rows'].items()]})


class FoundList:
    """Asks once a second while the dialog around it is open."""

    def __init__(self, house: House, on_pick: Callable[[Found], Any]) -> None:
        self._house = house
        self._on_pick = on_pick
        self._clock = house.system.services.clock
        self._kind = ''
        self._asked = 0
        self._found: dict[str, Found] = {}
        self._begin_anew()
        self.area = FoundDevices(_words())
        self.area.on('pick', lambda event: self._pick(str(event.args)))
        self.area.on('touch', self._note_touch, [])

    def _begin_anew(self) -> None:
        self._order = Order()
        self._strengths = Strengths()
        self._touched_at = NEVER
        self._found.clear()

    def begin(self, kind: str) -> None:
        """Look for devices of that type from now on; no type ends it."""
        self._kind, self._asked = kind, 0
        self._begin_anew()
        self.area.set_visibility(bool(kind))
        self.area.show(kind, '', [], {})
        self.tick()

    def tick(self) -> None:
        """Show what is known by now."""
        if not self._kind:
            return
        discovery = self._house.system.discovery
        found = discovery.ask(self._kind)
        self._asked += 1
        known = known_devices(self._house.system.connections.connections.values())
        rows = self._rows_on_air(found, known) if self._kind == ON_AIR else self._rows_in_network(found, known)
        trouble = [] if found else [say(_, notice) for notice in discovery.help(self._kind)]
        self.area.show(self._kind, self._sentence(bool(found), discovery.trouble(self._kind)), trouble, rows)

    def _rows_in_network(self, found: list[Found], known: set[tuple[str, ...]]) -> dict[str, Row]:
        self._found = {str(number): each for number, each in enumerate(found)}
        return {key: Row(visible(each.name, NAME_CHARACTERS), facts_of(each), is_known(each, known))
                for key, each in self._found.items()}  # fmt: skip

    def _rows_on_air(self, found: list[Found], known: set[tuple[str, ...]]) -> dict[str, Row]:
        present = {each.address: each for each in found}
        self._strengths.take({address: each.rssi for address, each in present.items()})
        self._order.follow(self._strengths.now, list(present), self._clock.monotonic(), self._touched_at)
        self._found = {address: present.get(address) or self._found[address] for address in self._order.keys}
        return {address: self._row_on_air(each, known, is_gone=address not in present)
                for address, each in self._found.items()}  # fmt: skip

    def _row_on_air(self, found: Found, known: set[tuple[str, ...]], *, is_gone: bool) -> Row:
        seems = visible(seems_to_be(found), NAME_CHARACTERS)
        name = seems if seems and found.name == found.details else visible(found.name, NAME_CHARACTERS)
        facts = [found.address if name != found.address else '', seems if name != seems else '',
                 _('not heard any more') if is_gone else '']  # fmt: skip
        strength = None if is_gone else self._strengths.now.get(found.address)
        return Row(name, ' · '.join(filter(None, facts)), is_known(found, known), is_gone, is_nameless(found),
                   None if strength is None else list(signal_of(strength, _)))  # fmt: skip

    def _sentence(self, found: bool, trouble: str) -> str:
        sentences = _sentences_on_air() if self._kind == ON_AIR else _sentences_in_network()
        if found:
            return sentences['found']
        if trouble:
            return sentences['trouble']
        return sentences['looking' if self._asked <= PATIENCE else 'nobody']

    def _pick(self, key: str) -> None:
        if (found := self._found.get(key)) is not None:
            self._on_pick(found)

    def _note_touch(self) -> None:
        self._touched_at = self._clock.monotonic()


def is_known(found: Found, known: set[tuple[str, ...]]) -> bool:
    """Whether a connection to that device exists."""
    return bool(identities(found.type, found.config) & known)


def facts_of(found: Found) -> str:
    """Where a device in the network is, and what it says of itself."""
    facts = (found.address, visible(found.details, NAME_CHARACTERS), _('encrypted') if found.config.get('tls') else '')
    return ' · '.join(fact for fact in facts if fact)


def seems_to_be(found: Found) -> str:
    """What a Bluetooth device seems to be, in the owner's language; '' if nobody knows."""
    return say(_, found.seems) if found.seems is not None and found.seems.template else ''


def _sentences_in_network() -> dict[str, str]:
    return {
        'found': _('Found in this network. A tap fills the form.'),
        'trouble': _('This network cannot be searched. Enter the address below.'),
        'looking': _('Looking for devices in this network …'),
        'nobody': _('No device has announced itself in this network so far. Enter the address below.'),
    }


def _sentences_on_air() -> dict[str, str]:
    return {
        'found': _('Devices near you, the strongest first. A tap fills the form.'),
        'trouble': _('Nothing can be heard at the moment. Enter the address below.'),
        'looking': _('Listening for devices near you …'),
        'nobody': _('No device is heard near here so far. Many are silent while a phone is connected to them.'),
    }


def _words() -> dict[str, str]:
    return {'label': _('Found devices'), 'added': _('already added'), 'show_one': _('Show {count} without a name'),
            'show_many': _('Show {count} without a name'), 'hide': _('Hide those without a name')}  # fmt: skip
