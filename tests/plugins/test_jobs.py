"""Jobs: their states, their log, how they fail, and how many are kept."""

import asyncio
from typing import Any

import pytest

from edgeos import reporting
from edgeos.plugins.errors import PluginError
from edgeos.plugins.jobs import KEPT_JOBS, LOG_LINES, Busy, Job, Jobs, UnknownJob
from edgeos.plugins.threads import to_end
from tests.helpers import FakeClock, eventually


class Sink:
    """What was reported."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.events: list[str] = []

    def error(self, error: BaseException, context: dict[str, object]) -> None:
        self.errors.append(error)

    def event(self, level: str, source: str, message: str, context: dict[str, object]) -> None:
        self.events.append(f'{level} {source}: {message}')


@pytest.fixture
def sink() -> Any:
    sink = Sink()
    reporting.attach(sink)
    yield sink
    reporting.detach(sink)


async def ended(jobs: Jobs, work: Any, plugin_id: str = 'demo') -> Job:
    job = jobs.start(plugin_id, 'install', work)
    await job.wait()
    return job


async def test_what_is_shown_of_a_job() -> None:
    async def work(job: Job) -> None:
        job.begin('download', 40, 'Fetching.')
        job.begin('check', 20, 'Checking.')  # never backwards
        assert job.shown() | {'id': ''} == {
            'id': '', 'plugin': 'demo', 'action': 'install', 'state': 'running', 'step': 'check', 'percent': 40,
            'log': [{'t': '2023-11-14T22:13:20.000Z', 'level': 'info', 'text': text} for text in ('Fetching.', 'Checking.')]}  # fmt: skip
        for number in range(2 * LOG_LINES):
            job.say(f'{number}' * 5000)

    job = await ended(Jobs(FakeClock()), work)
    assert [job.state, job.percent, len(job.log)] == ['done', 100, LOG_LINES]
    assert max(len(line['text']) for line in job.log) <= 2000


@pytest.mark.parametrize(('error', 'told', 'reports'), [
    (PluginError('no room'), 'check: no room', 0),
    (OSError(28, 'No space left on device'), 'check: No space left on device', 0),
    (KeyError('x'), 'check: an error in the app itself; it was reported under Events', 1),
])  # fmt: skip
async def test_a_failure_names_step_and_reason_and_only_our_mistakes_are_errors(sink: Sink, error: Exception, told: str, reports: int) -> None:
    async def work(job: Job) -> None:
        job.begin('check', 20, 'Checking.')
        raise error

    job = await ended(Jobs(), work)
    assert [job.state, job.error, job.shown()['error'], job.percent] == ['failed', told, told, 20]
    assert len(sink.errors) == reports
    assert sink.events == [f'error demo: Install failed at {told}']


async def test_one_at_a_time_for_each_plugin() -> None:
    jobs, gate = Jobs(), asyncio.Event()

    async def work(job: Job) -> None:
        await gate.wait()

    first = jobs.start('demo', 'install', work)
    with pytest.raises(Busy, match='demo is busy: install'):
        jobs.start('demo', 'uninstall', work)
    assert jobs.of('demo') is first and jobs.of('other') is None
    jobs.start('other', 'install', work)
    gate.set()
    await first.wait()
    jobs.check_free('demo')


async def test_the_last_jobs_are_kept_and_those_that_run() -> None:
    jobs, gate = Jobs(), asyncio.Event()

    async def work(job: Job) -> None:
        if job.plugin_id == 'slow':
            await gate.wait()

    slow = jobs.start('slow', 'install', work)
    made = [await ended(jobs, work) for _ in range(KEPT_JOBS + 5)]
    assert jobs.all() == [slow, *made[-KEPT_JOBS + 1 :]]
    with pytest.raises(UnknownJob):
        jobs.get(made[0].id)
    assert jobs.get(slow.id) is slow
    assert slow.cancel()
    await slow.wait()
    assert slow.error == 'prepare: cancelled' and not slow.cancel()


async def test_the_end_of_the_app_waits_for_what_cannot_be_given_up_but_not_for_ever() -> None:
    jobs, gate = Jobs(), asyncio.Event()

    async def stubborn(job: Job) -> None:
        job.can_cancel = False
        await gate.wait()

    job = jobs.start('demo', 'update', stubborn)
    other = jobs.start('other', 'update', stubborn)
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.05, gate.set)
    await jobs.stop()
    assert [job.state, other.state] == ['done', 'done']
    gate.clear()
    job = jobs.start('demo', 'update', stubborn)
    await asyncio.sleep(0)
    await jobs.stop(0.05)
    await job.wait()
    assert job.state == 'failed'


async def test_one_that_is_given_up_before_it_has_begun_ends_and_tidies_up() -> None:
    tidy = []

    async def work(job: Job) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            tidy.append(job.id)

    jobs = Jobs()
    job = jobs.start('demo', 'install', work)
    assert job.cancel()
    await job.wait()
    assert (job.state, job.error, tidy) == ('failed', 'prepare: cancelled', [job.id])
    jobs.check_free('demo')


async def test_work_in_a_thread_is_done_before_a_cancellation_goes_on() -> None:
    import threading

    begun, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def work() -> None:
        begun.set()
        go_on.wait(5)
        order.append('work')

    async def outer() -> None:
        try:
            await to_end(work)
        finally:
            order.append('cleaned')

    task = asyncio.create_task(outer())
    await eventually(begun.is_set)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert order == ['work', 'cleaned']
