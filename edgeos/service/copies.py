"""Settings and databases as they were under one version of the program, kept beside those in use.

A newer version may change their layout (it keeps a copy by itself, but an older one would not find it). Called while
the app is stopped, with the rights of the owner of the files; raises OSError.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

KEPT = ('settings.toml', 'data/secrets.toml', 'data/*.sqlite', 'data/*.sqlite-wal')
INDEX = 'data/*.sqlite-shm'  # belongs to the file and its log in use, and is made anew


def keep(state: Path, copy: Path) -> None:
    """Another copy of the same version gives way once this one is whole."""
    unfinished = copy.with_name(f'{copy.name}.new')
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        (unfinished / 'data').mkdir(parents=True, mode=0o700)
        for path in _matches(state, KEPT):
            shutil.copy2(path, unfinished / path.relative_to(state), follow_symlinks=False)
        shutil.rmtree(copy, ignore_errors=True)
        os.replace(unfinished, copy)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # a disk that was too full is not left fuller


def size(state: Path) -> int:
    """Bytes that a copy takes."""
    return sum(path.lstat().st_size for path in _matches(state, KEPT))


def restore(state: Path, copy: Path) -> None:
    """What was not there then goes; without a copy all stays as it is."""
    if not copy.is_dir():
        return
    wanted = {path.relative_to(copy) for path in _matches(copy, KEPT)}
    for path in _matches(state, (INDEX, *(pattern for pattern in KEPT if pattern.endswith('-wal')))):
        path.unlink()  # first: the log of one database must not be found beside another
    for name in sorted(wanted, key=lambda name: name.suffix.endswith('-wal')):
        temporary = state / name.with_name(f'.{name.name}.back')
        shutil.copy2(copy / name, temporary, follow_symlinks=False)
        os.replace(temporary, state / name)
    for path in _matches(state, KEPT):
        if path.relative_to(state) not in wanted:
            path.unlink()


def forget_but(copies: Path, versions: Iterable[str]) -> None:
    """Those of other versions go."""
    kept = set(versions)
    for path in copies.iterdir() if copies.is_dir() else ():
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _matches(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_file())
