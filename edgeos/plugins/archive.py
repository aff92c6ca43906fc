"""Zips from anywhere: each way to harm by one is refused in words of its own, before a byte of it is written.

zipfile alone writes unsafe names somewhere else, makes files of links, takes the same name twice, and unpacks a bomb.
"""
import os
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeos.plugins.errors import BadPackage
from edgeos.plugins.phrase import Phrase

_END = struct.Struct('<4s4H2LH')  # the end record: signature, disks, entries, size and offset of the directory, comment
_ZIP64_LOCATOR = b'PK\x06\x07'
_HEADER = 30  # bytes in front of the name of each entry
_MOST_NAME = 300  # characters; with the data folder in front it has to stay below 4096
_MOST_RATIO = 100
_SMALL = 1024 * 1024  # below, no ratio is a bomb
_CHUNK = 64 * 1024
_KINDS = {stat.S_IFLNK: Phrase('a link'), stat.S_IFCHR: Phrase('a device'), stat.S_IFBLK: Phrase('a device'),
          stat.S_IFIFO: Phrase('a pipe'), stat.S_IFSOCK: Phrase('a socket')}  # fmt: skip
_RESERVED = {'con', 'prn', 'aux', 'nul', *(f'{name}{number}' for name in ('com', 'lpt') for number in range(10))}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, ValueError)


class BadArchive(BadPackage):
    """Raised for a zip that is damaged or does what none of ours does."""


@dataclass(frozen=True)
class Bounds:
    """The most that is unpacked, in files and bytes."""

    files: int = 2000
    size: int = 64 * 1024 * 1024


PACKAGE = Bounds()
WHEEL = Bounds(files=10_000, size=256 * 1024 * 1024)


def safe_unzip(package: Path, folder: Path) -> None:
    """Make the folder from a package; files are 0644 and folders 0755, whatever the zip or the umask says.

    Raises BadArchive or OSError, and then there is no folder. Blocks: for a thread.
    """
    if os.path.lexists(folder):
        raise FileExistsError(17, 'exists already', str(folder))
    with open_zip(package) as archive:
        temporary = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
        try:
            for entry in archive.infolist():
                _unpack(archive, entry, temporary)
            for made, _, _ in os.walk(temporary):
                os.chmod(made, 0o755)
            os.rename(temporary, folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def open_zip(path: Path, bounds: Bounds = PACKAGE) -> zipfile.ZipFile:
    """A zip whose whole directory was looked at; the data of an entry may still turn out to be damaged.

    Raises BadArchive or OSError.
    """
    _check_end(path, bounds)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, struct.error, ValueError) as error:
        raise BadArchive(Phrase('the zip is damaged: {error}', error=error)) from error
    try:
        _check_entries(archive, bounds)
    except BadArchive:
        archive.close()
        raise
    return archive


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """All of a small file. Raises BadArchive."""
    try:
        return archive.read(entry)
    except _DAMAGE as error:
        raise BadArchive(Phrase('{name}: the data in the zip is damaged: {error}', name=entry.filename,
                                error=error)) from error  # fmt: skip


def make_zip(folder: Path, files: Mapping[str, Path | bytes], target: Path) -> None:
    """Write a zip whose bytes depend on nothing but the names and contents of `files`: name in the zip to content.

    Nothing is compressed: another zlib would make other bytes of it. Replaces the target when it is complete. `folder`
    is where relative paths begin. Raises OSError.
    """
    temporary = target.with_name(f'.{target.name}.tmp')
    try:
        with zipfile.ZipFile(temporary, 'w') as archive:
            for name in sorted(files):
                content = files[name]
                data = content if isinstance(content, bytes) else (folder / content).read_bytes()
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = 3  # Unix, also where it is made elsewhere
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, data, zipfile.ZIP_STORED)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _check_end(path: Path, bounds: Bounds) -> None:
    """The zip is the whole file and nothing else; a long directory is noticed before it is read."""
    with path.open('rb') as file:
        size = file.seek(0, os.SEEK_END)
        if size > bounds.size:
            raise BadArchive(Phrase('expected a zip of at most {most}, got {size}', most=_mb(bounds.size),
                                    size=_mb(size)))  # fmt: skip
        file.seek(max(0, size - _END.size - 20))
        tail = file.read()
        file.seek(0)
        start = file.read(4)
    if not start.startswith(b'PK'):
        raise BadArchive(Phrase('expected a zip, got something else'))
    if len(tail) < _END.size or tail[-_END.size : -_END.size + 4] != b'PK\x05\x06':
        raise BadArchive(Phrase('the zip is cut off, or something is appended to it'))
    _, disk, first, here, count, length, offset, comment = _END.unpack(tail[-_END.size :])
    if count > bounds.files or length > bounds.files * (_HEADER + 16 + _MOST_NAME):
        raise BadArchive(Phrase('expected at most {most} files, got {count}', most=bounds.files, count=count))
    if tail.startswith(_ZIP64_LOCATOR) or disk or first or here != count or comment:
        raise BadArchive(Phrase('the zip is of a kind (zip64, or in several parts) that a package does not need'))
    if offset + length + _END.size != size:
        raise BadArchive(Phrase('the zip has something in front of it, or inside, that belongs to no file'))


