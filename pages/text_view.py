"""A long text as it is, to read and to copy, and the sheet around it."""
import json
from pathlib import Path

from nicegui import ui
from nicegui.element import Element

from pages.i18n import _
from pages.sheet import Button, Sheet, Text, one_per_page
from pages.time_graph import OVERVIEW, OWN

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
LOOKS = frozenset(('good', 'warn', 'idle'))


class TextView(Element, component=_ASSETS / 'text_view.js', dependencies=[OVERVIEW, OWN]):
    """Whatever it contains is shown as text."""

    def __init__(self) -> None:
        super().__init__()
        words = {'copy': _('Copy'), 'copied': _('Copied'), 'failed': _('Cannot copy')}
        self._props.update({'text': '', 'name': '', 'words': words})

    def show(self, text: str, name: str) -> None:
        """`name` says what it is."""
        self._props['name'] = name
        if self._props['text'] != text:
            self._props['text'] = text


class TextSheet:
    """A text in full, below a line that says what became of it or what it is."""

    def __init__(self) -> None:
        self._turn = 0
        self._sheet = Sheet(look='wide el-sheet')
        with self._sheet.body:
            with ui.element('div').classes('el-news eo-why').props('role=status') as self._news:
                self._spinner = ui.element('i').classes('el-spinner').props('aria-hidden="true"')
                self._said = Text('p')
            self._view = TextView()
        with self._sheet.bar:
            Button(_('Close'), self._sheet.close).take_focus()

    def open(self, title: str, text: str = '') -> int:
        """Begin anew, with nothing said above it; the number says whose turn it is."""
        self._turn += 1
        self._sheet.set_title(title)
        self.say('')
        self.show(text, title)
        self._sheet.open()
        return self._turn

    def is_seen(self, turn: int) -> bool:
        """Whether somebody still looks at what was opened with that number."""
        return self._sheet.is_open and turn == self._turn and not self._sheet.dialog.is_deleted

    def show(self, text: str, name: str) -> None:
        self._view.show(text, name)

    def say(self, text: str, look: str = '', *, busy: bool = False) -> None:
        """What is known of it by now; `look` is good, warn or idle."""
        self._news.set_visibility(bool(text))
        self._spinner.set_visibility(busy)
        self._said.set_text(text)
        self._news.classes(add=f'eo-{look}' if look else '', remove=' '.join(f'eo-{each}' for each in LOOKS - {look}))


def text_sheet() -> TextSheet:
    """The one of this page."""
    return one_per_page('text', TextSheet)


def pretty(text: str) -> str:
    """JSON with a line for each thing in it; as it came where it is none."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text
