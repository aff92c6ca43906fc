"""A package, from the zip to a folder that can be installed."""
import ast
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgeos import __version__
from edgeos.plugins import lock
from edgeos.plugins.archive import BadArchive, safe_unzip
from edgeos.plugins.config_schema import MOST_BYTES as MOST_SCHEMA
from edgeos.plugins.config_schema import schema_findings
from edgeos.plugins.errors import BadPackage
from edgeos.plugins.findings import Finding
from edgeos.plugins.manifest import FILE, MOST_BYTES, BadManifest, Manifest, Requires, manifest_findings, read_manifest
from edgeos.plugins.phrase import Phrase
from edgeos.plugins.versions import fits
from edgeos.plugins.wheels import modules_of

if TYPE_CHECKING:
    from edgeos.plugins.registry_entries import Release

README, ICON = 'README.md', 'icon.svg'
ALLOWED = (FILE, lock.FILE, lock.FOLDER, README, ICON, 'CHANGELOG.md', 'LICENSE')
MOST_README = 256 * 1024
MOST_ICON = 32 * 1024
_NOT_IN_ICON = (b'<script', b'<!doctype', b'<!entity', b'javascript:', b'<foreignobject', b'onload', b'onclick')


class Incompatible(BadPackage):
    """Raised for a package that is right, but not for this device."""


def open_package(package: Path, folder: Path) -> Manifest:
    """Unpack a package to a new folder and check all of it; what is there then can be installed.

    Raises BadPackage (in one of its kinds) or OSError, and then there is no folder. Blocks: for a thread.
    """
    safe_unzip(package, folder)
    try:
        found = next(package_findings(folder), None)
        if found is not None:
            raise BadPackage(found.phrase)
        manifest = read_manifest((folder / FILE).read_bytes())
        if (reason := incompatible(manifest)) is not None:
            raise Incompatible(Phrase('{name} {version} {why}', name=manifest.name, version=manifest.version,
                                      why=reason))  # fmt: skip
        return manifest
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def incompatible(manifest: Manifest) -> str | None:
    """Why it cannot run here, as the end of a sentence that begins with its name."""
    return unfit(manifest.requires)


def unfit(requires: Requires) -> str | None:
    """The same from a registry's entry. Looks for programs on the disk."""
    if not fits(requires.edgeos, __version__):
        return Phrase('needs SmartHome Edge OS {wanted}; this is {here}', wanted=requires.edgeos, here=__version__)
    if not fits(requires.python, platform.python_version()):
        return Phrase('needs Python {wanted}; this is {here}', wanted=requires.python, here=platform.python_version())
    here = (sys.platform, f'{sys.platform}-{platform.machine().lower()}')
    if requires.platforms and not set(here) & set(requires.platforms):
        return Phrase('runs on {wanted} only; this is {here}', wanted=', '.join(requires.platforms), here=here[1])
    missing = [program for program in requires.system if shutil.which(program) is None]
    if not missing:
        return None
    return Phrase('needs the program {program}, which is not installed here', program=missing[0])


def differs(manifest: Manifest, release: 'Release') -> str | None:
    """In what a package is not what the registry said; None when it is."""
    for key, inside, told in (
        ('id', manifest.id, release.id),
        ('version', manifest.version, release.version),
        ('permissions', sorted(manifest.permissions), sorted(release.permissions)),
        ('requires', manifest.requires, release.requires),
    ):
        if inside != told:
            return Phrase('{file}: {key} is not what the registry says: {inside} instead of {told}', file=FILE,
                          key=key, inside=_shown(inside), told=_shown(told))  # fmt: skip
    return None


