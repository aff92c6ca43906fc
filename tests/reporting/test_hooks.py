import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeos.reporting import log_error
from edgeos.reporting.library_noise import noise_of
from tests.helpers import eventually, eventually_sync
from tests.reporting.reporters import Oops, caught, fail, make_reporter, messages, reporting, settled

ROOT = Path(__file__).parents[2]


def operations(reporter: Any) -> dict[str, object]:
    return {event.message: event.context.get('operation') for event in reporter.store.query('error')}


async def test_a_task_that_nobody_waits_for(tmp_path: Path) -> None:
    async def poll() -> None:
        fail('in a task')

    with reporting(tmp_path) as reporter:
        task = asyncio.create_task(poll())
        await asyncio.wait([task])
        del task
        gc.collect()
        await eventually(lambda: operations(reporter) == {'Oops: in a task': f'task {poll.__qualname__}'})
        [event] = reporter.store.query()
        assert event.context['handled'] is False and 'in poll' in event.traceback.replace(poll.__qualname__, 'poll')


async def test_a_callback_of_the_loop(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        asyncio.get_running_loop().call_soon(fail, 'in a callback')
        await eventually(lambda: operations(reporter) == {'Oops: in a callback': 'callback'})


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
async def test_a_thread(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        thread = threading.Thread(target=fail, args=('in a thread',), name='measuring 7')
        thread.start()
        await asyncio.to_thread(thread.join)
        await eventually(lambda: operations(reporter) == {'Oops: in a thread': 'thread measuring 7'})


async def test_what_is_reported_already_is_not_reported_again_by_a_hook(tmp_path: Path) -> None:
    async def poll() -> None:
        try:
            fail('known')
        except Oops as error:
            log_error(error, operation='poll')
            raise

    with reporting(tmp_path) as reporter:
        await asyncio.wait([asyncio.create_task(poll())])
        gc.collect()
        await eventually(lambda: operations(reporter) == {'Oops: known': 'poll'})
        assert reporter.store.query()[0].count == 1


async def test_what_the_loop_says_without_an_error_is_an_event(tmp_path: Path) -> None:
    with reporting(tmp_path) as reporter:
        asyncio.get_running_loop().call_exception_handler({'message': 'Task was destroyed but it is pending!'})
        await eventually(lambda: messages(reporter) == ['Task was destroyed but it is pending!'])
        assert reporter.store.query()[0].level == 'warning' and reporter.store.unseen == 0


async def test_hooks_are_chained_and_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(threading, 'excepthook', lambda args: seen.append(args.exc_value))
    monkeypatch.setattr(sys, 'excepthook', lambda kind, error, trace: seen.append(error))
    monkeypatch.setattr(sys, 'unraisablehook', lambda args: seen.append(args.exc_value))
    loop.set_exception_handler(lambda loop, context: seen.append(context['exception']))
    before = (threading.excepthook, sys.excepthook, sys.unraisablehook, loop.get_exception_handler())
    one, two, three = caught('1'), caught('2'), caught('3')
    with reporting(tmp_path) as reporter:
        threading.excepthook(threading.ExceptHookArgs((Oops, one, one.__traceback__, None)))
        sys.excepthook(Oops, two, two.__traceback__)
        loop.call_exception_handler({'message': 'x', 'exception': three})
        await eventually(lambda: len(reporter.store.query()) == 3)
    assert seen == [one, two, three]
    assert (threading.excepthook, sys.excepthook, sys.unraisablehook, loop.get_exception_handler()) == before
    loop.set_exception_handler(None)


async def test_a_hook_that_somebody_put_above_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(threading, 'excepthook', lambda args: seen.append('below'))
    reporter = make_reporter(tmp_path)
    reporter.start()
    ours = threading.excepthook

    def above(args: threading.ExceptHookArgs) -> None:
        seen.append('above')
        ours(args)

    threading.excepthook = above
    reporter.stop()
    assert threading.excepthook is above
    threading.excepthook(threading.ExceptHookArgs((Oops, caught(), None, None)))
    assert seen == ['above', 'below'] and reporter.store.query() == []


PROGRAM = """
import sys, threading, asyncio
from pathlib import Path
from edgeos.reporting.reporter import Reporter
from edgeos.settings_models import SentrySettings
import uvloop
reporter = Reporter(Path(sys.argv[1]), SentrySettings(), '1', environ={}, env_file=None)
reporter.attach()
class Falls:
    def __del__(self):
        raise ValueError('cleared')
async def main():
    reporter.start()
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.05)
    Falls()
    threading.Thread(target=lambda: [][1]).start()
    await asyncio.sleep(0.2)
    reporter.stop()
    reporter._hooks.install()
uvloop.run(main())
print(sorted(event.message for event in reporter.store.query()))
if sys.argv[2] == 'interrupt':
    raise KeyboardInterrupt
raise RuntimeError('at the end')
"""


@pytest.mark.parametrize('how', ['error', 'interrupt'])
def test_a_whole_program_on_uvloop_says_everything_once(tmp_path: Path, how: str) -> None:
    done = subprocess.run([sys.executable, '-c', PROGRAM, str(tmp_path), how], cwd=ROOT, capture_output=True, text=True, timeout=15)
    assert done.stdout == "['IndexError: list index out of range', 'ValueError: cleared', 'ZeroDivisionError: division by zero']\n"
    for text in ('list index out of range', 'division by zero', 'cleared'):
        assert done.stderr.count(f': {text} (operation=') == 1 and done.stderr.count(f'Error: {text}\n') == 1
    if how == 'error':
        assert done.returncode == 1
        assert done.stderr.count('RuntimeError: at the end (operation=main program') == 1
    else:
        assert done.returncode == -2 or done.returncode == 130
        assert done.stderr.rstrip().endswith('KeyboardInterrupt')


# noise of libraries


def raised(module: str, error: BaseException) -> BaseException:
    code = compile('def act(error):\n    raise error\n', f'/lib/{module}.py', 'exec')
    made: dict[str, Any] = {'__name__': module}
    exec(code, made)
    try:
        made['act'](error)
    except BaseException as caught:
        caught.__traceback__ = caught.__traceback__ and caught.__traceback__.tb_next  # without this test's own frame
        return caught
    raise AssertionError


def error_class(name: str, module: str) -> Callable[..., BaseException]:
    return type(name, (Exception,), {'__module__': module})


NOT_RETRIEVED = 'Future exception was never retrieved'
GONE = [
    ('bluetooth', raised('dbus_fast.aio.message_bus', OSError(9, 'Bad file descriptor')), NOT_RETRIEVED),
    ('bluetooth', raised('dbus_fast.message_bus', EOFError()), NOT_RETRIEVED),
    ('bluetooth', raised('bleak.backends.bluezdbus.client', error_class('BleakError', 'bleak.exc')('not connected')), 'Task exception was never retrieved'),
    ('bluetooth', error_class('BleakError', 'bleak.exc')('not connected'), NOT_RETRIEVED),
    ('bluetooth', ConnectionResetError(), NOT_RETRIEVED),
    ('web', raised('uvicorn.protocols.http.httptools_impl', ConnectionResetError()), ''),
    ('web', raised('engineio.async_socket', BrokenPipeError()), ''),
    ('web', ConnectionResetError(), 'Fatal write error on socket transport'),
    ('web', raised('websockets.protocol', error_class('ConnectionClosed', 'websockets.exceptions')()), ''),
]  # fmt: skip


@pytest.mark.parametrize(('source', 'error', 'message'), GONE, ids=lambda value: str(value)[:25])
async def test_what_went_away_is_no_error(tmp_path: Path, source: str, error: BaseException, message: str) -> None:
    assert noise_of(error, message).source == source  # type: ignore[union-attr]
    with reporting(tmp_path) as reporter:
        asyncio.get_running_loop().call_exception_handler({'message': message, 'exception': error})
        eventually_sync(lambda: len(reporter.store.query()) == 1)
        [event] = reporter.store.query()
        assert (event.level, event.source) == ('debug', source)


@pytest.mark.parametrize(('error', 'message'), [
    (raised('dbus_fast.aio.message_bus', KeyError('x')), NOT_RETRIEVED), (raised('edgeos.connections.mqtt', ConnectionResetError()), ''),
    (ValueError('x'), NOT_RETRIEVED), (raised('somebody.else', OSError(9, 'x')), ''), (raised('uvicorn.main', ValueError()), ''),
])  # fmt: skip
def test_mistakes_are_errors(error: BaseException, message: str) -> None:
    assert noise_of(error, message) is None


async def test_a_library_called_by_us_is_reported(tmp_path: Path) -> None:
    def ours() -> None:
        raise raised('dbus_fast.aio.message_bus', OSError(9, 'gone'))

    with reporting(tmp_path) as reporter:
        asyncio.get_running_loop().call_soon(ours)
        await asyncio.to_thread(settled, reporter, ['OSError: [Errno 9] gone'])
