"""What a plugin says and has said, without leaving the list: its newest log lines and its live values."""
from nicegui import ui

from edgeos.plugins.views import PluginView
from pages.evidence import LINES, EvidenceSheet, Shown
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.plugin_log import entries_of
from pages.plugin_rows import lamp_of, page_of, reason_of
from pages.sheet import one_per_page


def show(house: House, plugin: PluginView) -> None:
    """Open the sheet; the page has one of them."""
    one_per_page('plugin evidence', lambda: PluginEvidence(house)).open(shown_of(house, plugin))


def shown_of(house: House, plugin: PluginView) -> Shown:
    """As it is now."""
    lamp, reason = lamp_of(plugin, _), reason_of(plugin, Format(current_language(), _), _)
    head = {'look': lamp.tone, 'shape': lamp.shape, 'word': lamp.word, 'why': reason.why, 'hint': reason.hint}
    source = house.system.gateway.sources.get(plugin.id)
    return Shown(plugin.id, plugin.name, head, source.points if source is not None else {},
                 entries_of(plugin.log.lines())[-LINES:])  # fmt: skip


class PluginEvidence(EvidenceSheet):
    """Follows one plugin while it is open."""

    def _find(self) -> Shown | None:
        plugin = self._house.system.plugins.plugins.get(self._id)
        return None if plugin is None else shown_of(self._house, plugin)

    def _more(self) -> str:
        return _('Log')

    def _go(self) -> None:
        ui.navigate.to(page_of(self._id, 'log'))
