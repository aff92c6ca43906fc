"""The plugins as ONE element: told once a second what has changed; what can be had follows as soon as it is known."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nicegui import background_tasks
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from edgeos.plugins.views import Offers
from pages.format import Format
from pages.frame import House
from pages.i18n import _, current_language
from pages.plugin_deeds import Deeds
from pages.plugin_install import install_sheet
from pages.plugin_rows import Row, offer_rows, progress_of, rows_of
from pages.rows import say_phrase
from pages.time_graph import OVERVIEW, OWN
from pages.toasts import say_trouble
from pages.words import list_words

_ASSETS = Path(__file__).resolve().parents[1] / 'assets'
LOOK_AGAIN = 60.0  # s after which what can be had is looked at again, from the kept copy


class PluginCards(Element, component=_ASSETS / 'plugin_cards.js', dependencies=[OVERVIEW, OWN]):
    """Rows of `plugin_rows`."""

    def __init__(self, rows: Sequence[Row], *, words: Mapping[str, str], locale: str) -> None:
        super().__init__()
        self._props['first'] = {'rows': list(rows), 'order': [row['id'] for row in rows]}
        self._props['words'] = dict(words)
        self._props['locale'] = locale

    def hear(self, rows: Sequence[Row], order: Sequence[str] | None) -> None:
        """Rows that changed, and all ids in order where that is another one."""
        self.run_method('hear', {'rows': list(rows), 'order': order and list(order)})

    def hear_coming(self, coming: Sequence[Row]) -> None:
        """What is being installed: {id, busy}."""
        self.run_method('hearComing', list(coming))

    def hear_reading(self, is_reading: bool) -> None:
        """Whether the sources are being asked just now."""
        self.run_method('hearReading', is_reading)

    def hear_offers(self, message: Mapping[str, Any]) -> None:
        """All that can be had."""
        self.run_method('hearOffers', dict(message))


class PluginsView:
    """Installed and available, and what their buttons do."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._manager = house.system.plugins
        self._clock = house.system.services.clock
        self._format = Format(current_language(), _)
        self._deeds = Deeds(house)
        self._offers: Offers | None = None
        self._looked = float('-inf')  # monotonic s
        self._there: dict[str, str] = {}  # installed versions when the offers were looked at
        self._looking = False
        self._coming: list[Row] = []
        self._told = {row['id']: row for row in self._rows()}
        self._cards = PluginCards(list(self._told.values()), words=_words(), locale=current_language())
        self._cards.on('act', self._act)

    def tick(self) -> None:
        """Tell what is new."""
        rows = {row['id']: row for row in self._rows()}
        changed = [row for name, row in rows.items() if self._told.get(name) != row]
        order = None if list(rows) == list(self._told) else list(rows)
        self._told = rows
        if changed or order is not None:
            self._cards.hear(changed, order)
        self._follow_jobs()
        installed = {name: row['version'] for name, row in rows.items()}
        if installed != self._there or self._clock.monotonic() - self._looked > LOOK_AGAIN:
            self._there, self._looked = installed, self._clock.monotonic()
            self._look()

    def _rows(self) -> list[Row]:
        return rows_of(self._manager.plugins.values(), self._format, _)

    def _follow_jobs(self) -> None:
        """Also those that were begun in another browser, or here before the page was loaded again."""
        if self._offers is None:  # what it is called is not known yet
            return
        running = self._manager.coming
        coming = [{'id': plugin_id, 'busy': progress_of(job, self._name_of(plugin_id), self._format, _)}
                  for plugin_id, job in running.items()]  # fmt: skip
        if coming != self._coming:
            self._coming = coming
            self._cards.hear_coming(coming)
        updates = {plugin.id: plugin.busy for plugin in self._manager.plugins.values() if plugin.busy is not None}
        for plugin_id, job in {**running, **updates}.items():
            install_sheet(self._house).adopt(job, plugin_id, self._name_of(plugin_id))

    def _name_of(self, plugin_id: str) -> str:
        if plugin_id in self._told:
            return str(self._told[plugin_id]['name'])
        offers = self._offers.list if self._offers is not None else []
        return next((offer.name for offer in offers if offer.id == plugin_id), plugin_id)

    def _look(self) -> None:
        if not self._looking:
            self._looking = True
            background_tasks.create(self._tell(), name='plugins on offer')

    async def _tell(self) -> None:
        try:
            offers = await self._manager.available()
        finally:
            self._looking = False
        if self._cards.is_deleted:
            return
        self._offers = offers
        with self._cards:
            rows = offer_rows(offers.list, self._format, _)
            problems = [say_phrase(_, problem) for problem in offers.problems]
        self._cards.hear_offers({'rows': rows, 'problems': problems, 'as_of': offers.as_of,
                                 'now': round(self._clock.wall(), 3)})  # fmt: skip

    async def refresh(self) -> None:
        """Ask the sources anew; the page says so meanwhile."""
        self._cards.hear_reading(True)
        try:
            await self._manager.refresh()
            await self._tell()
        finally:
            if not self._cards.is_deleted:
                self._cards.hear_reading(False)

    async def _act(self, event: GenericEventArguments) -> None:
        action, plugin_id = (str(each) for each in event.args)
        if action == 'refresh':
            await self.refresh()
        elif action == 'progress' and (job := self._manager.coming.get(plugin_id)) is not None:
            install_sheet(self._house).follow(job, plugin_id, self._name_of(plugin_id))
        elif action in ('offer', 'install'):
            offer = next((each for each in self._offers.list if each.id == plugin_id), None) if self._offers else None
            if offer is None:
                say_trouble(_('This plugin is not offered any more.'))
            else:
                await install_sheet(self._house).open_offer(offer)
        else:
            await self._deeds.do(action, plugin_id)


