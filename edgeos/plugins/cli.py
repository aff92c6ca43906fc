"""For authors: python -m edgeos.plugins new|pack|check, and registry for whoever publishes."""
import argparse
import datetime
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgeos.plugins.archive import safe_unzip
from edgeos.plugins.errors import PluginError
from edgeos.plugins.findings import Finding
from edgeos.plugins.new import make_new
from edgeos.plugins.pack import pack
from edgeos.plugins.package import incompatible, manifest_of, package_findings, source_findings
from edgeos.plugins.registry_write import add_packages

BAD = 1


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0, 1 for a plugin that is wrong, 2 for bad arguments. Never a traceback for either."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except PluginError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f'{error.filename or ""}: {error.strerror or error}')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m edgeos.plugins', description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='new|pack|check|registry')
    new = commands.add_parser('new', help='begin a plugin from the template')
    new.add_argument('id')
    new.add_argument('folder', nargs='?', type=Path, help='default: a folder of that name here')
    new.set_defaults(run=_new)
    make = commands.add_parser('pack', help='make the package that is installed')
    make.add_argument('folder', type=Path)
    make.add_argument('--out', type=Path, default=Path(), help='where to put <id>-<version>.zip; default: here')
    make.set_defaults(run=_pack)
    check = commands.add_parser('check', help='say everything that is wrong with a folder or a package')
    check.add_argument('path', type=Path)
    check.set_defaults(run=_check)
    registry = commands.add_parser('registry', help='enter packages into a registry file')
    registry.add_argument('packages', nargs='+', type=Path)
    registry.add_argument('--out', type=Path, required=True, help='the registry file')
    registry.add_argument('--base', default='', help='what stands in front of the file names, such as plugins/')
    registry.add_argument('--day', default=datetime.datetime.now(datetime.UTC).date().isoformat())
    registry.set_defaults(run=_registry)
    return parser


def _new(chosen: argparse.Namespace) -> int:
    folder = chosen.folder or Path(chosen.id)
    for path in make_new(chosen.id, folder):
        _say(str(path))
    return 0


def _pack(chosen: argparse.Namespace) -> int:
    if not chosen.folder.is_dir():
        return _fail(f'{chosen.folder}: expected a folder')
    if findings := list(source_findings(chosen.folder)):
        return _show(findings)
    _say(str(pack(chosen.folder, chosen.out)))
    return 0


def _check(chosen: argparse.Namespace) -> int:
    if chosen.path.is_dir():
        return _show(list(source_findings(chosen.path)))
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / 'package'
        safe_unzip(chosen.path, folder)
        findings = list(package_findings(folder))
        manifest = manifest_of(folder)
    expected = f'{manifest.id}-{manifest.version}.zip' if manifest else chosen.path.name
    if expected != chosen.path.name:
        findings.append(Finding(chosen.path.name, '', f'expected the name {expected}'))
    if manifest and (reason := incompatible(manifest)) is not None:
        _say(f'note: on this device it cannot be installed: it {reason}')
    return _show(findings)


def _registry(chosen: argparse.Namespace) -> int:
    add_packages(chosen.out, chosen.packages, chosen.base, chosen.day)
    return 0


def _show(findings: list[Finding]) -> int:
    for finding in findings:
        _say(str(finding))
    return BAD if findings else 0


def _say(text: str) -> None:
    sys.stdout.write(f'{text}\n')


def _fail(text: str) -> int:
    sys.stderr.write(f'{text}\n')
    return BAD
