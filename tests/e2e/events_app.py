"""The program, with things that go wrong on command: one line of JSON on its standard input is one of them.

{"error": "text", "times": 2, "context": {…}}, {"event": [level, source, message]}, {"broken": "pages.x_page.content"}
and {"mended": "pages.x_page.content"}
"""
import importlib
import json
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import main  # noqa: E402
from edgeos.reporting import log_error, log_event  # noqa: E402

WAS: dict[str, Any] = {}


class Planned(Exception):
    """Goes wrong because a test wants it to."""


def go_wrong(text: str) -> NoReturn:
    raise Planned(text)


def report(text: str, context: dict[str, Any]) -> None:
    try:
        go_wrong(text)
    except Planned as error:
        log_error(error, **context)


def put(place: str, value: Any) -> None:
    """What is at that place of the program; what was there is kept."""
    module, _, name = place.rpartition('.')
    holder = importlib.import_module(module)
    WAS.setdefault(place, getattr(holder, name))
    setattr(holder, name, WAS[place] if value is None else value)


def do(command: dict[str, Any]) -> None:
    if place := command.get('broken'):
        put(place, lambda *_args, **_more: go_wrong(f'{place} is broken'))
    elif place := command.get('mended'):
        put(place, None)
    elif told := command.get('event'):
        log_event(*told, **command.get('context', {}))
    else:
        for _time in range(command.get('times', 1)):
            report(command['error'], command.get('context', {}))


def obey() -> None:
    for line in sys.stdin:
        do(json.loads(line))


if __name__ == '__main__':
    threading.Thread(target=obey, daemon=True).start()
    sys.exit(main.main())