def _check_entries(archive: zipfile.ZipFile, bounds: Bounds) -> None:
    entries = archive.infolist()
    if len(entries) > bounds.files:
        raise BadArchive(Phrase('expected at most {most} files, got {count}', most=bounds.files, count=len(entries)))
    names: dict[str, bool] = {}  # as a system that ignores case would see it: is it a folder?
    for entry in entries:
        _check_name(entry)
        _check_kind(entry)
        _check_size(entry)
        _check_place(entry, names)
    if len(names) > bounds.files:
        raise BadArchive(Phrase('expected at most {most} files and folders, got {count}', most=bounds.files,
                                count=len(names)))  # fmt: skip
    if (total := sum(entry.file_size for entry in entries)) > bounds.size:
        raise BadArchive(Phrase('it would unpack to {size}, more than the {most} allowed', size=_mb(total),
                                most=_mb(bounds.size)))  # fmt: skip
    _check_overlap(archive, entries)


def _check_name(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename  # zipfile cuts it at a NUL
    shown = repr(name[:80])
    if len(name) > _MOST_NAME:
        raise BadArchive(Phrase('{name}: the name is longer than {most} characters', name=shown, most=_MOST_NAME))
    if not name or not name.isprintable():
        raise BadArchive(Phrase('{name}: the name has control characters, or is none', name=shown))
    if name.startswith(('/', '\\')) or ':' in name:
        raise BadArchive(Phrase('{name}: the name is absolute', name=shown))
    if '\\' in name:
        raise BadArchive(Phrase('{name}: the name has a backslash', name=shown))
    parts = name.removesuffix('/').split('/')
    if '..' in parts:
        raise BadArchive(Phrase('{name}: the name leads out of the package', name=shown))
    if any(not part or part == '.' or part[-1] in '. ' or len(part.encode()) > 255
           or part.partition('.')[0].casefold() in _RESERVED for part in parts):  # fmt: skip
        raise BadArchive(Phrase('{name}: the name is not possible on every system', name=shown))


def _check_kind(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind in _KINDS:
        raise BadArchive(Phrase('{name} is {kind}; only files and folders are allowed', name=repr(entry.filename),
                                kind=_KINDS[kind]))  # fmt: skip
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind and (kind == stat.S_IFDIR) != entry.is_dir()):
        raise BadArchive(Phrase('{name} is neither a file nor a folder', name=repr(entry.filename)))
    if entry.flag_bits & 0x41:
        raise BadArchive(Phrase('{name} is encrypted', name=repr(entry.filename)))
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(Phrase('{name} is compressed in a way that is not supported', name=repr(entry.filename)))


def _check_size(entry: zipfile.ZipInfo) -> None:
    if entry.file_size > _SMALL and entry.file_size > _MOST_RATIO * max(1, entry.compress_size):
        raise BadArchive(Phrase('{name} is a bomb: {size} out of {packed} bytes', name=repr(entry.filename),
                                size=_mb(entry.file_size), packed=entry.compress_size))  # fmt: skip
    if entry.is_dir() and entry.file_size:
        raise BadArchive(Phrase('{name} is a folder with content of its own', name=repr(entry.filename)))


def _check_place(entry: zipfile.ZipInfo, names: dict[str, bool]) -> None:
    """No two entries in one place, also where case and composition of letters do not count."""
    key = unicodedata.normalize('NFKC', entry.filename.removesuffix('/')).casefold()
    if key in names and not (names[key] and entry.is_dir()):
        raise BadArchive(Phrase('{name} is in it twice, or differs from another name in case only',
                                name=repr(entry.filename)))  # fmt: skip
    names[key] = entry.is_dir()
    while '/' in key:
        key = key.rpartition('/')[0]
        if not names.setdefault(key, True):
            raise BadArchive(Phrase('{name} lies in a file', name=repr(entry.filename)))


def _check_overlap(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    """A bomb without a striking ratio lets many entries share the same data."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise BadArchive(Phrase('{name} is a bomb: it shares its data with another file',
                                    name=repr(entry.filename)))  # fmt: skip
        end = entry.header_offset + _HEADER + len(entry.orig_filename) + entry.compress_size
    if end > archive.start_dir:
        raise BadArchive(Phrase('the zip is damaged: a file goes on behind its end'))


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    path = folder / entry.filename
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    try:
        with archive.open(entry) as source, path.open('xb') as copy:
            while chunk := source.read(_CHUNK):
                left -= len(chunk)
                copy.write(chunk)
    except _DAMAGE as error:
        raise BadArchive(Phrase('{name}: the data in the zip is damaged: {error}', name=repr(entry.filename),
                                error=error)) from error  # fmt: skip
    path.chmod(0o644)
    if left:
        raise BadArchive(Phrase('{name}: the data in the zip is damaged: its size is not what was said',
                                name=repr(entry.filename)))  # fmt: skip


def _mb(size: int) -> str:
    return f'{size / (1024 * 1024):.1f} MB'
