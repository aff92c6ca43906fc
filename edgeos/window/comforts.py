"""What a desktop user expects of any window: keys, a menu on the right button, saving to a file, the own language."""
from pathlib import Path
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets
from qtpy.QtCore import Qt

ZOOMS = (0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
Standard = QtGui.QKeySequence.StandardKey


def add_comforts(native: Any) -> None:
    """Keys and the menu."""
    view = native.webview
    keys = {
        'Ctrl++': lambda: zoom(view, 1), 'Ctrl+=': lambda: zoom(view, 1), 'Ctrl+-': lambda: zoom(view, -1),
        'Ctrl+0': lambda: view.setZoomFactor(1.0), 'F5': view.reload, 'Ctrl+R': view.reload, 'Ctrl+W': native.close,
        'Ctrl+Q': native.close, 'F11': native.on_fullscreen, 'Alt+Left': view.back, 'Alt+Right': view.forward,
    }  # fmt: skip
    for key, act in keys.items():
        QtGui.QShortcut(QtGui.QKeySequence(key), native).activated.connect(act)
    view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    view.customContextMenuRequested.connect(lambda point: _open_menu(view, point))


def zoom(view: Any, step: int) -> None:
    """To the next larger or smaller of the usual ones."""
    now = view.zoomFactor()
    at = min(range(len(ZOOMS)), key=lambda number: abs(ZOOMS[number] - now))
    view.setZoomFactor(ZOOMS[max(0, min(len(ZOOMS) - 1, at + step))])


def _open_menu(view: Any, point: Any) -> None:
    """Copy, paste, back and the like; what is for the makers of pages is left out."""
    menu = view.createStandardContextMenu()
    actions = type(view.page()).WebAction
    for unwanted in (actions.ViewSource, actions.SavePage, actions.InspectElement, actions.OpenLinkInNewWindow,
                     actions.OpenLinkInNewTab, actions.OpenLinkInNewBackgroundTab):  # fmt: skip
        menu.removeAction(view.page().action(unwanted))
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(view.mapToGlobal(point))


def save_download(native: Any, download: Any) -> None:
    """Ask where to, and save it there. pywebview's own way does not know Qt 6."""
    folder = QtCore.QStandardPaths.writableLocation(QtCore.QStandardPaths.StandardLocation.DownloadLocation)
    path, _kind = QtWidgets.QFileDialog.getSaveFileName(native, '', str(Path(folder) / download.suggestedFileName()))
    if not path:
        download.cancel()
        return
    download.setDownloadDirectory(str(Path(path).parent))
    download.setDownloadFileName(Path(path).name)
    download.accept()


def is_dark(application: Any, theme: str) -> bool:
    """Whether pages will be dark: what the settings say, else what the desktop does."""
    if theme != 'auto':
        return theme == 'dark'
    return bool(application.styleHints().colorScheme() == Qt.ColorScheme.Dark)


def speak(native: Any, language: str) -> None:
    """Pages and dialogs in the owner's language, the desktop's where it is not set."""
    if language != 'auto':
        QtCore.QLocale.setDefault(QtCore.QLocale(language))
    wanted = [language] if language != 'auto' else QtCore.QLocale.system().uiLanguages()
    native.profile.setHttpAcceptLanguage(','.join(each for each in wanted if each != 'C') or 'en')
    words = QtCore.QTranslator(native)
    folder = QtCore.QLibraryInfo.path(QtCore.QLibraryInfo.LibraryPath.TranslationsPath)
    if words.load(QtCore.QLocale(), 'qtbase', '_', folder):
        QtCore.QCoreApplication.installTranslator(words)
