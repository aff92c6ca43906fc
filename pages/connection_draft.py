"""What is being entered for a connection, against what it was: what to try, what to write."""
from typing import Any

from edgeos.connections.connection import Connection
from edgeos.connections.kinds import KINDS
from edgeos.connections.manager import ConnectionManager
from pages.connection_form import ConnectionForm
from pages.forms import Field, focus_first_error
from pages.i18n import _
from pages.kept_drafts import Kept

NAME_CHARACTERS = 200


def new_key(kind: str) -> str:
    """What a new connection of that type is for, in one word that no id can be."""
    return f'new {kind}'


class Draft:
    """A name and a form, of a new connection or of an existing one."""

    def __init__(self, name: Field[str], form: ConnectionForm, editing: Connection | None) -> None:
        """The fields must show already what they are compared with."""
        self.form = form
        self.editing = editing
        self._name = name
        self._name_before = name.value
        self._before = form.values()

    @property
    def key(self) -> str:
        """What it is for, in one word."""
        return self.editing.id if self.editing is not None else new_key(self.form.KIND)

    def to_keep(self) -> tuple[str, dict[str, Any]]:
        """The name and the values, without secrets."""
        secrets = KINDS[self.form.KIND].SECRETS
        return self._name.value, {key: value for key, value in self.form.values().items() if key not in secrets}

    def go_on(self, kept: Kept) -> None:
        """Show what was being entered before; compared with what it was then."""
        self._name.value = kept.name
        self.form.fill({**self._before, **kept.values})

    @property
    def fields(self) -> list[Field[Any]]:
        """In the order they are seen."""
        return [self._name, *self.form.fields.values()]

    @property
    def is_touched(self) -> bool:
        """Whether something would be lost."""
        return self._name.value != self._name_before or self.form.values() != self._before

    @property
    def needs_proof(self) -> bool:
        """Whether the link would be another one than before."""
        return self.editing is None or bool(self.form.changes(self._before))

    def check(self) -> bool:
        """Errors beside the fields, the first of them in focus; answers whether there are none."""
        fine = self.form.check()
        if len(self._name.value) > NAME_CHARACTERS:
            self._name.show_error(_('Up to {count} characters.').format(count=NAME_CHARACTERS))
            fine = False
        focus_first_error(self.fields)
        return fine

    def show_problems(self, problems: list[tuple[tuple[str, ...], str]]) -> str:
        """What validation found goes beside the fields; answers what belongs to none."""
        for path, message in problems:
            if path == ('name',):
                self._name.show_error(message)
        rest = self.form.show_problems([each for each in problems if each[0] != ('name',)])
        focus_first_error(self.fields)
        return ' '.join(rest)

    def trial_body(self) -> dict[str, Any]:
        """What is tried: the whole config as it stands."""
        form = self.form
        config = {key: value for key, value in form.values().items() if value != form.default_of(key)}
        body: dict[str, Any] = {'type': form.KIND, 'config': config}
        return body if self.editing is None else {**body, 'id': self.editing.id}

    async def write(self, manager: ConnectionManager) -> str:
        """Save; answers what to say about it. Raises what `add` and `change` raise."""
        if self.editing is None:
            config = self.form.new_config()
            name = self._name.value or str(config.get('host') or config.get('address') or '')
            connection = await manager.add({'type': self.form.KIND, 'name': name, 'config': config})
            return _('{name} was added.').format(name=connection.name)
        patch: dict[str, Any] = {}
        if self._name.value != self._name_before:
            patch['name'] = self._name.value
        if changes := self.form.changes(self._before):
            patch['config'] = changes
        if not patch:
            return _('Nothing was changed.')
        connection = await manager.change(self.editing.id, patch)
        return _('{name} is saved.').format(name=connection.name)
