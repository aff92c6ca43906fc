"""The window itself: pywebview on Qt, and what a desktop user expects beyond it.

Everything here runs on the main thread, which is Qt's.
"""
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import webview
from qtpy import QtCore, QtGui, QtWidgets
from qtpy.QtCore import Qt

from edgeos import NAME
from edgeos.colours import token
from edgeos.window.comforts import add_comforts, is_dark, save_download, speak
from edgeos.window.pair import Pair
from edgeos.window.place_keeper import PlaceKeeper
from edgeos.window.program import PROFILE

ASKING_LIMIT = 2_500  # ms; a page that does not answer by then does not keep the window open
CUT_OFF = 2_000  # ms for the page that comes instead
RELOADS = 3  # in a row, when the process of the page has crashed
CALM = 300_000  # ms a page has to live; then the next crash counts as the first
MAY_CLOSE = 'window.edgeosClosing ? window.edgeosClosing({ends}) : true'


def show(order: Mapping[str, Any], pair: Pair) -> bool:
    """Returns when it has been closed: False when it gave up, because its page crashes again and again."""
    QtCore.QCoreApplication.setApplicationName(NAME)
    QtGui.QGuiApplication.setDesktopFileName('smarthome-edge-os')
    application = QtWidgets.QApplication([NAME])  # all else of Qt lives only as long as it does
    profile = Path(order['data']) / PROFILE
    keeper = PlaceKeeper(Path(order['data']))
    background = token('bg', 'dark' if is_dark(application, order['theme']) else 'light')  # until the page is there
    window = webview.create_window(order['title'], order['url'], text_select=True, zoomable=True,
                                   maximized=keeper.is_maximized, background_color=background)  # fmt: skip
    view = View(window, order, pair, keeper)
    window.events.before_show += view.prepare
    window.events.closing += view.may_close
    webview.start(gui='qt', icon=order['icon'], private_mode=not profile.is_dir(),
                  storage_path=str(profile) if profile.is_dir() else None)  # fmt: skip
    keeper.finish()
    return not view.is_hopeless


class View(QtCore.QObject):  # type: ignore[misc]
    """Says that the page is there, goes when it may, and keeps other sites out."""

    _told = QtCore.Signal(str)  # by the program, in another thread

    def __init__(self, window: Any, order: Mapping[str, Any], pair: Pair, keeper: PlaceKeeper) -> None:
        super().__init__()
        self._window = window
        self._order = order
        self._pair = pair
        self._keeper = keeper
        self.is_hopeless = self._goes = self._is_said = False
        self._reloads = 0
        self._calm = QtCore.QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM)
        self._calm.timeout.connect(self._forget_crashes)
        self._patience = QtCore.QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(ASKING_LIMIT)
        self._patience.timeout.connect(self.go)
        self._told.connect(self._obey)

    def prepare(self) -> None:
        """The window is made, but nothing of it is seen yet."""
        self._native = native = self._window.native
        self._page = page = native.webview.page()
        speak(native, self._order['language'])
        page.setBackgroundColor(QtGui.QColor(self._window.background_color))
        page.loadFinished.connect(self._look)
        page.loadFinished.connect(self._wait_for_calm)
        page.navigationRequested.connect(self._check_way)
        page.windowCloseRequested.connect(self.go)
        page.renderProcessTerminated.connect(self._revive)
        native.profile.downloadRequested.connect(lambda download: save_download(native, download))
        add_comforts(native)
        self._keeper.take(native)
        self._pair.say('step')
        self._pair.hear_all(self._told.emit)

    # coming

    def _look(self, is_fine: bool) -> None:
        """Whether what was asked for is seen: an error page is no page, but one that leads on may be cut off."""
        if self._is_said:
            return
        if is_fine:
            self._page.runJavaScript('location.origin', 0, self._say_seen)
        else:
            QtCore.QTimer.singleShot(CUT_OFF, self._say_unseen)

    def _say_seen(self, origin: Any) -> None:
        if not self._is_said and origin == self._order['origin'] and self._native.isVisible():
            self._is_said = True
            self._pair.say('shown')

    def _say_unseen(self) -> None:
        if self._page.isLoading():
            QtCore.QTimer.singleShot(CUT_OFF, self._say_unseen)
        elif not self._is_said:
            self._pair.say('cannot', what='page')

    # while it is there

    def _check_way(self, request: Any) -> None:
        """Other sites are opened where everything else of the web is."""
        url = request.url()
        if not request.isMainFrame() or url.scheme() in ('blob', 'data', 'about') or self._is_ours(url):
            return
        request.reject()
        if url.scheme() in ('http', 'https', 'mailto'):
            address = url.toString()
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    def _is_ours(self, url: Any) -> bool:
        ours = QtCore.QUrl(self._order['origin'])
        return (url.scheme(), url.host(), url.port(80)) == (ours.scheme(), ours.host(), ours.port(80))

    def _revive(self, *_why: Any) -> None:
        """The process of the page has crashed: what is shown is dead."""
        self._calm.stop()
        self._reloads += 1
        if self._reloads <= RELOADS:
            QtCore.QTimer.singleShot(500 * self._reloads, self._native.webview.reload)
        elif not self._goes:
            self.is_hopeless = True
            self.go()

    def _wait_for_calm(self, is_fine: bool) -> None:
        if is_fine and self._reloads:
            self._calm.start()

    def _forget_crashes(self) -> None:
        self._reloads = 0

    def _obey(self, method: str) -> None:
        if method == 'forward':
            self._come_forward()
        elif method in ('close', ''):
            self.go()

    def _come_forward(self) -> None:
        self._native.setWindowState(self._native.windowState() & ~Qt.WindowState.WindowMinimized)
        self._native.show()
        self._native.raise_()
        self._native.activateWindow()
        QtWidgets.QApplication.alert(self._native)  # where the desktop does not let windows come by themselves

    # going

    def may_close(self) -> bool:
        """Somebody wants to close it. The page answers, at once or when its owner has decided, by closing it itself."""
        if self._goes:
            self._keeper.keep()
            return True
        if not self._patience.isActive():
            self._patience.start()
            self._page.runJavaScript(MAY_CLOSE.format(ends=str(self._order['ends']).lower()), 0, self._hear_page)
        return False

    def _hear_page(self, answer: Any) -> None:
        if answer is False:  # it asks
            self._patience.stop()
        else:
            self.go()

    def go(self) -> None:
        """Close without a question."""
        self._patience.stop()
        self._goes = True
        self._native.close()