def package_findings(folder: Path) -> Iterator[Finding]:
    """Everything that is wrong with an unpacked package."""
    yield from shared_findings(folder)
    manifest = manifest_of(folder)
    for name in sorted(path.name for path in folder.iterdir()):
        if name not in ALLOWED and (manifest is None or name != manifest.schema_file):
            yield Finding(name, '', Phrase('does not belong into a package'))
    found = list(lock.wheel_findings(folder))
    yield from found
    if found:
        return
    modules = {name for wheel in lock.wheels_of(folder) for name in modules_of(wheel)}
    if manifest is not None and not _has_module(modules, manifest.entry.module.partition(':')[0]):
        module = manifest.entry.module.partition(':')[0]
        yield Finding(FILE, 'entry.module', Phrase('no wheel has the module {module}', module=module))


def source_findings(folder: Path) -> Iterator[Finding]:
    """Everything that is wrong with an author's folder."""
    yield from shared_findings(folder)
    manifest = manifest_of(folder)
    if manifest is None:
        return
    module, _, name = manifest.entry.module.partition(':')
    path = module_file(folder, module)
    if path is None:
        yield Finding(FILE, 'entry.module', f'expected a file {module.replace(".", "/")}.py or …/__init__.py')
        return
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        yield Finding(str(path.relative_to(folder)), '', f'is not Python: {error}')
        return
    if name not in _names(tree):
        yield Finding(FILE, 'entry.module', f'{path.relative_to(folder)} has no class {name}')


def shared_findings(folder: Path) -> Iterator[Finding]:
    """What a folder and a package have in common."""
    data = _read(folder / FILE, MOST_BYTES + 1)
    if data is None:
        yield Finding(FILE, '', Phrase('is missing'))
        return
    found = manifest_findings(data)
    yield from found
    if not found:
        yield from _schema_findings(folder, read_manifest(data))
    yield from _text_findings(folder)


def manifest_of(folder: Path) -> Manifest | None:
    """None when it is missing or wrong."""
    data = _read(folder / FILE, MOST_BYTES + 1)
    try:
        return None if data is None else read_manifest(data)
    except BadManifest:
        return None


def module_file(folder: Path, module: str) -> Path | None:
    """Where the source of a module is in an author's folder."""
    path = folder.joinpath(*module.split('.'))
    return next((found for found in (path / '__init__.py', path.with_suffix('.py')) if found.is_file()), None)


def _schema_findings(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    data = _read(folder / manifest.schema_file, MOST_SCHEMA + 1)
    if data is not None:
        yield from schema_findings(data, manifest.schema_file)
    elif manifest.config_schema is not None:
        yield Finding(FILE, 'config_schema', Phrase('there is no file {file}', file=manifest.config_schema))


def _text_findings(folder: Path) -> Iterator[Finding]:
    readme = _read(folder / README, MOST_README + 1)
    if readme is None:
        yield Finding(README, '', Phrase('is missing: say what the plugin does and how it is set up'))
    elif len(readme) > MOST_README or not _is_text(readme):
        yield Finding(README, '', Phrase('expected text in UTF-8 of at most {most} bytes', most=MOST_README))
    icon = _read(folder / ICON, MOST_ICON + 1)
    if icon is None:
        yield Finding(ICON, '', Phrase('is missing'))
    elif len(icon) > MOST_ICON or not _is_text(icon) or b'<svg' not in icon:
        yield Finding(ICON, '', Phrase('expected an SVG picture of at most {most} bytes', most=MOST_ICON))
    elif any(word in icon.lower() for word in _NOT_IN_ICON):
        yield Finding(ICON, '', Phrase('expected a picture only, without scripts and entities'))


def _read(path: Path, most: int) -> bytes | None:
    if not path.is_file():
        return None
    with path.open('rb') as file:
        return file.read(most)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_module(names: set[str], module: str) -> bool:
    path = module.replace('.', '/')
    return f'{path}.py' in names or f'{path}/__init__.py' in names


def _names(tree: ast.Module) -> set[str]:
    """What a module defines or imports at its top."""
    found = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _shown(value: object) -> str:
    if isinstance(value, Requires):
        return value.model_dump_json(exclude_defaults=True)
    return ', '.join(value) or 'none' if isinstance(value, list) else str(value)


__all__ = ['BadArchive', 'BadManifest', 'BadPackage', 'Incompatible', 'differs', 'incompatible', 'open_package']
