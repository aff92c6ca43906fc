"""The machine, the processes in the limiter's care, and figures for Prometheus, over HTTP."""
import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from edgeos.settings_models import ProcessLimit
from edgeos.system import System
from edgeos.vitals import HOUR
from edgeos.web.shapes import vital_shape

WEEK = 7 * 86400
TAGS: list[Any] = ['system']


def add_system_routes(router: APIRouter, system: System) -> None:
    """What was measured last is answered; nothing is measured for a question."""
    limits = system.limits

    @router.get('/system/resources', tags=TAGS)
    async def resources() -> dict[str, Any]:
        """`limiter`: who is watched and held, in per cent of one core and MB; `system`: the whole machine."""
        return {'limiter': limits.limiter.get_stats(), 'system': vital_shape(system.vitals.latest)}

    @router.get('/system/history', tags=TAGS)
    async def history(seconds: Annotated[int, Query(ge=1, le=WEEK)] = 300) -> list[dict[str, Any]]:
        """The machine over time: every 2 s up to an hour, else one a minute."""
        found = system.vitals.recent(seconds) if seconds <= HOUR else await system.vitals.minutes(seconds)
        return await asyncio.to_thread(lambda: [vital_shape(vital) for vital in found])

    @router.put('/system/processes/{name}/limits', tags=TAGS)
    async def set_limits(name: str, new: ProcessLimit) -> dict[str, Any]:
        """Of a process by its name, kept in the settings and applied at once. null is the default, 0 none.

        The name is of one that is watched, was so in the last hour, or has limits in the settings.
        """
        if not (limits.knows(name) or system.usage.knows(name)):
            limits.find(name)
        await limits.change(name, new)
        return new.model_dump()

    @router.post('/system/processes/{name}/restart', status_code=202, tags=TAGS)
    async def restart(name: str) -> Response:
        """End it; whoever needs it starts it again."""
        limits.restart(name)
        return Response(status_code=202)

    @router.post('/system/processes/{name}/kill', status_code=202, tags=TAGS)
    async def kill(name: str) -> Response:
        """End it at once, as a crash would."""
        limits.kill(name)
        return Response(status_code=202)
