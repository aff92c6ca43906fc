"""What is on its way to somebody else: kept over restarts, tried again, and no line holds up another."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any, Protocol

from edgeos_plugin import PermissionDenied, WriteFailed
from edgeos_plugin.storage import Storage

from .rules import Action
from .webhook import Rejected, Unreachable, post

MOST = 200  # messages that wait, in all
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # s

Message = dict[str, Any]


class Host(Protocol):
    """What it needs of the plugin."""

    storage: Storage

    async def write(self, point_id: str, value: Any, qos: int | None = None, retain: bool | None = None) -> None: ...

    @property
    def event(self) -> Callable[..., None]: ...


class Sender:
    """A line for each receiver, with a task of its own while something waits in it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lines: dict[str, list[Message]] = host.storage.get('queue', {})
        self._actions: dict[str, Action] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_full = False

    def configure(self, actions: dict[str, Action]) -> None:
        """The receivers there are, by key; what waits for another one is dropped."""
        self.stop()
        self._actions = actions
        self._lines = {key: line for key, line in self._lines.items() if line and key in actions}
        self._save()
        for key in self._lines:
            self._work_on(key)

    def send(self, action: Action, message: Message) -> None:
        """Put it at the end of its line; never waits."""
        self._lines.setdefault(action.key, []).append(message)
        if self._waiting > MOST:
            max(self._lines.values(), key=len).pop(0)
            if not self._is_full:
                self._is_full = True
                self._host.event('warning', f'More than {MOST} messages wait; the oldest are left out.')
        self._save()
        self._work_on(action.key)

    def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    @property
    def _waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    def _work_on(self, key: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._work(key), name=key)

    async def _work(self, key: str) -> None:
        try:
            await self._empty(key)
        finally:
            if self._tasks.get(key) is asyncio.current_task():
                del self._tasks[key]

    async def _empty(self, key: str) -> None:
        action, pause, problem = self._actions[key], FIRST_PAUSE, ''
        while line := self._lines[key]:
            message = line[0]
            try:
                await self._hand_over(action, message)
            except (Unreachable, WriteFailed) as error:
                if not problem:
                    self._host.event('warning', f'{_shown(action)} cannot be told: {error}. It is tried again.')
                problem = str(error)
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            except (Rejected, PermissionDenied) as error:
                what = f'{_shown(action)} does not take the message: {error}'
                self._host.event('error', what, text=message['message'])
            else:
                if problem:
                    self._host.event('info', f'{_shown(action)} is told again.')
                pause, problem = FIRST_PAUSE, ''
            if line and line[0] is message:  # it may have made room meanwhile
                line.pop(0)
            self._save()
        if self._waiting <= MOST // 2:
            self._is_full = False

    async def _hand_over(self, action: Action, message: Message) -> None:
        if action.target is None:
            await self._host.write(action.topic, message, qos=1, retain=False)
        else:
            await post(action.target, json.dumps(message, ensure_ascii=False).encode())

    def _save(self) -> None:
        self._host.storage.set('queue', {key: line for key, line in self._lines.items() if line})


def _shown(action: Action) -> str:
    return action.target.shown if action.target else action.topic


