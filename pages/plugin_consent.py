"""What somebody has to know of a plugin before it is installed or updated: what it may do, what changes, from whom."""
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nicegui import ui

from edgeos.plugins.manifest import Manifest, descriptions_of
from edgeos.plugins.views import Offer, PluginView
from pages.format import Format
from pages.i18n import _, current_language
from pages.permission_words import Said, say_permissions
from pages.plugin_rows import about_of, source_word
from pages.process_rows import megabytes, percent
from pages.readme import render
from pages.rows import say_phrase
from pages.sheet import Text


@dataclass
class Subject:
    """What is to be installed; with `before` it is an update of that version. `added` is not granted yet."""

    id: str
    name: str
    version: str
    permissions: Sequence[str] = ()
    added: Sequence[str] = ()
    before: str = ''
    about: str = ''
    facts: Sequence[str] = ()
    changes: str = ''
    why_not: str = ''
    resources: Any = field(default_factory=dict)

    @property
    def is_update(self) -> bool:
        return bool(self.before)


def subject_of_offer(offer: Offer, added: Sequence[str], plugin: PluginView | None) -> Subject:
    """From a source; `plugin` is what is installed of it."""
    words = Format(current_language(), _)
    facts = [offer.author, words.bytes(offer.size) if offer.size else '', offer.published[:10],
             source_word(offer.source, _)]
    return Subject(offer.id, offer.name, offer.version, list(offer.permissions), list(added),
                   plugin.version if plugin is not None else '', about_of(offer, current_language()),
                   [each for each in facts if each], offer.changelog, offer.why_not or '', offer.resources)  # fmt: skip


def subject_of_manifest(manifest: Manifest, added: Sequence[str], plugin: PluginView | None) -> Subject:
    """From a file."""
    facts = [each for each in (manifest.author, manifest.license, _('from a file')) if each]
    about = descriptions_of(manifest.translations).get(current_language()) or manifest.description
    return Subject(manifest.id, manifest.name, manifest.version, list(manifest.permissions), list(added),
                   plugin.version if plugin is not None else '', about, facts)  # fmt: skip


async def show_subject(subject: Subject) -> None:
    """Fill the present place of the page."""
    with ui.element('div').classes('eo-col pg-subject'):
        if subject.about:
            Text('p', subject.about, 'pg-long')
        Text('p', ' · '.join([version_text(subject), *subject.facts]), 'eo-small eo-muted eo-num pg-long')
        if subject.why_not:
            with ui.element('div').classes('eo-why eo-warn'):
                Text('b', _('It cannot be installed here.'))
                Text('span', say_phrase(_, subject.why_not), 'next')
        show_permissions(subject)
        if held := held_text(subject.resources):
            Text('p', held, 'eo-small eo-muted')
    if subject.changes:
        html = await asyncio.to_thread(render, subject.changes)
        with ui.element('section').classes('pg-changes'):
            Text('h3', _('What changes') if subject.is_update else _('Changes of the last versions'))
            ui.html(html, sanitize=False).classes('pg-readme')


def version_text(subject: Subject) -> str:
    """`1.2.0 → 1.3.0` or `Version 1.3.0`."""
    if subject.is_update:
        return f'{subject.before} → {subject.version}'
    return _('Version {version}').format(version=subject.version)


def show_permissions(subject: Subject) -> None:
    """As a list; what is new in an update is marked."""
    Text('h3', _('What it may do'))
    if not subject.permissions:
        Text('p', _('Nothing but offer values of its own: it reads no others, and uses no network.'))
        return
    if subject.is_update and not subject.added:
        Text('p', _('It asks for nothing new.'), 'eo-muted')
    added = subject.added if subject.is_update else ()
    list_permissions(say_permissions(subject.permissions, added, _))


def list_permissions(said: Sequence[Said]) -> None:
    """Each with a mark that says whether it is far-reaching."""
    with ui.element('ul').classes('pg-permissions'):
        for each in said:
            with ui.element('li').classes('eo-warn' if each.is_wide else 'eo-idle').props(f'title="{_title(each)}"'):
                ui.element('i').classes('eo-triangle' if each.is_wide else 'eo-dot').props('aria-hidden="true"')
                Text('span', each.text, 'eo-grow pg-long')
                if each.is_new:
                    Text('b', _('new'), 'pg-new')


def _title(said: Said) -> str:
    return said.permission.replace('\\', '\\\\').replace('"', "'")


def held_text(resources: Any) -> str:
    """To what it is held unless the owner says otherwise."""
    words = Format(current_language(), _)
    cpu, memory = (resources.get(key) for key in ('cpu_percent', 'memory_mb')) if resources else (None, None)
    if not cpu or not memory:
        return ''
    return _('It is held to {cpu} of a core and {memory} of memory; you can change that.').format(
        cpu=percent(cpu, words), memory=megabytes(memory, words))
