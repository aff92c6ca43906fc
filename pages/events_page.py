"""What went wrong and what happened, what is reported to Sentry, and what helps whoever helps."""
from collections.abc import Callable

from nicegui import ui

from pages.diagnostics_view import DiagnosticsView
from pages.events_view import EventsView
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.reports_view import ReportsView
from pages.sheet import Text
from pages.tabs import Section, Tabs
from pages.words import say_needs


def content(house: House) -> None:
    """Three sections, of which one is seen."""
    store = house.system.reporter.store
    words = Format(current_language(), _)
    makers: dict[str, tuple[str, Callable[[], Section]]] = {
        'events': (_('Events'), lambda: EventsView(house)),
        'reports': (_('Reports'), lambda: ReportsView(house)),
        'diagnostics': (_('Diagnostics'), lambda: DiagnosticsView(house)),
    }
    with ui.element('header').classes('eo-header el-head'):
        Text('h1', _('Events'))
        summary = Text('span', '', 'eo-sum')
    tabs = Tabs(makers)

    def tick() -> None:
        summary.set_text(say_needs(store.unseen, words))
        tabs.tick()

    summary.set_text(say_needs(store.unseen, words))
    ui.timer(1.0, tick)
