"""requirements.lock: exactly which wheels are installed. What it does not name cannot get in, whatever it is called."""
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edgeos.plugins.errors import BadPackage
from edgeos.plugins.findings import Finding
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.plugins.wheels import WheelName, check_wheel, wheel_name

FILE = 'requirements.lock'
FOLDER = 'wheels'
MOST_BYTES = 256 * 1024
_HASH = r'--hash=sha256:[0-9a-f]{64}'
_LINE = re.compile(rf'([A-Za-z0-9][A-Za-z0-9._-]{{0,99}}) *== *([A-Za-z0-9.!+_-]{{1,100}})((?: +{_HASH})+)')
_SOURCES = ('.tar.gz', '.tgz', '.tar.bz2', '.tar.xz', '.tar', '.zip', '.egg')


class BadLock(BadPackage):
    """Raised for a lock file that cannot be used, or that does not name exactly the wheels that are there."""


class Locked(NamedTuple):
    """One line: `name` and `version` as wheels spell them, and a hash for each wheel of it."""

    name: str
    version: str
    sha256s: tuple[str, ...]

    def __str__(self) -> str:
        return ' '.join((f'{self.name}=={self.version}', *(f'--hash=sha256:{digest}' for digest in self.sha256s)))


def read_lock(text: str) -> list[Locked]:
    """Only `name==version --hash=sha256:…` is taken: no address, no option, no range. Raises BadLock."""
    locked: dict[str, Locked] = {}
    for number, line in _lines(text):
        found = _LINE.fullmatch(line)
        if found is None:
            raise BadLock(Phrase('{file}: line {number}: expected name==version --hash=sha256:…, got {text}', file=FILE,
                                 number=number, text=repr(line[:80])))  # fmt: skip
        name, version, hashes = found.groups()
        entry = Locked(_canonical(name), version, tuple(hashes.replace('--hash=sha256:', '').split()))
        if entry.name in locked:
            raise BadLock(Phrase('{file}: line {number}: {name} is named twice', file=FILE, number=number,
                                 name=entry.name))  # fmt: skip
        locked[entry.name] = entry
    return list(locked.values())


def make_lock(wheels: list[Path]) -> str:
    """The lock that names exactly these. Raises BadPackage for a file that is no wheel."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for wheel in wheels:
        try:
            name = _name(wheel)
        except BadPackage as error:
            raise BadPackage(f'{FOLDER}/{wheel.name}: {error}') from None
        found[name.name, name.version].append(sha256(wheel))
    names = [name for name, _ in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadPackage(f'{FOLDER}: {twice} is there in two versions')
    return ''.join(f'{Locked(name, version, tuple(sorted(hashes)))}\n'
                   for (name, version), hashes in sorted(found.items()))  # fmt: skip


def wheels_of(folder: Path) -> list[Path]:
    """All that is in the folder of wheels."""
    return sorted((folder / FOLDER).iterdir()) if (folder / FOLDER).is_dir() else []


def wheel_findings(folder: Path) -> Iterator[Finding]:
    """Everything that is wrong with lock and wheels."""
    try:
        lock = read_lock(_text(folder / FILE))
    except BadLock as error:
        yield Finding('', '', phrase_of(error))
        lock = []
    left = {(entry.name, digest) for entry in lock for digest in entry.sha256s}
    versions = {entry.name: entry.version for entry in lock}
    for wheel in wheels_of(folder):
        try:
            name = _name(wheel)
            digest = sha256(wheel)
            _check_named(name, digest, versions, left)
            check_wheel(wheel)
            left.discard((name.name, digest))
        except BadPackage as error:
            yield Finding(f'{FOLDER}/{wheel.name}', '', phrase_of(error))
    for missing, digest in sorted(left):
        yield Finding(FILE, missing, Phrase('the wheel with the hash {hash}… is missing', hash=digest[:12]))


def _check_named(name: WheelName, digest: str, versions: dict[str, str], hashes: set[tuple[str, str]]) -> None:
    if name.name not in versions:
        raise BadLock(Phrase('is not named in {file}', file=FILE))
    if not name.is_version(versions[name.name]):
        raise BadLock(Phrase('{file} names version {version}', file=FILE, version=versions[name.name]))
    if (name.name, digest) not in hashes:
        raise BadLock(Phrase('is not the file that {file} has the hash of', file=FILE))


def sha256(path: Path) -> str:
    """As small hexadecimal digits. Blocks."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _name(path: Path) -> WheelName:
    if path.name.endswith(_SOURCES):
        raise BadPackage(Phrase('is a source package, which would run code when it is built; '
                                'only wheels are allowed'))  # fmt: skip
    if path.is_dir():
        raise BadPackage(Phrase('expected a wheel, got a folder'))
    return wheel_name(path.name)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadLock(Phrase('{file}: is missing', file=FILE)) from None
    if len(data) > MOST_BYTES:
        raise BadLock(Phrase('{file}: expected at most {most} bytes, got {count}', file=FILE, most=MOST_BYTES,
                             count=len(data)))  # fmt: skip
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadLock(Phrase('{file}: expected text in UTF-8', file=FILE)) from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """What stands in each, with the number of its first line; a backslash at the end goes on in the next."""
    whole, start = '', 0
    for number, line in enumerate(text.splitlines(), 1):
        part = re.sub(r'(^|\s)#.*', '', line).strip()
        start = start or number
        whole = f'{whole} {part.removesuffix(chr(92)).strip()}'.strip()
        if part.endswith('\\'):
            continue
        if whole:
            yield start, whole
        whole, start = '', 0
    if whole:
        yield start, whole


def _canonical(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()
