"""Hostile zips: each is refused in its own words, and nothing is left behind."""
import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from edgeos.plugins.archive import BadArchive, make_zip, safe_unzip

LINK, DEVICE, PIPE, SOCKET = stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK


def entry(name: str, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    made.compress_type = method
    return made


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes], comment: bytes = b'') -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
        archive.comment = comment
    return file.getvalue()


def renamed(name: bytes, to: bytes) -> bytes:
    """A zip with a name that zipfile would not write."""
    assert len(name) == len(to)
    return zip_of((name.decode(), b'x')).replace(name, to)


def overlapping(count: int) -> bytes:
    """Entries that all share the data of the first."""
    data = zip_of(('f0000', b'x' * 100))
    end = struct.unpack('<4s4H2LH', data[-22:])
    record = data[end[6] : end[6] + end[5]]
    records = b''.join(record.replace(b'f0000', b'f%04d' % number) for number in range(count))
    return data[: end[6]] + records + struct.pack('<4s4H2LH', end[0], 0, 0, count, count, len(records), end[6], 0)


def lying_size() -> bytes:
    """The directory says more bytes than come out."""
    data = zip_of(('a', b'x' * 100))
    at = data.index(b'PK\x01\x02')
    return data[: at + 24] + struct.pack('<L', 90) + data[at + 28 :]


def encrypted() -> bytes:
    data = bytearray(zip_of(('a', b'x')))
    data[6] |= 1
    data[data.index(b'PK\x01\x02') + 8] |= 1
    return bytes(data)


def damaged() -> bytes:
    data = bytearray(zip_of((entry('a', method=zipfile.ZIP_STORED), b'content')))
    data[data.index(b'content')] ^= 1
    return bytes(data)


def crowd(count: int) -> bytes:
    """A zip64 with so many entries as others would write it."""
    data = zip_of(('f000000', b''))
    end = struct.unpack('<4s4H2LH', data[-22:])
    start, record = end[6], data[end[6] : end[6] + end[5]]
    records = b''.join(record.replace(b'f000000', b'f%06d' % number) for number in range(count))
    far = struct.pack('<4sQ2H2L4Q', b'PK\x06\x06', 44, 45, 45, 0, 0, count, count, len(records), start)
    locator = struct.pack('<4sLQL', b'PK\x06\x07', 0, start + len(records), 1)
    return data[:start] + records + far + locator + struct.pack('<4s4H2LH', end[0], 0, 0, 0xFFFF, 0xFFFF, len(records), start, 0)


HOSTILE = {
    'leads out': (zip_of(('../x', b'')), 'leads out of the package'),
    'leads out inside': (zip_of(('a/../../x', b'')), 'leads out of the package'),
    'absolute': (zip_of(('/etc/x', b'')), 'is absolute'),
    'drive': (zip_of(('C:/x', b'')), 'is absolute'),
    'backslash': (renamed(b'aaxxb', b'aa\\xb'), 'has a backslash'),
    'zero byte': (renamed(b'aaxxb', b'aa\x00xb'), 'control characters'),
    'line feed': (zip_of(('a\nb', b'')), 'control characters'),
    'right to left': (zip_of(('a\u202egnp.exe', b'')), 'control characters'),
    'empty part': (zip_of(('a//b', b'')), 'not possible on every system'),
    'dot': (zip_of(('./a', b'')), 'not possible on every system'),
    'reserved': (zip_of(('con.txt', b'')), 'not possible on every system'),
    'long': (zip_of(('x' * 301, b'')), 'longer than 300'),
    'link': (zip_of((entry('a', LINK | 0o777), b'/etc/passwd')), 'is a link'),
    'device': (zip_of((entry('a', DEVICE), b'')), 'is a device'),
    'block device': (zip_of((entry('a', stat.S_IFBLK), b'')), 'is a device'),
    'pipe': (zip_of((entry('a', PIPE), b'')), 'is a pipe'),
    'socket': (zip_of((entry('a', SOCKET), b'')), 'is a socket'),
    'folder that is a file': (zip_of((entry('a', stat.S_IFDIR), b'')), 'neither a file nor a folder'),
    'bomb': (zip_of(('a', b'\0' * 2_000_000)), 'is a bomb'),
    'shared data': (overlapping(1000), 'shares its data'),
    'total': (zip_of(*((entry(f'a{n}', method=zipfile.ZIP_STORED), b'') for n in range(2)), *((f'b{n}', os.urandom(4096) + bytes(300_000)) for n in range(240))),
              'it would unpack to 69'),
    'too big': (b'PK\x03\x04' + bytes(65 * 1024 * 1024), 'expected a zip of at most 64.0 MB'),
    'twice': (zip_of(('aaaa', b'1'), ('aaab', b'2')).replace(b'aaab', b'aaaa'), 'is in it twice'),
    'case': (zip_of(('README', b'1'), ('readme', b'2')), 'is in it twice'),
    'case of a folder': (zip_of(('Dir/a', b'1'), ('dir', b'2')), 'is in it twice'),
    'composition': (zip_of(('\u00e9', b'1'), ('e\u0301', b'2')), 'is in it twice'),
    'in a file': (zip_of(('a', b'1'), ('a/b', b'2')), 'lies in a file'),
    'encrypted': (encrypted(), 'is encrypted'),
    'lzma': (zip_of((entry('a', method=zipfile.ZIP_LZMA), b'x')), 'compressed in a way'),
    'damaged': (damaged(), 'is damaged'),
    'lying size': (lying_size(), 'is damaged'),
    'cut off': (zip_of(('a', b'x'))[:-5], 'cut off'),
    'appended': (zip_of(('a', b'x')) + b'more', 'cut off, or something is appended'),
    'comment': (zip_of(('a', b'x'), comment=b'PK'), 'cut off, or something is appended'),
    'in front': (b'PK\x03\x04more' + zip_of(('a', b'x')), 'in front of it'),
    'no zip': (b'#!/bin/sh\n', 'expected a zip, got something else'),
    'empty': (b'', 'expected a zip, got something else'),
    'zip64': (crowd(2), 'expected at most 2000 files'),
    'deep': (zip_of(*((f'{n}/' + 'a/' * 140 + 'x', b'') for n in range(20))), 'files and folders'),
}


