"""What the plugins page says of each: lamp, reason, next step, bars against limits. Pure functions."""
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from edgeos.plugins.faults import CONFIG
from edgeos.plugins.registry import BUILT_IN
from edgeos.plugins.views import JobView, Offer, PluginView
from pages.format import Format, Translate, natural
from pages.process_rows import NO_BAR, against, cpu_bar, megabytes, memory_bar, percent
from pages.rows import say, say_hint, say_phrase

Row = dict[str, Any]
ALIVE = frozenset(('starting', 'running', 'unhealthy', 'backoff'))  # what can be stopped
IN_TROUBLE = frozenset(('failed', 'unhealthy', 'backoff'))
MOST_OFFERS = 1000


class Lamp(NamedTuple):
    """Colour, shape and word."""

    tone: str
    shape: str
    word: str


class Reason(NamedTuple):
    """Why it needs somebody, what to do, and what happens by itself."""

    why: str = ''
    hint: str = ''
    next: str = ''


def page_of(plugin_id: str, tab: str = '') -> str:
    """The address of its page."""
    return f'/plugins/{quote(plugin_id)}' + (f'?tab={tab}' if tab else '')


def about_of(what: PluginView | Offer, language: str) -> str:
    """What it is good for, in the owner's language where its author has written that."""
    return what.descriptions.get(language) or what.description


def rows_of(plugins: Iterable[PluginView], words: Format, _: Translate) -> list[Row]:
    """Trouble first, then by name."""
    return [row_of(each, words, _) for each in sorted(plugins, key=_order)]


def _order(plugin: PluginView) -> tuple[int, list[str | tuple[int, str]], str]:
    return trouble_of(plugin), natural(plugin.name), plugin.id


def trouble_of(plugin: PluginView) -> int:
    """0 failed, 1 degraded, 2 all else."""
    return {'failed': 0, 'unhealthy': 1, 'backoff': 1}.get(plugin.state, 2)


def count_failed(plugins: Iterable[PluginView]) -> int:
    """For the badge."""
    return sum(plugin.state == 'failed' for plugin in plugins)


def count_trouble(plugins: Iterable[PluginView]) -> int:
    """How many need somebody."""
    return sum(plugin.state in IN_TROUBLE for plugin in plugins)


def row_of(plugin: PluginView, words: Format, _: Translate) -> Row:
    """A plugin as the browser takes it."""
    lamp, reason = lamp_of(plugin, _), reason_of(plugin, words, _)
    action, label = next_action(plugin, _)
    return {
        'id': plugin.id, 'name': plugin.name, 'version': plugin.version, 'about': about_of(plugin, words.language),
        **lamp._asdict(), **reason._asdict(), 'action': action, 'label': label,
        **uses_of(plugin, words, _), 'facts': facts_of(plugin, words, _),
        'is_on': plugin.state in ALIVE, 'pid': plugin.pid is not None, 'trouble': plugin.state in IN_TROUBLE,
        'update': plugin.update, 'previous': plugin.previous, 'busy': busy_of(plugin, words, _),
    }  # fmt: skip


def title_of(job: JobView, name: str, _: Translate) -> str:
    """What is being done; a job's title that is not known here is shown as it is."""
    known = {'install': _('Install {name}'), 'update': _('Update {name}'), 'uninstall': _('Uninstall {name}'),
             'roll back': _('Set {name} back'), 'repair': _('Repair {name}')}  # fmt: skip
    return known[job.title].format(name=name) if job.title in known else job.title


def busy_of(plugin: PluginView, words: Format, _: Translate) -> list[Any] | None:
    """What is being done with it."""
    job = plugin.busy
    return None if job is None or job.state != 'running' else progress_of(job, plugin.name, words, _)


def progress_of(job: JobView, name: str, words: Format, _: Translate) -> list[Any]:
    """Title, share done, and the same in words."""
    return [title_of(job, name, _), round(job.percent / 100, 2), percent(round(job.percent), words)]


def lamp_of(plugin: PluginView, _: Translate) -> Lamp:
    """Of the nine states and the flag."""
    if plugin.state == 'running':
        return Lamp('busy', 'pause', _('Held')) if plugin.throttled else Lamp('good', 'dot', _('Running'))
    return {
        'installed': Lamp('idle', 'ring', _('Not started')), 'stopped': Lamp('idle', 'ring', _('Stopped')),
        'starting': Lamp('busy', 'dash', _('Starting')), 'stopping': Lamp('busy', 'dash', _('Stopping')),
        'unhealthy': Lamp('warn', 'triangle', _('No answer')), 'backoff': Lamp('warn', 'triangle', _('Waiting')),
        'failed': Lamp('bad', 'diamond', _('Failed')),
    }.get(plugin.state, Lamp('idle', 'ring', plugin.state))  # fmt: skip


