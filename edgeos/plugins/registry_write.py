"""A registry file from packages."""
import base64
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgeos.files import write_atomically
from edgeos.plugins.archive import safe_unzip
from edgeos.plugins.errors import BadPackage
from edgeos.plugins.findings import BadJson, read_object
from edgeos.plugins.lock import sha256
from edgeos.plugins.manifest import FILE, Manifest, read_manifest
from edgeos.plugins.package import ICON, package_findings
from edgeos.plugins.registry_entries import MOST_BYTES
from edgeos.plugins.versions import Version


def add_packages(registry: Path, packages: Iterable[Path], base: str, day: str) -> None:
    """Enter packages into a registry file, made if needed; other versions in it stay.

    `base` stands in front of the file names: an address, or a folder as seen from the registry, with '/' at its end;
    `day` is when they were published (ISO 8601) and is not changed for a package that is in it already.
    Raises BadPackage or OSError.
    """
    try:
        found = read_object(registry.read_bytes(), MOST_BYTES)
    except FileNotFoundError:
        found = {}
    except BadJson as error:
        raise BadPackage(f'{registry}: {error}') from None
    entries: dict[str, Any] = found.get('packages', {})
    for package in packages:
        _add(entries, package, base, day)
    days = [version.get('published', '') for entry in entries.values() for version in entry['versions'].values()]
    whole = {'registryVersion': 1, 'generated': max(days, default=day), 'packages': dict(sorted(entries.items()))}
    write_atomically(registry, json.dumps(whole, indent=2, ensure_ascii=False).encode() + b'\n')


def _add(entries: dict[str, Any], package: Path, base: str, day: str) -> None:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / 'package'
        safe_unzip(package, folder)
        if (found := next(package_findings(folder), None)) is not None:
            raise BadPackage(f'{package.name}: {found}')
        manifest = read_manifest((folder / FILE).read_bytes())
        icon = base64.b64encode((folder / ICON).read_bytes()).decode()
        files = [path for path in folder.rglob('*') if path.is_file()]
        unpacked = sum(path.stat().st_size for path in files)
    digest = sha256(package)
    versions: dict[str, Any] = entries.get(manifest.id, {}).get('versions', {})
    before = versions.get(manifest.version, {})
    is_same = before.get('dist', {}).get('sha256') == digest
    versions[manifest.version] = {
        'dist': {'url': f'{base}{package.name}', 'sha256': digest, 'size': package.stat().st_size,
                 'unpackedSize': unpacked, 'files': len(files)},
        'requires': manifest.requires.model_dump(exclude_defaults=True),
        'permissions': list(manifest.permissions),
        'resources': manifest.resources.model_dump(),
        'published': before.get('published', day) if is_same else day,
    }  # fmt: skip
    ordered = dict(sorted(versions.items(), key=lambda item: Version.parse(item[0])))
    latest = [version for version in ordered if not Version.parse(version).prerelease] or list(ordered)
    newest = list(ordered)[-1] == manifest.version
    about = _about(manifest, icon) if newest else entries[manifest.id]
    entries[manifest.id] = {**about, 'dist-tags': {'latest': latest[-1]}, 'versions': ordered}


def _about(manifest: Manifest, icon: str) -> dict[str, Any]:
    translations = {language: said.model_dump() for language, said in manifest.translations.items()}
    return {'name': manifest.name, 'description': manifest.description,
            **({'translations': translations} if translations else {}),
            'icon': f'data:image/svg+xml;base64,{icon}', 'author': manifest.author}  # fmt: skip