@pytest.mark.parametrize('kind', HOSTILE)
def test_a_hostile_zip_is_refused_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    data, message = HOSTILE[kind]
    package, house = tmp_path / 'p.zip', tmp_path / 'house'
    package.write_bytes(data)
    house.mkdir()
    with pytest.raises(BadArchive) as caught:
        safe_unzip(package, house / 'made')
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['house', 'p.zip']


def test_a_hundred_thousand_files_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / 'p.zip'
    package.write_bytes(crowd(100_000))
    monkeypatch.setattr(zipfile, 'ZipFile', None)
    with pytest.raises(BadArchive, match='expected at most 2000 files'):
        safe_unzip(package, tmp_path / 'made')
    assert not (tmp_path / 'made').exists()


def test_a_count_that_lies_is_refused(tmp_path: Path) -> None:
    package = tmp_path / 'p.zip'
    data = zip_of(*((f'f{number}', b'') for number in range(2500)))
    package.write_bytes(data[:-14] + struct.pack('<HH', 5, 5) + data[-10:])
    with pytest.raises(BadArchive, match='at most 2000 files, got 2500'):
        safe_unzip(package, tmp_path / 'made')


def test_a_good_one_is_unpacked_with_plain_modes(tmp_path: Path) -> None:
    package = tmp_path / 'p.zip'
    package.write_bytes(zip_of((entry('a', stat.S_IFREG | 0o6777), b'1'), ('d/', b''), ('e/f/g', b'2' * 100_000)))
    before = os.umask(0o077)
    try:
        safe_unzip(package, tmp_path / 'made')
    finally:
        os.umask(before)
    made = {path.relative_to(tmp_path / 'made').as_posix(): stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / 'made').rglob('*')}
    assert made == {'a': 0o644, 'd': 0o755, 'e': 0o755, 'e/f': 0o755, 'e/f/g': 0o644}
    assert stat.S_IMODE((tmp_path / 'made').stat().st_mode) == 0o755
    assert (tmp_path / 'made/e/f/g').read_bytes() == b'2' * 100_000


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    package, made = tmp_path / 'p.zip', tmp_path / 'made'
    package.write_bytes(zip_of(('a', b'1')))
    made.mkdir()
    (made / 'mine').touch()
    with pytest.raises(FileExistsError):
        safe_unzip(package, made)
    assert [path.name for path in made.iterdir()] == ['mine']


def test_the_bytes_of_a_zip_depend_on_names_and_contents_only(tmp_path: Path) -> None:
    (tmp_path / 'b.txt').write_bytes(b'text' * 100)
    make_zip(tmp_path, {'b.txt': Path('b.txt'), 'a.whl': b'wheel'}, tmp_path / '1.zip')
    os.utime(tmp_path / 'b.txt', (1, 1))
    (tmp_path / 'b.txt').chmod(0o600)
    make_zip(tmp_path, {'a.whl': b'wheel', 'b.txt': Path('b.txt')}, tmp_path / '2.zip')
    assert (tmp_path / '1.zip').read_bytes() == (tmp_path / '2.zip').read_bytes()
    assert not list(tmp_path.glob('.*'))
