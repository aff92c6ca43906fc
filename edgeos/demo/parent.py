"""The child's end of the input pipe: the parent's lines, and the end when the parent is gone."""

import sys
import threading
from collections.abc import Callable


def listen_to_parent(on_line: Callable[[str], object], on_gone: Callable[[], object]) -> None:
    """Call back from a thread of its own; `on_gone` also where no signal tells of the parent's death."""

    def listen() -> None:
        for line in sys.stdin:
            on_line(line)
        on_gone()

    threading.Thread(target=listen, name='parent', daemon=True).start()
