"""What is put among the files of the system: units, the user, what it may ask of BlueZ and of logind."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from edgeos.service.layout import KIOSK_UNIT, NAME, UNIT, Layout

FOLDER = 'assets/kiosk'  # in the program
NO_KIOSK, CAGE, X = 'no', 'cage', 'x'


class Piece(NamedTuple):
    """A file of the program and its place in the system; `kiosks` are those it is for, or none for always."""

    name: str
    place: str
    kiosks: tuple[str, ...] = ()


USERS = Piece('users.conf', f'etc/sysusers.d/{NAME}.conf')
KIOSK = Piece(KIOSK_UNIT, f'etc/systemd/system/{KIOSK_UNIT}', (CAGE, X))
ON_X = Piece('kiosk-x.conf', f'etc/systemd/system/{KIOSK_UNIT}.d/x.conf', (X,))
PIECES = (
    Piece(UNIT, f'etc/systemd/system/{UNIT}'),
    USERS,
    Piece('dbus.conf', f'etc/dbus-1/system.d/{NAME}.conf'),
    KIOSK,
    ON_X,
    Piece('kiosk.pam', f'etc/pam.d/{NAME}-kiosk', (CAGE, X)),
    Piece('power.rules', f'etc/polkit-1/rules.d/50-{NAME}.rules', (CAGE, X)),
)


def kiosk_of(layout: Layout) -> str:
    """What is installed there."""
    if not (layout.root / KIOSK.place).exists():
        return NO_KIOSK
    return X if (layout.root / ON_X.place).exists() else CAGE


def put(layout: Layout, program: Path, kiosk: str) -> None:
    """Those that belong to it come from the program, the others go. Raises OSError."""
    for piece in PIECES:
        if (program / FOLDER / piece.name).exists() and (not piece.kiosks or kiosk in piece.kiosks):
            put_one(layout, program, piece)
        else:
            _remove(layout.root / piece.place)


def put_one(layout: Layout, program: Path, piece: Piece) -> None:
    """In one step: whoever reads it finds all of it. Raises OSError."""
    target = layout.root / piece.place
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f'.{target.name}.new')
    temporary.write_bytes((program / FOLDER / piece.name).read_bytes())
    temporary.chmod(0o644)
    os.replace(temporary, target)


def remove_all(layout: Layout) -> None:
    """Raises OSError."""
    for piece in PIECES:
        _remove(layout.root / piece.place)


def _remove(target: Path) -> None:
    target.unlink(missing_ok=True)
    if target.parent.name.endswith('.service.d'):
        with contextlib.suppress(OSError):  # what the owner put there stays
            target.parent.rmdir()
