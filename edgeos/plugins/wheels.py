"""Wheels from anywhere, looked at before an installer unpacks them.

What an interpreter runs by itself when it starts must not come in: the plugin's process begins with the rights of the
app, and gives them up in the first code that we run.
"""
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from edgeos.plugins.archive import WHEEL, BadArchive, open_zip, read_entry
from edgeos.plugins.errors import BadPackage
from edgeos.plugins.phrase import Phrase

_AUTOMATIC = ('sitecustomize', 'usercustomize')
_SCRIPT = re.compile(r'(?!python|pyvenv|activate)[A-Za-z0-9_][A-Za-z0-9._-]{0,99}', re.IGNORECASE)
_MOST_SCRIPTS = 64 * 1024  # bytes of entry_points.txt


class WheelName(NamedTuple):
    """What its file name says; `name` in its canonical form."""

    name: str
    version: str
    is_pure: bool  # runs on every platform

    def is_version(self, version: str) -> bool:
        """Whether both are the same version, in whatever spelling."""
        from packaging.version import InvalidVersion, Version

        try:
            return Version(version) == Version(self.version)
        except InvalidVersion:
            return False


def wheel_name(name: str) -> WheelName:
    """Raises BadPackage for what is no name of a wheel."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        found, version, _, tags = parse_wheel_filename(name)
    except (InvalidWheelFilename, ValueError):
        raise BadPackage(Phrase('expected a wheel (name-version-tags.whl)')) from None
    return WheelName(str(found), str(version), any(tag.platform == 'any' for tag in tags))


def check_wheel(wheel: Path) -> None:
    """Raises BadPackage when it is a hostile zip, or would put a file where it is run by itself."""
    for name in modules_of(wheel):
        _check_place(name)


def modules_of(wheel: Path) -> list[str]:
    """The names of its files; its scripts are checked on the way. Raises BadPackage."""
    with open_zip(wheel, WHEEL) as archive:
        for entry in archive.infolist():
            if re.fullmatch(r'[^/]+\.dist-info/entry_points\.txt', entry.filename, re.IGNORECASE):
                _check_scripts(archive, entry)
        return [entry.filename for entry in archive.infolist()]


def _check_place(name: str) -> None:
    parts = name.split('/')
    is_data = parts[0].casefold().endswith('.data')
    if is_data:
        scheme, parts = parts[1].casefold() if len(parts) > 1 else '', parts[2:]
        if scheme == 'scripts' and not all(_SCRIPT.fullmatch(part) for part in parts if part):
            raise BadPackage(Phrase('{name} would take the place of the interpreter', name=repr(name)))
        if scheme in ('data', 'headers') and parts[:1] not in ([], [''], ['share'], ['etc']):
            raise BadPackage(Phrase('{name} would be put beside the modules; only share/ is allowed there',
                                    name=repr(name)))  # fmt: skip
        if scheme not in ('purelib', 'platlib'):
            return
    if not parts:
        return
    top = parts[0].casefold()
    if top.endswith('.pth') or top.partition('.')[0] in _AUTOMATIC:
        raise BadPackage(Phrase('{name} would be run by itself whenever Python starts', name=repr(name)))


def _check_scripts(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > _MOST_SCRIPTS:
        raise BadArchive(Phrase('{name} is too long', name=repr(entry.filename)))
    try:
        lines = read_entry(archive, entry).decode().splitlines()
    except UnicodeDecodeError:
        raise BadArchive(Phrase('{name} is not text in UTF-8', name=repr(entry.filename))) from None
    is_scripts = False
    for line in map(str.strip, lines):  # as installers do, which differ: what any of them takes for a script counts
        if line.startswith('['):
            is_scripts = 'scripts' in line
        elif is_scripts and line[:1] not in ('', '#', ';') and not _SCRIPT.fullmatch(re.split('[=: ]', line)[0]):
            raise BadArchive(Phrase('the script {name} would take the place of another program', name=repr(line[:80])))
