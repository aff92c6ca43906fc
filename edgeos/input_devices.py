"""Whether somebody can type on this device without a screen: what Linux says of its input devices."""
import re
from collections.abc import Iterator
from pathlib import Path

DEVICES = Path('/proc/bus/input/devices')
LETTERS = sum(1 << code for code in range(16, 26))  # KEY_Q to KEY_P of linux/input-event-codes.h
KEYS, REPEATS = 1 << 1, 1 << 20  # EV_KEY, EV_REP
# These tell the system that they are whole keyboards, and nobody can type on them.
NOT_TYPED_ON = re.compile(r'barcode|scanner|reader|rfid|yubikey|remote|\bcec\b', re.IGNORECASE)


def find_keyboard(path: Path = DEVICES) -> bool | None:
    """Whether a keyboard is plugged in or paired; None where that cannot be told. Reads a file of the kernel."""
    try:
        listing = path.read_text(encoding='utf-8', errors='replace')
    except OSError:
        return None
    return has_keyboard(listing) if listing.strip() else None


def has_keyboard(listing: str) -> bool:
    """Whether one of the devices in a text like `/proc/bus/input/devices` is typed on."""
    return any(_is_keyboard(lines) for lines in _devices(listing))


def _devices(listing: str) -> Iterator[dict[str, str]]:
    """Of each device: N (its name), EV and KEY (what it sends)."""
    for block in re.split(r'\n\s*\n', listing):
        fields = {}
        for line in block.splitlines():
            key, _, value = line.partition(': ')[2].partition('=')
            fields[key] = value.strip()
        yield fields


def _is_keyboard(fields: dict[str, str]) -> bool:
    try:
        sends = int(fields.get('EV') or '0', 16)
        lowest = int((fields.get('KEY') or '0').split()[-1], 16)  # words of 32 or 64 bits, the lowest last
    except ValueError:
        return False
    has_letters = sends & KEYS and sends & REPEATS and lowest & LETTERS == LETTERS
    return bool(has_letters) and NOT_TYPED_ON.search(fields.get('Name', '')) is None
