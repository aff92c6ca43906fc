"""What a registry says, entry by entry: a broken one hides only itself."""
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edgeos.plugins.archive import PACKAGE
from edgeos.plugins.findings import BadJson, explain, read_object
from edgeos.plugins.manifest import Line, Permissions, Requires, Resources, Translations, check_id, descriptions_of
from edgeos.plugins.phrase import Phrase, at_place, phrase_of
from edgeos.plugins.registry_fetch import FetchFailed, check_address
from edgeos.plugins.versions import BadVersion, Version
from edgeos.settings_file import short

MOST_BYTES = 5 * 1024 * 1024
MOST_PACKAGES = 2000
MOST_VERSIONS = 200  # of one package
MOST_PROBLEMS = 50  # of one source
MOST_ICON = 48 * 1024  # characters
BREATH = 0.0002  # s between two plugins, in which the event loop gets its turn; it would wait 5 ms each time otherwise


class Problem(NamedTuple):
    """Of a source as a whole, or of one `entry` in it."""

    source: str
    entry: str
    message: str

    def __str__(self) -> str:
        return str(self.phrase)

    @property
    def phrase(self) -> str:
        """As one text, as far as it can be said in another language."""
        return at_place(self.message, self.source, self.entry)


@dataclass(frozen=True, slots=True)
class Release:
    """One version of one plugin, as a registry tells it. `source` is where the registry was found, `url` an address
    or, of a registry on this device, a path; `sha256` in small hexadecimal digits; sizes in bytes; `yanked` is why it
    is not offered any more, or ''; `icon` a data: address or ''; `published` as it was told, ISO 8601 in UTC.
    """

    id: str
    name: str
    description: str
    icon: str
    version: str
    url: str
    sha256: str
    size: int
    unpacked_size: int
    files: int
    requires: Requires
    permissions: tuple[str, ...]
    resources: Resources
    published: str
    yanked: str
    changelog: str
    source: str
    author: str = ''
    keywords: tuple[str, ...] = ()
    category: str = ''
    is_latest: bool = False  # has the tag
    descriptions: Mapping[str, str] = field(default_factory=dict)  # by language, other than English


@dataclass(slots=True)
class Listing:
    """What is in one registry."""

    releases: list[Release] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _icon(text: str) -> str:
    if text and not re.fullmatch(r'data:image/(svg\+xml|png);base64,[A-Za-z0-9+/]+=*', text):
        raise ValueError('expected a picture as data:image/svg+xml;base64,… or data:image/png;base64,…')
    return text


class _Entry(BaseModel):
    """Of other people's registries: what a later version adds is passed over."""

    model_config = ConfigDict(frozen=True, extra='ignore', strict=True, defer_build=True)


class _Dist(_Entry):
    url: Line = Field(min_length=1, max_length=2048)
    sha256: str = Field(pattern=r'^[0-9a-f]{64}$')
    size: int = Field(ge=1, le=PACKAGE.size)
    unpacked_size: int = Field(default=0, alias='unpackedSize', ge=0, le=PACKAGE.size)
    files: int = Field(default=0, ge=0, le=PACKAGE.files)


class _Version(_Entry):
    dist: _Dist
    requires: Requires = Requires()
    permissions: Permissions = ()
    resources: Resources = Resources()
    published: Line = Field(default='', max_length=40)
    yanked: bool | Annotated[Line, Field(max_length=300)] = False
    changelog: str = Field(default='', max_length=20_000)


class _Package(_Entry):
    name: Line = Field(min_length=1, max_length=60)
    description: Line = Field(default='', max_length=300)
    translations: Translations = {}
    icon: Annotated[str, Field(max_length=MOST_ICON), AfterValidator(_icon)] = ''
    author: Line = Field(default='', max_length=100)
    keywords: tuple[Annotated[Line, Field(max_length=40)], ...] = Field(default=(), max_length=30)
    category: Line = Field(default='', max_length=40)
    tags: dict[str, str] = Field(default={}, alias='dist-tags', max_length=20)


_Model = TypeVar('_Model', bound=_Entry)


