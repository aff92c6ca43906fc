"""Plugins: what is installed and how it is, and what can be had."""
from nicegui import ui

from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.plugin_cards import PluginsView
from pages.plugin_rows import count_trouble
from pages.plugin_sources import SourcesSheet
from pages.plugin_upload import FileButton
from pages.sheet import Button, Text, one_per_page
from pages.words import say_needs


def content(house: House) -> None:
    """A head with what concerns all of them, then the list."""
    manager, words = house.system.plugins, Format(current_language(), _)
    with ui.element('header').classes('eo-header pg-header'):
        Text('h1', _('Plugins'))
        summary = Text('span', '', 'eo-sum')
        with ui.element('div').classes('pg-actions'):
            Button(_('Sources'), lambda: one_per_page('sources', lambda: SourcesSheet(house, view.refresh)).open(),
                   look='gh')  # fmt: skip
            FileButton(house)
    view = PluginsView(house)

    def say() -> None:
        plugins = manager.plugins.values()
        running = sum(plugin.pid is not None for plugin in plugins)
        text = _('{count} of {total} running').format(count=words.whole(running), total=words.whole(len(plugins)))
        text = f'{text} · {say_needs(count_trouble(plugins), words)}' if plugins else ''
        if summary.text != text:
            summary.set_text(text)

    def tick() -> None:
        view.tick()
        say()

    say()
    ui.timer(1.0, tick)
