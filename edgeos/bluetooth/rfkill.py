"""Whether the Bluetooth radio is blocked by a switch or by software (Linux)."""
from pathlib import Path

FOLDER = Path('/sys/class/rfkill')


def is_blocked(folder: Path = FOLDER) -> bool:
    """True when there are Bluetooth radios and all are blocked; reads small kernel files."""
    found = [_blocked(entry) for entry in folder.glob('rfkill*') if _read(entry / 'type') == 'bluetooth']
    return bool(found) and all(found)


def _blocked(entry: Path) -> bool:
    return '1' in (_read(entry / 'soft'), _read(entry / 'hard'))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding='ascii', errors='replace').strip()
    except OSError:
        return ''
