"""By what processes are held here, in a sentence; and what to do where they cannot be."""
from collections.abc import Mapping

from nicegui import ui

from pages.i18n import _
from pages.process_rows import UNHELD, mechanism_word
from pages.sheet import Text


def show_mechanism(name: str) -> None:
    """The one in use."""
    if name in UNHELD:
        with ui.element('div').classes('eo-why eo-warn sy-how').props('role=note'):
            Text('b', sentence_of(name))
            Text('span', _('What to do: run the program as a systemd unit with a delegated control group '
                           '(Delegate=cpu memory pids).'), 'next')  # fmt: skip
    else:
        Text('p', sentence_of(name), 'sy-how eo-muted')


def show_unavailable(unavailable: Mapping[str, str]) -> None:
    """For each better way why it cannot be had, folded; the reasons are the limiter's own words."""
    if unavailable:
        with ui.element('details').classes('eo-advanced sy-ways'):
            with ui.element('summary'):
                Text('span', _('Why not in another way'))
            with ui.element('dl').classes('st-facts'):
                for other, reason in unavailable.items():
                    Text('dt', mechanism_word(other, _))
                    Text('dd', reason).props('lang=en')


def sentence_of(name: str) -> str:
    """How well the limits hold."""
    sentences = {
        'duty cycle': _('Held by pauses (duty cycle): works without root, exact to about one per cent.'),
        'cgroup': _('Held by a control group: exact, and nothing gets away.'),
        'priority': _('Priority only: CPU is NOT limited here, others just come first.'),
    }
    return sentences.get(name, _('Nothing can be limited here.'))
