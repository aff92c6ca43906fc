"""A list in a form: entries can be added, removed and put in another order. Those with fields of their own are folded,
and their fields are only made when they are opened, so that a long list costs little."""
from collections.abc import Iterator, Sequence
from typing import Any

from nicegui import ui

from pages.forms import Field
from pages.i18n import _
from pages.plugin_progress import show
from pages.schema_fields import Node, Place, Surroundings
from pages.schema_form import name_of, node_of
from pages.schema_rules import MISSING, Schema, count_of, hint_of, kind_of
from pages.sheet import Button, Text

MOST_ENTRIES = 1000
FOLDED = ('object', 'list', 'json')


class Entry:
    """One entry: a line with its buttons, and its fields, which may still have to be made."""

    def __init__(self, parent: 'ListNode', value: Any, is_open: bool) -> None:
        self.parent = parent
        self._value = value
        self.node: Node | None = None
        self._is_open = False
        with ui.element('div').classes('pg-entry').props('role=group') as self.element:
            with ui.element('div').classes('pg-entry-head'):
                if parent.is_folded:
                    self._head = Button('', self.toggle, look='gh pg-entry-name', icon='chevron')
                else:
                    with ui.element('div').classes('eo-grow'):
                        self._body = ui.element('div')
                self._up = Button('', lambda: parent.move(self, -1), look='gh icon pg-up', icon='chevron',
                                  label=_('Move up'))  # fmt: skip
                self._down = Button('', lambda: parent.move(self, 1), look='gh icon', icon='chevron',
                                    label=_('Move down'))  # fmt: skip
                Button('', lambda: parent.remove(self), look='gh icon', icon='delete', label=_('Remove'))
            if parent.is_folded:
                self._body = ui.element('div').classes('pg-entry-body')
        self._show()
        if is_open or not parent.is_folded:
            self.toggle()

    def toggle(self) -> None:
        """Open or close it."""
        self._is_open = not self._is_open
        if self._is_open:
            self.make()
        self._show()

    def _show(self) -> None:
        if self.parent.is_folded:
            self._head.props['aria-expanded'] = 'true' if self._is_open else 'false'
            show(self._body, self._is_open)

    def make(self) -> Node:
        """Its fields."""
        if self.node is None:
            with self._body:
                schema = self.parent.items
                title = '' if kind_of(schema) == 'object' else self.parent.title
                self.node = node_of(title, schema, self._value, self.parent, self.parent.depth + 1)
                self.node.set_required(True)
        return self.node

    def open(self) -> Node:
        if not self._is_open:
            self.toggle()
        return self.make()

    @property
    def value(self) -> Any:
        return self._value if self.node is None else self.node.value

    def say(self, place: int, count: int) -> None:
        """Its name and which way it can go."""
        name = name_of(self.value, self.parent.items, place + 1)
        self.element.props['aria-label'] = name
        if self.parent.is_folded and self._head.text != name:
            self._head.text = name
        self._up.set_enabled(place > 0)
        self._down.set_enabled(place < count - 1)


class ListNode(Node):
    """The entries, and the button for one more."""

    def __init__(self, title: str, schema: Schema, values: Sequence[Any], around: Surroundings, depth: int) -> None:
        self.title = title
        self.items: Schema = schema['items']
        self.depth = depth
        self.is_folded = kind_of(self.items) in FOLDED
        self._schema = schema
        self._around = around
        self._entries: list[Entry] = []
        with ui.element('fieldset').classes('pg-object pg-entries'):
            Text('legend', title)
            if hint_of(schema):
                Text('p', hint_of(schema), 'eo-hint')
            self._none = Text('p', _('Nothing in it yet.'), 'eo-muted eo-small')
            self._list = ui.element('div').classes('pg-entry-list')
            with ui.element('div').classes('eo-field'):
                self._error = Text('div', '', 'eo-error').props('role=alert')
            self._add = Button(_('Add'), self._add_one, icon='plus', label=_('Add: {name}').format(name=title))
        for value in values[:MOST_ENTRIES]:
            self._append(value, is_open=False)
        self._settle()

    def _append(self, value: Any, *, is_open: bool) -> Entry:
        with self._list:
            entry = Entry(self, value, is_open)
        self._entries.append(entry)
        return entry

    def _add_one(self) -> None:
        entry = self._append(MISSING, is_open=True)
        self.changed()
        place = next(entry.make().places(), None)
        if place is not None:
            place.focus()

    def remove(self, entry: Entry) -> None:
        self._entries.remove(entry)
        entry.element.delete()
        self.changed()
        self._add.run_method('focus')

    def move(self, entry: Entry, by: int) -> None:
        """Up or down by one."""
        place = self._entries.index(entry) + by
        if 0 <= place < len(self._entries):
            self._entries.remove(entry)
            self._entries.insert(place, entry)
            entry.element.move(target_index=place)
            self.changed()

    def _settle(self) -> None:
        count = len(self._entries)
        show(self._none, not count)
        self._add.set_enabled(count < count_of(self._schema, 'maxItems', MOST_ENTRIES))
        for place, entry in enumerate(self._entries):
            entry.say(place, count)

    # for what is inside

    def changed(self) -> None:
        self._error.text = ''
        self._settle()
        self._around.changed()

    def pick(self, kind: str, field: Field[str]) -> None:
        self._around.pick(kind, field)

    # as a node and a place

    @property
    def value(self) -> Any:
        values = [value for entry in self._entries if (value := entry.value) is not MISSING]
        may_be_left_out = not self.is_required and count_of(self._schema, 'minItems', 0) > 0
        return MISSING if not values and may_be_left_out else values

    @property
    def error(self) -> str:
        return str(self._error.text)

    def focus(self) -> None:
        self._add.run_method('focus')

    def check(self) -> bool:
        low, count = count_of(self._schema, 'minItems', 0), len(self._entries)
        self._error.text = _('At least {count}, please.').format(count=low) if count < low and (
            self.is_required or count) else ''  # fmt: skip
        bad = [entry for entry in self._entries if not (self._check_unmade(entry) if entry.node is None else
                                                        entry.node.check())]  # fmt: skip
        for entry in bad:
            entry.open()
        return not bad and not self._error.text

    def _check_unmade(self, entry: Entry) -> bool:
        """What was not opened is as it was; the manager looks at it."""
        return entry.value is not MISSING

    def places(self) -> Iterator[Place]:
        for entry in self._entries:
            if entry.node is not None:
                yield from entry.node.places()
        yield self

    def show_problem(self, path: Sequence[str], message: str) -> bool:
        if path and path[0].isdigit() and int(path[0]) < len(self._entries):
            if self._entries[int(path[0])].open().show_problem(path[1:], message):
                return True
            message = f'{path[0]}: {message}'
        self._error.text = message
        return True
