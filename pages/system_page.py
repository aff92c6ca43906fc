"""How the machine is, which processes the program watches, and to what limits it holds them."""
from nicegui import ui

from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.limit_form import DefaultsForm
from pages.machine_graphs import MachineGraphs
from pages.machine_head import MachineHead
from pages.process_list import ProcessesView
from pages.sheet import Text
from pages.words import say_needs


def content(house: House) -> None:
    """What needs the owner first, then who takes how much, then how it was."""
    words = Format(current_language(), _)
    with ui.element('header').classes('eo-header'):
        Text('h1', _('System'))
        summary = Text('span', '', 'eo-sum')
    head = MachineHead(house)
    with ui.element('div').classes('sy-page'):
        processes = ProcessesView(house)
        graphs = MachineGraphs(house)
        DefaultsForm(house)

    def say() -> None:
        needs = say_needs(len(head.warnings) + processes.troubles, words)
        held = _('1 process is held') if processes.held == 1 else \
            _('{count} processes are held').format(count=processes.held)
        summary.set_text(f'{needs} · {held}' if processes.held else needs)

    def tick() -> None:
        head.tick()
        processes.tick()
        graphs.tick()
        say()

    say()
    ui.timer(1.0, tick)
