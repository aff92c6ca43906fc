"""A form made from a JSON Schema: objects whose fields come and go with what is chosen, and all around them."""
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from edgeos.plugins.phrase import Phrase
from pages.forms import Field
from pages.i18n import _
from pages.plugin_progress import show
from pages.rows import say_phrase
from pages.schema_fields import Node, Place, Surroundings, plain_node
from pages.schema_rules import (
    MISSING,
    Missing,
    Schema,
    asked_of,
    default_of,
    fields_of,
    hint_of,
    kind_of,
    parts_of,
    title_of,
)
from pages.schema_words import name_of_choice
from pages.sheet import Text


def node_of(title: str, schema: Any, value: Any, around: Surroundings, depth: int = 0) -> Node:
    """In the present place of the page."""
    from pages.schema_list import ListNode

    kind = kind_of(schema, depth)
    start = default_of(schema) if value is MISSING else value
    if kind == 'object' and isinstance(start, Mapping | Missing):
        return ObjectNode(title, schema, {} if isinstance(start, Missing) else start, around, depth)
    if kind == 'list' and isinstance(start, list | tuple | Missing):
        return ListNode(title, schema, [] if isinstance(start, Missing) else start, around, depth)
    fits_form = kind not in ('object', 'list', 'json')
    return plain_node(title, schema if fits_form else {**_texts(schema), '$ref': ''}, value, around)


def _texts(schema: Any) -> dict[str, Any]:
    known = schema if isinstance(schema, Mapping) else {}
    return {key: known[key] for key in ('description', 'default') if key in known}


class ObjectNode(Node):
    """Its fields below each other. Which are seen follows from the values of the others."""

    def __init__(self, title: str, schema: Schema, values: Mapping[str, Any], around: Surroundings,
                 depth: int = 0) -> None:  # fmt: skip
        """Without a title nothing is drawn around the fields; keys that the schema does not know are kept."""
        self._schema = schema
        self._around = around
        self._nodes: dict[str, tuple[Node, Element]] = {}
        fields = dict(fields_of(schema))
        self._others = {name: value for name, value in values.items() if name not in fields}
        with ui.element('fieldset' if title else 'div').classes('pg-object' if title else 'eo-form'):
            if title:
                Text('legend', title)
                if hint_of(schema):
                    Text('p', hint_of(schema), 'eo-hint')
            for name, field in fields.items():
                with ui.element('div').classes('pg-field') as place:
                    node = node_of(title_of(name, field), field, values.get(name, MISSING), self, depth + 1)
                self._nodes[name] = (node, place)
        self._settle()

    # for the fields inside

    def changed(self) -> None:
        self._settle()
        self._around.changed()

    def pick(self, kind: str, field: Field[str]) -> None:
        self._around.pick(kind, field)

    def _settle(self) -> None:
        """What is asked for with the present values; a field that has gone counts for nothing."""
        asked = asked_of(self._schema, {name: node.value for name, (node, _place) in self._nodes.items()})
        seen = {name: node.value for name, (node, _place) in self._nodes.items() if name in asked.names}
        asked = asked_of(self._schema, seen)
        self._asked = asked.names
        for name, (node, place) in self._nodes.items():
            node.set_required(name in asked.required)
            show(place, name in asked.names)

    # as a node

    @property
    def value(self) -> Any:
        values = {name: node.value for name, (node, _place) in self._nodes.items() if name in self._asked}
        return {**self._others, **{name: value for name, value in values.items() if value is not MISSING}}

    def check(self) -> bool:
        fine = [node.check() for node in self._present()]  # each shows what is wrong with it
        return all(fine)

    def places(self) -> Iterator[Place]:
        for node in self._present():
            yield from node.places()

    def show_problem(self, path: Sequence[str], message: str) -> bool:
        if path and path[0] in self._asked:
            return self._nodes[path[0]][0].show_problem(path[1:], message)
        return False

    def _present(self) -> list[Node]:
        return [node for name, (node, _place) in self._nodes.items() if name in self._asked]


class SchemaForm:
    """The whole form."""

    def __init__(self, schema: Schema, values: Mapping[str, Any], around: Surroundings) -> None:
        self._root = ObjectNode('', schema, values, around)

    @property
    def values(self) -> dict[str, Any]:
        """As they stand in the fields."""
        found: dict[str, Any] = self._root.value
        return found

    def check(self) -> bool:
        """Whether they can be meant; goes to the first that cannot."""
        is_fine = self._root.check()
        if not is_fine:
            self._go_to_first()
        return is_fine

    def show_problems(self, problems: Sequence[tuple[Any, str]], *, go: bool = True) -> list[str]:
        """Beside their fields; answers those that belong to none of them."""
        said = [(path, _told(message)) for path, message in problems]
        rest = [f'{".".join(parts_of(path))}: {message}' if path else message for path, message in said
                if not self._root.show_problem(parts_of(path), message)]  # fmt: skip
        if go:
            self._go_to_first()
        return rest

    def _go_to_first(self) -> None:
        place = next((place for place in self._root.places() if place.error), None)
        if place is not None:
            place.focus()


def _told(message: str) -> str:
    """In the owner's words: a pattern is for authors, the hint beside the field says what is meant."""
    what = message.values.get('what') if isinstance(message, Phrase) else None
    if isinstance(what, Phrase) and 'pattern' in what.values:
        return _('This is not in the form that is asked for.')
    return say_phrase(_, message)


def name_of(value: Any, schema: Schema, number: int) -> str:
    """What an entry of a list is called: by its name, or by the first text in it."""
    if isinstance(value, Mapping):
        fields = schema.get('properties', {})
        names = [key for key in ('name', 'title', 'id') if key in fields]
        for key in names or fields:
            if isinstance(text := value.get(key), str) and text:
                return name_of_choice(fields.get(key), text)[:80]
    return _('Entry {number}').format(number=number)
