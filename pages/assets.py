"""Where the browser finds our files: under an address made from their contents.

Another file has another address, so a browser may keep each for good and never shows yesterday's after an update,
also where the version stayed the same. What the files name relative to themselves is found in the same place.
"""
import hashlib
from pathlib import Path

FOLDER = Path(__file__).parents[1] / 'assets'
FOR_GOOD = 365 * 86_400  # s
NOT_COUNTED = ('plugins', 'translations')  # no page asks for these


def _contents_of(folder: Path) -> str:
    """A short name for all files together."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob('*')):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in NOT_COUNTED:
            digest.update(f'{name.as_posix()}\0{path.stat().st_size}\0'.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


URL = f'/assets/{_contents_of(FOLDER)}'