def read_registry(data: bytes, source: str) -> Listing:
    """Never raises. Blocks when it is long: for a thread."""
    listing = Listing()
    problems = listing.problems
    try:
        found = read_object(data, MOST_BYTES)
    except BadJson as error:
        problems.append(Problem(source, '', phrase_of(error)))
        return listing
    packages = found.get('packages')
    if type(found.get('registryVersion')) is not int or found['registryVersion'] != 1:
        problems.append(Problem(source, 'registryVersion', Phrase('expected 1, got {text}',
                                                          text=short(found.get('registryVersion')))))  # fmt: skip
    elif not isinstance(packages, dict):
        problems.append(Problem(source, 'packages', Phrase('expected an object, got {text}', text=short(packages))))
    elif len(packages) > MOST_PACKAGES:
        problems.append(Problem(source, 'packages', Phrase('expected at most {most} plugins, got {count}',
                                                           most=MOST_PACKAGES, count=len(packages))))  # fmt: skip
    else:
        for plugin_id, package in packages.items():
            time.sleep(BREATH)
            for entry in _read_package(plugin_id, package, source):
                (listing.releases if isinstance(entry, Release) else problems).append(entry)  # type: ignore[arg-type]
    if len(problems) > MOST_PROBLEMS:
        more = Phrase('and {count} more problems', count=len(problems) - MOST_PROBLEMS)
        problems[MOST_PROBLEMS:] = [Problem(source, '', more)]
    return listing


def _read_package(plugin_id: str, found: Any, source: str) -> Iterator[Release | Problem]:
    try:
        check_id(plugin_id)
    except ValueError as error:
        yield Problem(source, '', f'packages: {error}')
        return
    versions = found.get('versions') if isinstance(found, dict) else None
    if not isinstance(versions, dict) or len(versions) > MOST_VERSIONS:
        yield Problem(source, plugin_id, Phrase('expected an object with at most {most} versions', most=MOST_VERSIONS))
        return
    try:
        package = _checked(_Package, {**found, 'versions': None})
    except BadJson as error:
        yield Problem(source, plugin_id, str(error))
        return
    for version, entry in versions.items():
        try:
            Version.parse(version)
            yield _release(plugin_id, package, version, _checked(_Version, entry), source)
        except (BadJson, BadVersion) as error:
            yield Problem(source, f'{plugin_id} {version[:64]}', str(error))
        except FetchFailed as error:
            yield Problem(source, f'{plugin_id} {version}', f'dist.url: {error}')


def _release(plugin_id: str, package: _Package, version: str, entry: _Version, source: str) -> Release:
    yanked = entry.yanked if isinstance(entry.yanked, str) else Phrase('it was taken back') if entry.yanked else ''
    return Release(
        plugin_id, package.name, package.description, package.icon, version, resolve(entry.dist.url, source),
        entry.dist.sha256, entry.dist.size, entry.dist.unpacked_size, entry.dist.files, entry.requires,
        entry.permissions, entry.resources, entry.published, yanked, entry.changelog, source,
        package.author, package.keywords, package.category, package.tags.get('latest') == version,
        descriptions_of(package.translations),
    )  # fmt: skip


def resolve(url: str, source: str) -> str:
    """Where a package is that a registry names. Raises FetchFailed.

    A registry on the web may name what is there only; one on this device also what lies below its folder.
    """
    if is_web(source):
        whole = urljoin(source, url)
        check_address(whole, urlsplit(source).scheme)
        return whole
    if is_web(url):
        check_address(url)
        return url
    if ':' in url or '\\' in url or url.startswith('/') or '..' in url.split('/'):
        raise FetchFailed(Phrase('expected a path below the folder of the registry, got {text}', text=repr(url[:80])))
    return str(Path(source).parent / url)


def is_web(text: str) -> bool:
    """Whether it is an address rather than a path."""
    return text.lower().startswith(('https://', 'http://'))


def _checked(model: type[_Model], found: Any) -> _Model:
    """Raises BadJson for the first thing that is wrong."""
    try:
        return model.model_validate_json(orjson.dumps(found))
    except ValidationError as error:
        raise BadJson(': '.join(part for part in next(explain(error)) if part)) from None
    except orjson.JSONEncodeError:
        raise BadJson('is nested too deep') from None
