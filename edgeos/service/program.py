"""The program below /opt: one folder for each version with an environment of its own, and a link to the one that runs.

A version is called after its content, so the same program installed twice is one. Nothing of it belongs to the user it
runs as.
"""

from __future__ import annotations

import compileall
import contextlib
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from edgeos.service.commands import run
from edgeos.service.layout import Layout, ServiceError

PARTS = ('main.py', 'edgeos', 'pages', 'assets', 'docs', 'requirements.txt', 'Makefile', 'README.md', 'CHANGELOG.md',
         'LICENSE')  # fmt: skip
LEFT_OUT = ('__pycache__', '*.pyc')
MARK = '.complete'  # comes last; what lacks it was cut short
DIGITS = 8


def stage(layout: Layout, source: Path) -> Path:
    """The folder of this version, whole and with its environment, not yet in use. Raises ServiceError, OSError."""
    folder = layout.versions / name_of(source)
    is_new = not (folder / MARK).exists()
    if is_new:
        _copy(source, folder)
    environment = _environment(layout, folder / 'requirements.txt')
    _link(folder / '.venv', Path('../../environments') / environment.name)
    if is_new:
        (folder / MARK).touch()
    return folder


def number_of(folder: Path) -> str:
    """The version that the program calls itself. Raises ServiceError."""
    try:
        text = (folder / 'edgeos/__init__.py').read_text(encoding='utf-8')
    except OSError as error:
        raise ServiceError(f'{error.filename}: expected the program: {error.strerror}') from error
    version = re.search(r"^__version__ = '([0-9A-Za-z.+-]+)'$", text, re.MULTILINE)
    if version is None:
        raise ServiceError(f'{folder}: expected the program with its version')
    return version[1]


def name_of(source: Path) -> str:
    """`0.1.0-1a2b3c4d`. Raises ServiceError."""
    number = number_of(source)
    digest = hashlib.sha256()
    try:
        for path in _files(source):
            digest.update(f'{path.relative_to(source)}\0{path.stat().st_size}\0'.encode())
            digest.update(path.read_bytes())
    except OSError as error:
        raise ServiceError(f'{error.filename}: expected the program: {error.strerror}') from error
    return f'{number}-{digest.hexdigest()[:DIGITS]}'


def _files(source: Path) -> Iterator[Path]:
    for part in PARTS:
        path = source / part
        if path.is_file():
            yield path
        for folder, names, files in os.walk(path):
            names[:] = sorted(name for name in names if name != '__pycache__')
            yield from (Path(folder, file) for file in sorted(files) if not file.endswith('.pyc'))


def _copy(source: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in PARTS:
        path = source / part
        if path.is_dir():
            shutil.copytree(path, folder / part, ignore=shutil.ignore_patterns(*LEFT_OUT))
        elif path.exists():
            shutil.copy2(path, folder / part)
    _make_readable(folder)
    compileall.compile_dir(folder, quiet=2)  # its user could not keep what it compiles


def _make_readable(folder: Path) -> None:
    """Whatever the owner of the checkout keeps to themselves."""
    for path in (folder, *folder.rglob('*')):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o755 | (0o755 if path.is_dir() else 0o644))


def interpreter() -> str:
    """The one that environments are made from, not one that may go away with another environment."""
    return str(getattr(sys, '_base_executable', sys.executable))


def environment_folder(layout: Layout, requirements: Path) -> Path:
    """Versions with the same requirements share one; another Python makes another. Raises OSError."""
    made_for = f'{requirements.read_text(encoding="utf-8")}\0{sys.implementation.cache_tag}\0{interpreter()}'
    return layout.environments / hashlib.sha256(made_for.encode()).hexdigest()[:DIGITS]


def _environment(layout: Layout, requirements: Path) -> Path:
    """Raises ServiceError, OSError."""
    folder = environment_folder(layout, requirements)
    if (folder / MARK).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    run([interpreter(), '-m', 'venv', folder])
    run([folder / 'bin/python', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
         '-r', requirements])  # fmt: skip
    (folder / MARK).touch()
    return folder


def version_at(link: Path) -> Path | None:
    """The folder that one of the two links leads to, if it is there and whole."""
    try:
        folder = link.parent / os.readlink(link)
    except OSError:
        return None
    return folder if (folder / MARK).exists() else None


def point(layout: Layout, current: Path, previous: Path | None) -> None:
    """The link to the running version is changed last and in one step. Raises OSError."""
    if previous is None:
        layout.previous.unlink(missing_ok=True)
    else:
        _link(layout.previous, Path('versions') / previous.name)
    _link(layout.current, Path('versions') / current.name)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    temporary = link.with_name(f'{link.name}.new')
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, link)


def prune(layout: Layout) -> None:
    """Only the running version and the one before stay, and what they use."""
    kept = {folder for link in (layout.current, layout.previous) if (folder := version_at(link))}
    used = {(folder / '.venv').resolve() for folder in kept}
    for folder in _entries(layout.versions):
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    for folder in _entries(layout.environments):
        if folder.resolve() not in used:
            shutil.rmtree(folder, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(folder.iterdir())
    return []
