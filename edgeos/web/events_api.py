"""Events, and what somebody who helps needs, over HTTP."""
import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from edgeos.system import System
from edgeos.web import diagnostics
from edgeos.web.answers import FastJson
from edgeos.web.shapes import event_shape

MOST = 10_000
TAGS: list[Any] = ['events']


class Acknowledged(BaseModel):
    """Events that somebody has seen; without ids, all."""

    model_config = ConfigDict(extra='forbid')
    ids: Annotated[list[StrictInt], Field(max_length=MOST)] | None = None


def add_event_routes(router: APIRouter, system: System) -> None:
    """GET answers at once from memory; ids stay the same over a restart."""
    store = system.reporter.store

    @router.get('/events', tags=TAGS)
    async def events(level: Literal['', 'debug', 'info', 'warning', 'error', 'critical'] = '', source: str = '',
                     limit: Annotated[int, Query(ge=1, le=MOST)] = 200) -> Response:  # fmt: skip
        """Newest first, equal ones as one with a count; of exactly that level and that source, if they are given."""

        def answer() -> Response:  # of thousands; beside the loop
            return FastJson([event_shape(event) for event in store.query(level, source, '', limit, only=True)])

        return await asyncio.to_thread(answer)

    @router.get('/events/{event_id}', tags=TAGS)
    async def event(event_id: int) -> dict[str, Any]:
        """One of them with its traceback, and whether it was sent."""
        found = store.get(event_id)
        if found is None:
            raise HTTPException(404, f'there is no event {event_id}')
        return event_shape(found, full=True)

    @router.post('/events/acknowledge', status_code=204, tags=TAGS)
    async def acknowledge(seen: Acknowledged | None = None) -> Response:
        """They need no attention until they happen again."""
        await asyncio.to_thread(store.acknowledge, None if seen is None else seen.ids)
        return Response(status_code=204)

    @router.get('/diagnostics', tags=['system'], response_class=Response,
                responses={200: {'content': {'application/zip': {}}}})  # fmt: skip
    async def get_diagnostics() -> Response:
        """A zip of texts with secrets, names and addresses taken out."""
        data = await asyncio.to_thread(diagnostics.pack, await diagnostics.collect(system))
        day = datetime.fromtimestamp(system.services.clock.wall(), UTC).strftime('%Y%m%d-%H%M%S')
        name = f'smarthome-edge-os-diagnostics-{day}.zip'
        return Response(data, media_type='application/zip',
                        headers={'Content-Disposition': f'attachment; filename="{name}"'})  # fmt: skip
