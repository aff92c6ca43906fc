"""A report for trying out: what it contains, and what becomes of it."""
import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from edgeos.reporting.reporter import TEST_ID, Reporter
from pages.format import Format
from pages.i18n import _, current_language
from pages.text_view import TextSheet, pretty, text_sheet

MADE_SECONDS, ARRIVED_SECONDS = 8.0, 15.0
LOOK_SECONDS = 0.1

T = TypeVar('T')


async def send_test(reporter: Reporter) -> None:
    """Make one, show it, and say whether it arrived; ends when nobody looks any more."""
    sheet, sends = text_sheet(), reporter.sending.on
    title = _('Test report')
    turn = sheet.open(title)
    sheet.say(_('A report is being made …'), busy=True)
    began, wall = time.monotonic(), time.time()
    event_id = reporter.send_test()
    text = await waited(lambda: made(reporter, event_id), MADE_SECONDS, sheet, turn)
    if not sheet.is_seen(turn):
        return
    if not text:
        sheet.say(_(reporter.trouble) if reporter.trouble else _('No report could be made.'), 'warn')
        return
    sheet.show(await asyncio.to_thread(pretty, text), title)
    if not sends:
        sheet.say(_('Nothing has left this device: sending is off. This is what would leave.'), 'idle')
        return
    sheet.say(_('It is on its way to {server} …').format(server=say_server(reporter)), busy=True)
    arrived = await waited(lambda: is_sent(reporter, wall), ARRIVED_SECONDS, sheet, turn)
    if not sheet.is_seen(turn):
        return
    if arrived:
        seconds = Format(current_language(), _).localized(f'{time.monotonic() - began:.1f}')
        sheet.say(_('It arrived after {seconds} s at {server}. This is what it contained.').format(
            server=say_server(reporter), seconds=seconds), 'good')  # fmt: skip
    else:
        sheet.say(_say_waiting(reporter), 'warn')


def _say_waiting(reporter: Reporter) -> str:
    trouble = _(reporter.trouble) if reporter.trouble else _('The server has not answered yet.')
    waits = _('It waits here and is sent as soon as that works.') if reporter.queue.waiting else ''
    return ' '.join(filter(None, (_('It has not arrived.'), trouble, waits)))


async def waited(look: Callable[[], T], seconds: float, sheet: TextSheet, turn: int) -> T:
    """What is found at last, in time and while somebody looks at the sheet."""
    until = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < until and sheet.is_seen(turn):
        await asyncio.sleep(LOOK_SECONDS)
    return found


def say_server(reporter: Reporter) -> str:
    """Where reports go; '' for nowhere."""
    host, _comma, project = reporter.server.partition(', project ')
    return _('{host}, project {number}').format(host=host, number=project) if project else host


def made(reporter: Reporter, event_id: str) -> str:
    """The report of that id as JSON; '' while there is none."""
    text = reporter.preview()
    return text if text is not None and event_id in text else ''


def is_sent(reporter: Reporter, since: float) -> bool:
    """Both must be new: the mark of an earlier test stays until this one is on its way."""
    last = reporter.last_sent
    test = reporter.store.get(TEST_ID)
    return bool(last is not None and last >= since and test and test.sent == 'sent' and test.last >= since)
