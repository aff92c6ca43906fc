"""Errors in pages: they are reported like all others, and who looks at the page sees what happened and what to do."""
import logging

from nicegui import App, context, ui
from nicegui.slot import Slot

from edgeos.reporting import log_error, log_event
from edgeos.reporting.capture import module_of, walk
from pages.frame import House, add_head, frame, speak
from pages.i18n import _
from pages.sheet import Text, icon_of

SHOWN_PATH = 120  # characters


def report_errors(app: App, house: House) -> None:
    """All that is raised while a page is built, by its timers and by what is pressed on it."""
    logging.getLogger('nicegui').addFilter(_says_more_than_the_report)

    def show(error: Exception) -> None:
        report(error)  # before anything of the error page can fail too
        try:
            with frame(house, 'Error', ''):
                _say_what_happened()
        except Exception as second:  # what every page has around it is broken: without it, then
            report(second)
            _show_bare(house)

    app.on_exception(report)
    app.on_page_exception(show)


def report(error: Exception) -> None:
    """Once for each error, however many ways lead here; a browser that leaves while its page is at work is none."""
    if has_left(error):
        log_event('debug', 'pages', 'a browser left while its page was still at work')
        return
    stack = Slot.get_stack()  # `context.client` would make a page where there is none
    path = stack[-1].parent.client.page.path if stack else ''
    request = stack[-1].parent.client.request if stack else None
    if not path and request is not None:
        path = str(getattr(request.scope.get('route'), 'path', ''))
    log_error(error, operation=f'page {path}'.strip())


def has_left(error: Exception) -> bool:
    """Whether it only says that the page does not exist any more."""
    frames = walk(error.__traceback__)
    return (isinstance(error, RuntimeError) and str(error).endswith('has been deleted.') and bool(frames)
            and module_of(frames[-1][0]).startswith('nicegui.'))  # fmt: skip


def _says_more_than_the_report(record: logging.LogRecord) -> bool:
    """NiceGUI writes the traceback of each error it hands to us into the log, where the report has it already."""
    return not isinstance(record.msg, Exception)


def _show_bare(house: House) -> None:
    client = context.client
    client.content.clear()
    speak(house, client)
    add_head(house, client)
    with ui.element('div').classes('eo-main'):
        _say_what_happened()


def _say_what_happened() -> None:
    request = context.client.request
    path = request.url.path if request is not None else '/'
    query = f'?{request.url.query}' if request is not None and request.url.query else ''
    with ui.element('div').classes('eo-empty'):
        icon_of('events')
        Text('h2', _('This page cannot be shown'))
        Text('p', _('The program ran into an error while it made the page {path}. It was written down; everything else '
                    'goes on.').format(path=path[:SHOWN_PATH]))  # fmt: skip
        with ui.element('div').classes('eo-row'):
            _link(_('Try again'), path + query, 'pri')
            _link(_('Open the events'), '/events')


def _link(text: str, target: str, look: str = '') -> None:
    link = ui.element('a').classes(f'eo-btn {look}')
    link.props['href'] = target
    with link:
        Text('span', text)