def reason_of(plugin: PluginView, words: Format, _: Translate) -> Reason:
    """Only where something is not as it should be."""
    if plugin.state == 'running' and plugin.throttled and plugin.cpu_limit:
        return Reason(_('It wants more than {limit} of a core and is held there.').format(
            limit=percent(plugin.cpu_limit, words)))  # fmt: skip
    if plugin.state not in IN_TROUBLE:
        return Reason()
    if plugin.failure is not None:
        return Reason(say(_, plugin.failure), say_hint(_, plugin.failure), _next_try(plugin, words, _))
    why = {'failed': _('It does not run any more.'), 'backoff': _('It has ended unexpectedly.')}
    return Reason(why.get(plugin.state, _('It does not answer.')), '', _next_try(plugin, words, _))


def _next_try(plugin: PluginView, words: Format, _: Translate) -> str:
    if plugin.next_try_in is not None:
        return _('Next try in {time}').format(time=words.span(plugin.next_try_in + 0.999))
    return _('It is not tried again by itself.') if plugin.state == 'failed' else ''


def next_action(plugin: PluginView, _: Translate) -> tuple[str, str]:
    """The one thing that fits its state, and its word."""
    if plugin.busy is not None and plugin.busy.state == 'running':
        return 'progress', _('Show progress')
    if needs_settings(plugin):
        return 'settings', _('Change settings')
    if plugin.state in ALIVE:
        return ('restart', _('Restart')) if plugin.state == 'unhealthy' else ('stop', _('Stop'))
    return 'start', _('Start again') if plugin.state == 'failed' else _('Start')


def needs_settings(plugin: PluginView) -> bool:
    """It said itself that it cannot use its settings."""
    return plugin.state == 'failed' and plugin.failure is not None and plugin.failure.code == CONFIG


def uses_of(plugin: PluginView, words: Format, _: Translate) -> Row:
    """CPU and memory against their limits; keys as those of a watched process."""
    cpu, memory = plugin.cpu_percent, plugin.memory_mb
    return {
        'cpu': NO_BAR if cpu is None else [*cpu_bar(cpu, cpu, plugin.cpu_limit)[:2], None],
        'cpu_text': '–' if cpu is None else percent(cpu, words),
        'cpu_of': '' if cpu is None else against(plugin.cpu_limit or None, percent, words, _),
        'cpu_look': 'held' if plugin.throttled else '',
        'memory': NO_BAR if memory is None else memory_bar(memory, plugin.memory_limit_mb),
        'memory_text': '–' if memory is None else megabytes(memory, words),
        'memory_of': '' if memory is None else against(plugin.memory_limit_mb or None, megabytes, words, _),
        'memory_look': _memory_look(memory, plugin.memory_limit_mb),
    }  # fmt: skip


def _memory_look(mb: float | None, limit: float | None) -> str:
    if mb is None or not limit:
        return ''
    return 'bad' if mb > limit else 'warn' if mb > 0.9 * limit else ''


def facts_of(plugin: PluginView, words: Format, _: Translate) -> list[str]:
    """Values, messages, restarts; what is nothing is not said."""
    facts = []
    if plugin.points or plugin.pid is not None:
        facts.append(_('1 value') if plugin.points == 1 else
                     _('{count} values').format(count=words.whole(plugin.points)))  # fmt: skip
    if plugin.pid is not None:
        facts.append(_('{count} messages/s').format(count=words.figure(plugin.messages_per_s)))
    if plugin.restarts:
        facts.append(_('1 restart') if plugin.restarts == 1 else
                     _('{count} restarts').format(count=words.whole(plugin.restarts)))  # fmt: skip
    return facts


def source_word(source: str, _: Translate) -> str:
    """Where a plugin came from."""
    return {BUILT_IN: _('comes with the program'), 'file': _('from a file')}.get(source, source)


def offer_row(offer: Offer, words: Format, _: Translate) -> Row:
    """Something that can be had, as the browser takes it."""
    about = about_of(offer, words.language)
    known = (offer.id, offer.name, about, offer.description, offer.author, offer.category, *offer.keywords)
    return {
        'id': offer.id, 'name': offer.name, 'version': offer.version, 'about': about,
        'author': offer.author, 'size': words.bytes(offer.size), 'why_not': say_phrase(_, offer.why_not or ''),
        'category': offer.category, 'icon': offer.icon if offer.icon.startswith('data:image/') else '',
        'found': ' '.join(known),
        'source': '' if offer.source == BUILT_IN else urlsplit(offer.source).netloc or offer.source,
    }  # fmt: skip


def offer_rows(offers: Iterable[Offer], words: Format, _: Translate) -> list[Row]:
    """Those that are not installed; what cannot be installed comes last."""
    there = [offer for offer in offers if offer.installed is None]
    ordered = sorted(there, key=lambda offer: (offer.why_not is not None, natural(offer.name), offer.id))
    return [offer_row(offer, words, _) for offer in ordered[:MOST_OFFERS]]
