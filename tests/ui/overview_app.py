"""A page with nothing but the overview, for the browser tests: rows from a file, patches pushed over HTTP.

python overview_app.py PORT ROWS.json; POST /call [method, args], GET /actions and /looks, /?locale=de&demo=0&drop=id
"""

import json
import sys
from pathlib import Path
from typing import Any

from fastapi import Request

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from nicegui import app, ui  # noqa: E402

from pages.overview_grid import OverviewGrid, overview_labels  # noqa: E402

actions: list[list[Any]] = []
looks: list[Any] = []
grids: list[OverviewGrid] = []


def label(text: str) -> str:
    return text


@ui.page('/')
def page(count: int = -1, locale: str = 'en', dark: bool = False) -> None:
    rows = json.loads(Path(sys.argv[2]).read_text())
    ui.dark_mode(dark)
    ui.add_head_html(
        '<link rel="stylesheet" href="/assets/app.css"><script>document.documentElement.lang="en"</script>'
    )
    with ui.element('div').classes('eo-app'):
        ui.element('nav').classes('eo-rail')
        with ui.element('div').classes('eo-main'):
            grid = OverviewGrid(
                rows if count < 0 else rows[:count],
                labels=overview_labels(label),
                settings={'can_demo': True},
                locale=locale,
            )
    grid.on_action(lambda action, ids: actions.append([action, ids]))
    grid.on_look(lambda look: looks.append([sorted(look.ids), look.sparks]))
    grid.on_add(lambda: actions.append(['add', []]))
    grid.on_demo(lambda: actions.append(['demo', []]))
    grids[:] = [grid]


@app.post('/call')
async def call(request: Request) -> None:
    method, *args = await request.json()
    getattr(grids[0], method)(*args)


@app.get('/actions')
def take_actions() -> list[list[Any]]:
    taken = list(actions)
    actions.clear()
    return taken


@app.get('/looks')
def take_looks() -> list[Any]:
    taken = list(looks)
    looks.clear()
    return taken


app.add_static_files('/assets', ROOT / 'assets')
ui.run(host='127.0.0.1', port=int(sys.argv[1]), show=False, reload=False, tailwind=False, title='Overview')
