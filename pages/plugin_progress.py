"""How far an install, an update or a removal is: a bar, the step, a folded log, and what to do when it fails."""

from nicegui import ui

from edgeos.plugins.views import JobView
from pages.format import Format
from pages.i18n import _, current_language
from pages.process_rows import percent
from pages.rows import say_phrase
from pages.sheet import Text

MOST_LINES = 300


class ProgressView:
    """Shows one job; `tick` brings it up to date."""

    def __init__(self) -> None:
        self._format = Format(current_language(), _)
        with ui.element('div').classes('eo-col pg-job') as self.area:
            with ui.element('div').classes('pg-step') as self._now:
                self._step = Text('span', '', 'eo-grow pg-long').props('role=status')
                self._percent = Text('b', '', 'eo-num')
            with ui.element('div').classes('pg-progress').props('role=progressbar aria-valuemin=0 aria-valuemax=100') \
                    as self._bar:  # fmt: skip
                self._fill = ui.element('i')
            self._bar.props['aria-label'] = _('Progress')
            with ui.element('div').classes('eo-why eo-bad').props('role=alert') as self._trouble:
                self._why = Text('b')
                self._hint = Text('span', '', 'next')
            self._good = Text('p', '', 'eo-why eo-good').props('role=status')
            with ui.element('details').classes('eo-advanced pg-fold') as self._fold:
                with ui.element('summary'):
                    Text('span', _('Log'))
                self._log = Text('pre', '', 'eo-log').props('tabindex=0 role=log')
                self._log.props['aria-label'] = _('Log')

    def begin(self, job: JobView) -> None:
        """Another job."""
        self._fold.props.pop('open', None)
        self._fold.update()
        self.show(job)

    def show(self, job: JobView) -> None:
        """As it is now."""
        lines = [say_phrase(_, line['text']) for line in list(job.log)[-MOST_LINES:]]
        is_running = job.state == 'running'
        _set(self._step, (lines[-1] if lines else '') if is_running else '')
        _set(self._percent, percent(round(job.percent), self._format) if is_running else '')
        self._show_bar(job.percent if job.state != 'done' else 100.0)
        _set(self._log, '\n'.join(lines))
        error = job.error or {}
        is_failed = job.state == 'failed'
        _set(self._why, say_phrase(_, error.get('message') or _('It did not work.')) if is_failed else '')
        hint = say_phrase(_, error.get('hint') or _('Nothing was changed: what ran before goes on.'))
        goes_on = _('What was there before runs on.')
        if job.title == 'update' and hint != goes_on:
            hint = f'{hint} {goes_on}'
        _set(self._hint, hint if is_failed else '')
        show(self._now, is_running)
        show(self._trouble, is_failed)
        show(self._bar, not is_failed)
        if is_failed and 'open' not in self._fold.props:
            self._fold.props['open'] = True

    def say(self, text: str) -> None:
        """It has gone well."""
        _set(self._good, text)
        show(self._good, bool(text))

    def _show_bar(self, percent_done: float) -> None:
        share = round(max(0.0, min(100.0, percent_done)) / 100, 2)
        style = f'transform: scaleX({share})'
        if self._fill.style.get('transform') != f'scaleX({share})':
            self._fill.style(style)
            self._bar.props['aria-valuenow'] = round(100 * share)


def show(element: ui.element, shown: bool) -> None:
    """Seen or not; said only when it changes."""
    if element.visible != shown:
        element.set_visibility(shown)


def _set(element: Text, text: str) -> None:
    if element.text != text:
        element.text = text
