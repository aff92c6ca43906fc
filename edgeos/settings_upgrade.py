"""Settings of an older version of the program become those of this one; a copy of the old file stays beside the new."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeos.files import write_atomically
from edgeos.settings_file import SettingsError, parse_toml
from edgeos.toml_edit import edited
from edgeos.toml_text import CannotEdit

KEY = 'schema_version'
FIRST = 1  # also of a file that does not say

Step = Callable[[dict[str, Any]], None]  # changes the data in place; finds old keys or none, as people write by hand

STEPS: tuple[Step, ...] = ()
"""What leads from each schema version to the next; the first step begins at version 1."""


def upgraded(path: Path, text: str, steps: Sequence[Step] | None = None) -> str:
    """The text as this version wants it, comments and order kept; the same text when there is nothing to do.

    What is newer than this version, or wrong, stays as it is for the validation to say so. Raises SettingsError.
    """
    steps = STEPS if steps is None else steps
    data = parse_toml(path, text)
    version = _version(data)
    newest = FIRST + len(steps)
    if version is None or not FIRST <= version < newest:
        return text
    for step in steps[version - FIRST :]:
        step(data)
    data[KEY] = newest
    try:
        return edited(text, data)
    except CannotEdit as error:
        raise SettingsError(f'{path}: expected a layout that can be upgraded in place: {error}') from error


def keep_copy(path: Path, text: str) -> Path:
    """Puts the old text beside the file, readable for the same people. Raises SettingsError."""
    copy = path.with_name(f'{path.name}.version-{_version(parse_toml(path, text)) or FIRST}')
    try:
        copy.unlink(missing_ok=True)  # a link or a file of another mode
        write_atomically(copy, text.encode(), stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        raise SettingsError(f'{copy}: expected a place for a copy of the old settings: {error.strerror}') from error
    return copy


def _version(data: dict[str, Any]) -> int | None:
    found = data.get(KEY, FIRST)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