def _words() -> dict[str, str]:
    return {
        **list_words(),
        'search_one': _('Search {count} plugin'),
        'search_many': _('Search {count} plugins'),
        'only_all': _('All'),
        'only_trouble': _('Needs you'),
        'only_installed': _('Installed'),
        'only_updates': _('Updates'),
        'only_available': _('Available'),
        'show_rows': _('Show as rows'),
        'show_cards': _('Show as cards'),
        'installed': _('Installed'),
        'available': _('Available'),
        'cpu': _('CPU'),
        'memory': _('Memory'),
        'settings': _('Settings'),
        'menu': _('More'),
        'menu_for': _('More for {name}'),
        'restart': _('Restart'),
        'start': _('Start'),
        'stop': _('Stop'),
        'kill': _('Kill'),
        'log': _('Log'),
        'evidence': _('Log and values'),
        'update_to': _('Update to {version}'),
        'roll_back': _('Go back to {version}'),
        'uninstall': _('Uninstall'),
        'see_changes': _('See what changes'),
        'install': _('Install'),
        'progress': _('Show progress'),
        'install_name': _('Install {name}'),
        'details': _('Details'),
        'more': _('Show more'),
        'as_of': _('as of {ago}'),
        'reading': _('The sources are being read …'),
        'read_again': _('Look for news'),
        'old_list': _('This list is from {ago}: not every source has answered since.'),
        'no_list': _('The sources of plugins do not answer.'),
        'try_again': _('Try again'),
        'empty_text': _('No plugin is installed yet. Choose one below, or install one from a file.'),
        'all_installed': _('Everything that is offered is installed.'),
        'nothing_offered': _('Nothing is offered at the moment. A source can be added above.'),
        'nothing_known': _('Nothing is known of what can be had. Installed plugins go on as they are.'),
        'none_text': _('No plugin fits the search and the filters.'),
        'none_updates': _('Every plugin is up to date.'),
        'none_trouble': _('No plugin needs you.'),
    }
