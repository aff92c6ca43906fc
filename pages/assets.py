"""Where the browser finds our files: under an address made from their contents.

Another file has another address, so a browser may keep each for good and never shows yesterday's after an update,
also where the version stayed the same. What the files name relative to themselves is found in the same place.
"""
import hashlib
import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / 'assets'
FOR_GOOD = 365 * 86_400  # s
NOT_SERVED = ('plugins', 'translations')


def _contents_of(folder: Path) -> str:
    """A short name for all files together."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob('*')):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in NOT_SERVED:
            digest.update(f'{name.as_posix()}\0{path.stat().st_size}\0'.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


URL = f'/assets/{_contents_of(FOLDER)}'


@cache
def token(name: str, theme: str) -> str:
    """The colour that `--name` of app.css has in the `light` or the `dark` theme."""
    style = (FOLDER / 'app.css').read_text(encoding='utf-8')
    block = style[style.index(f'body.body--{theme} {{') :]
    found = re.search(rf'--{name}: (#[0-9a-f]{{6}});', block)
    assert found is not None, f'app.css has no colour --{name}'
    return found[1]
