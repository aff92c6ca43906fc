"""Follows a window over the desktop and keeps where it is: some time after the last move, and when it closes."""
import sys
import threading
from pathlib import Path
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from edgeos.window.place import SMALLEST_HEIGHT, SMALLEST_WIDTH, Place, Rectangle, fit, read, write

SETTLED = 500  # ms without another move
LAST_WRITE = 1.0  # s for the disk, at the end
MOVES = (QtCore.QEvent.Type.Move, QtCore.QEvent.Type.Resize, QtCore.QEvent.Type.WindowStateChange)


class PlaceKeeper(QtCore.QObject):  # type: ignore[misc]
    """On Qt's thread; the disk is written in others."""

    def __init__(self, data: Path) -> None:
        super().__init__()
        self._path = data / 'window.json'
        self._kept = read(self._path)
        self._native: Any = None
        self._writing: threading.Thread | None = None
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLED)
        self._timer.timeout.connect(self.keep)

    @property
    def is_maximized(self) -> bool:
        return self._kept is not None and self._kept.is_maximized

    def take(self, native: Any) -> None:
        """Put the window where it was, and follow it."""
        self._native = native
        place = fit(self._kept, [Rectangle(*screen.availableGeometry().getRect()) for screen in _screens()])
        smallest = place.rectangle
        native.setMinimumSize(min(SMALLEST_WIDTH, smallest.width), min(SMALLEST_HEIGHT, smallest.height))
        native.setGeometry(QtCore.QRect(*place.rectangle))
        native.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Qt's."""
        if event.type() in MOVES:
            self._timer.start()
        return False

    def keep(self) -> None:
        """Where it is now, unless that is known."""
        self._timer.stop()
        native = self._native
        if native is None or native.isMinimized() or native.isFullScreen():
            return
        rectangle = native.normalGeometry() if native.isMaximized() else native.geometry()
        place = Place(Rectangle(*rectangle.getRect()), native.isMaximized())
        if place == self._kept or min(place.rectangle[2:]) <= 0:
            return
        self._kept = place
        before = self._writing

        def store() -> None:
            if before is not None:
                before.join()
            try:
                write(self._path, place)
            except OSError as error:
                print(f'the place of the window is not kept: {error}', file=sys.stderr)  # noqa: T201

        self._writing = threading.Thread(target=store, name='keep the place', daemon=True)
        self._writing.start()

    def finish(self) -> None:
        """The last is on the disk, if that takes no longer than a second."""
        if self._writing is not None:
            self._writing.join(LAST_WRITE)


def _screens() -> list[Any]:
    """The main one first."""
    main = QtGui.QGuiApplication.primaryScreen()
    return sorted(QtWidgets.QApplication.screens(), key=lambda screen: screen is not main)
