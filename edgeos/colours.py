"""The colours of the pages, for what is shown around and before them: assets/app.css is where they stand."""
import re
from functools import cache
from pathlib import Path

STYLE = Path(__file__).parents[1] / 'assets' / 'app.css'


@cache
def token(name: str, theme: str) -> str:
    """The colour that `--name` of app.css has in the `light` or the `dark` theme, as `#rrggbb`."""
    style = STYLE.read_text(encoding='utf-8')
    block = style[style.index(f'body.body--{theme} {{') :]
    found = re.search(rf'--{name}: (#[0-9a-f]{{6}});', block)
    assert found is not None, f'app.css has no colour --{name}'
    return found[1]
