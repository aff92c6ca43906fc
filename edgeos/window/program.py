"""The process of the window: `python -m edgeos.window.program SOCKET_FD`.

It hears `open` first, with what the window shows: `url` (good once), `origin` (what belongs inside), `title`, `icon`,
`data` (folder), `language` and `theme` as in the settings, and whether the program ends with it (`ends`).
"""
import os
import socket
import sys
import traceback
from pathlib import Path
from types import TracebackType

from edgeos.window.needs import find_lack
from edgeos.window.pair import Pair

PROFILE = 'window'  # folder of cookies and what pages remember


def main() -> int:
    """What it says is for the log; what matters goes to the program."""
    pair = Pair(socket.socket(fileno=int(sys.argv[1])))
    method, order = pair.hear()
    if method != 'open':
        return 0  # the program has ended meanwhile
    sys.excepthook = _say_error  # or Qt would end the process for any mistake in a handler
    _prepare(Path(order['data']))
    lack = find_lack()
    if lack is not None:
        pair.say('cannot', what=lack.what, detail=lack.detail)
        return 1
    pair.say('step')
    try:
        from edgeos.window.view import show

        was_closed = show(order, pair)
    except Exception as error:  # of a library that is not what it should be
        traceback.print_exc()
        pair.say('cannot', what='error', detail=f'{type(error).__name__}: {error}')
        return 1
    if not was_closed:
        print('its page crashes again and again', file=sys.stderr)  # noqa: T201
        return 1
    pair.say('closed')
    return 0


def _prepare(data: Path) -> None:
    """Before Qt is loaded."""
    os.environ['PYWEBVIEW_GUI'] = 'qt'
    if hasattr(os, 'geteuid') and os.geteuid() == 0:  # its sandbox refuses root, and would end the process
        flags = os.environ.get('QTWEBENGINE_CHROMIUM_FLAGS', '')
        os.environ['QTWEBENGINE_CHROMIUM_FLAGS'] = f'{flags} --no-sandbox'.strip()
    try:
        (data / PROFILE).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        print(f'nothing is remembered: {error}', file=sys.stderr)  # noqa: T201


def _say_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    traceback.print_exception(kind, error, trace)


if __name__ == '__main__':
    sys.exit(main())
