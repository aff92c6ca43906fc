"""Installs, updates and removals as jobs that anybody can watch. One at a time for each plugin."""

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from edgeos.clock import SYSTEM_CLOCK, Clock
from edgeos.plugins.errors import PluginError
from edgeos.plugins.phrase import Phrase, phrase_of
from edgeos.reporting import log_error, log_event
from edgeos.reporting.report import iso

KEPT_JOBS = 50
LOG_LINES = 1000
LINE_LENGTH = 2000
CANCELLED = Phrase('cancelled')
_WORDS = (Phrase('install'), Phrase('update'), Phrase('roll back'), Phrase('uninstall'), Phrase('repair'))
ACTIONS: dict[str, Phrase] = {str(word): word for word in _WORDS}

Work = Callable[['Job'], Awaitable[None]]


class Busy(PluginError):
    """Raised when something else is being done with the plugin."""

    def __init__(self, plugin_id: str, action: str) -> None:
        super().__init__(Phrase('{plugin} is busy: {action}', plugin=plugin_id, action=ACTIONS.get(action, action)))
        self.action = action


class UnknownJob(LookupError):
    """Raised when no job has the id, or it is too long ago."""


class Job:
    """What is being done with a plugin. `state` is running, done or failed; `percent` goes from 0 to 100."""

    def __init__(self, plugin_id: str, action: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.plugin_id = plugin_id
        self.action = action  # install, update, roll back, uninstall
        self.state = 'running'
        self.step = 'prepare'
        self.percent = 0
        self.error: str | None = None
        self.reason = ''  # the same without the step
        self.log: deque[dict[str, str]] = deque(maxlen=LOG_LINES)  # {t, level, text}
        self.can_cancel = True
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def say(self, text: str, level: str = 'info') -> None:
        """A line for the log of the job; a phrase, unless it comes from elsewhere."""
        line = text if len(text) <= LINE_LENGTH else text[:LINE_LENGTH]
        self.log.append({'t': iso(self._clock.wall()), 'level': level, 'text': line})

    def begin(self, step: str, percent: int, template: str, **values: object) -> None:
        """From here on the job is at this step, and so far; what is said is a phrase."""
        self.step = step
        self.percent = max(self.percent, percent)
        self.say(Phrase(template, **values))

    def shown(self) -> dict[str, Any]:
        """As the API answers it; without `error` while there is none."""
        shape = {'id': self.id, 'plugin': self.plugin_id, 'action': self.action, 'state': self.state,
                 'step': self.step, 'percent': self.percent, 'log': list(self.log)}  # fmt: skip
        return shape if self.error is None else {**shape, 'error': self.error}

    def cancel(self) -> bool:
        """Give up what is being done, unless it has gone too far; whether it will."""
        if self.state != 'running' or not self.can_cancel or self._task is None:
            return False
        # in a moment, by when it has begun: what has not begun would never end, nor tidy up
        asyncio.get_running_loop().call_soon(self._cancel)
        return True

    def _cancel(self) -> None:
        if self.can_cancel and self._task is not None:
            self._task.cancel()

    async def wait(self) -> None:
        """Until it is done or has failed; never raises because of it."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def run(self, work: Work) -> None:
        """Begin the work as a task of its own."""
        self._task = asyncio.create_task(self._run(work), name=f'{self.action} {self.plugin_id}')

    async def _run(self, work: Work) -> None:
        try:
            await work(self)
        except asyncio.CancelledError:
            self._fail(CANCELLED)
            raise
        except (PluginError, OSError) as error:
            self._fail(phrase_of(error))
        except Exception as error:
            log_error(error, operation=self.action, plugin=self.plugin_id, step=self.step)
            self._fail(Phrase('an error in the app itself; it was reported under Events'))
        else:
            self.percent, self.state = 100, 'done'
            self.say(Phrase('Done.'))

    def _fail(self, reason: str) -> None:
        self.error, self.reason = f'{self.step}: {reason}', reason
        self.say(Phrase('Failed: {why}', why=reason), 'error')
        self.state = 'failed'
        if reason != CANCELLED:
            log_event('error', self.plugin_id, f'{self.action.capitalize()} failed at {self.error}')


class Jobs:
    """The running jobs and the last that ended."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}

    def get(self, job_id: str) -> Job:
        """Raises UnknownJob."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise UnknownJob(job_id) from None

    def all(self) -> list[Job]:
        """Newest last."""
        return list(self._jobs.values())

    def of(self, plugin_id: str) -> Job | None:
        """What is being done with the plugin just now."""
        return next((job for job in self._jobs.values() if job.plugin_id == plugin_id and job.state == 'running'), None)

    def check_free(self, plugin_id: str) -> None:
        """Raises Busy."""
        if job := self.of(plugin_id):
            raise Busy(plugin_id, job.action)

    def start(self, plugin_id: str, action: str, work: Work) -> Job:
        """Raises Busy while anything else is done with the plugin."""
        self.check_free(plugin_id)
        job = Job(plugin_id, action, self._clock)
        ended = [job.id for job in self._jobs.values() if job.state != 'running']
        for old in ended[: max(0, len(self._jobs) - KEPT_JOBS + 1)]:
            del self._jobs[old]
        self._jobs[job.id] = job
        job.run(work)
        return job

    async def stop(self, limit: float = 2.0) -> None:
        """Give up what can be given up and wait for the rest; what is still not done after `limit` s is abandoned."""
        running = [job for job in self._jobs.values() if job.state == 'running' and job._task is not None]
        for job in running:
            job.cancel()
        if running:
            _done, late = await asyncio.wait([job._task for job in running if job._task], timeout=limit)
            for task in late:
                task.cancel()
