"""Plugins over HTTP: install, run, configure, remove; what takes longer is a job that one asks for."""
import asyncio
import json
import shutil
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from edgeos.plugins.config import InvalidConfig
from edgeos.plugins.errors import BadPackage, PluginError
from edgeos.plugins.install import NeedsConsent
from edgeos.plugins.jobs import UnknownJob
from edgeos.plugins.registry import UnknownRelease
from edgeos.plugins.sources import BadAddress
from edgeos.plugins.store import UnknownPlugin
from edgeos.plugins.views import JobView
from edgeos.system import System
from edgeos.web.answers import FastJson

TAGS: list[Any] = ['plugins']
MOST_GRANTS = 200
PATIENCE = 1.0  # s; a plugin that is slow to stop is answered for before it has

_going_on: set[asyncio.Task[Any]] = set()

Grants = Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=MOST_GRANTS)]


class Install(BaseModel):
    """Which version, the newest if none is said; `grant` are the permissions the owner agrees to."""

    model_config = ConfigDict(extra='forbid')
    version: Annotated[str, Field(max_length=64)] | None = None
    grant: Grants = []


class NewSource(BaseModel):
    """A registry: an https address or the path of a file; with an ed25519 public key it has to be signed."""

    model_config = ConfigDict(extra='forbid')
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    key: Annotated[str, Field(max_length=200)] = ''


def add_plugin_routes(router: APIRouter, system: System) -> None:
    """As the contract says; what is installed is answered from memory."""
    manager = system.plugins

    @router.get('/plugins', tags=TAGS)
    async def installed() -> list[dict[str, Any]]:
        return await manager.get_installed_plugins()

    @router.get('/plugins/available', tags=TAGS)
    async def available() -> list[dict[str, Any]]:
        """Of each plugin in the sources the newest version that runs here; `why_not` where none does."""
        return await manager.get_available_plugins()

    _add_source_routes(router, system)
    _add_install_routes(router, system)
    _add_run_routes(router, system)


def _add_source_routes(router: APIRouter, system: System) -> None:
    manager = system.plugins

    @router.post('/plugins/refresh', tags=TAGS)
    async def refresh(response: Response) -> dict[str, Any]:
        """Read the sources now; 202 with what is known when one of them takes long."""
        if not await within(manager.refresh(), PATIENCE):
            response.status_code = 202
        return {'sources': [asdict(source) for source in manager.sources]}

    @router.get('/plugins/sources', tags=TAGS)
    async def sources() -> list[dict[str, Any]]:
        return [asdict(source) for source in manager.sources]

    @router.post('/plugins/sources', status_code=201, tags=TAGS)
    async def add_source(new: NewSource) -> list[dict[str, Any]]:
        """It is read then, but only so long waited for."""
        await within(manager.add_source(new.url, new.key), PATIENCE)
        return [asdict(source) for source in manager.sources]

    @router.delete('/plugins/sources', tags=TAGS)
    async def remove_source(url: str) -> list[dict[str, Any]]:
        await within(manager.remove_source(url), PATIENCE)
        return [asdict(source) for source in manager.sources]


def _add_install_routes(router: APIRouter, system: System) -> None:
    manager = system.plugins

    @router.post('/plugins', status_code=202, tags=TAGS)
    async def install_file(file: Annotated[UploadFile, File()],
                           grant: Annotated[list[str], Form()] = []) -> dict[str, Any]:  # noqa: B006  # fmt: skip
        """A package as a file; `grant` as JSON, or once for each permission."""
        work = manager.folders.new_work('upload').with_suffix('.zip')
        try:
            await asyncio.to_thread(_keep, file, work)
            return _started(await manager.install_file(work, _grants(grant)))
        except BaseException:
            await asyncio.to_thread(work.unlink, missing_ok=True)
            raise

    @router.get('/jobs/{job_id}', tags=TAGS)
    async def job(job_id: str) -> dict[str, Any]:
        return manager.jobs.get(job_id).shown()

    @router.post('/jobs/{job_id}/cancel', tags=TAGS)
    async def cancel(job_id: str) -> dict[str, Any]:
        found = manager.jobs.get(job_id)
        if not found.cancel():
            raise HTTPException(409, 'it cannot be given up any more')
        await found.wait()
        return found.shown()

    @router.post('/plugins/{plugin_id}/install', status_code=202, tags=TAGS)
    async def install(plugin_id: str, wanted: Install | None = None) -> dict[str, Any]:
        """Install, or update to that version."""
        wanted = wanted or Install()
        return _started(await manager.install_plugin(plugin_id, wanted.version, wanted.grant))

    @router.post('/plugins/{plugin_id}/rollback', status_code=202, tags=TAGS)
    async def roll_back(plugin_id: str) -> dict[str, Any]:
        """Back to the version before, which has been kept; the present one is not offered again."""
        return _started(await manager.roll_back(plugin_id))

    @router.delete('/plugins/{plugin_id}', status_code=202, tags=TAGS)
    async def uninstall(plugin_id: str, data: Literal['keep', 'drop'] = 'keep') -> dict[str, Any]:
        """`data`: its folder, configuration, secrets and storage. Mostly it is gone when this answers."""
        job = await manager.uninstall_plugin(plugin_id, drop_data=data == 'drop')
        await within(manager.jobs.get(job.id).wait(), PATIENCE)
        return _started(job)


def _add_run_routes(router: APIRouter, system: System) -> None:
    manager = system.plugins

    @router.get('/plugins/{plugin_id}', tags=TAGS)
    async def plugin(plugin_id: str) -> dict[str, Any]:
        return manager.get(plugin_id).shape()

    @router.post('/plugins/{plugin_id}/{action}', status_code=202, tags=TAGS)
    async def act(plugin_id: str, action: Literal['start', 'stop', 'restart', 'kill']) -> dict[str, Any]:
        """Answers when it has begun; `state` says how it goes on."""
        deed = {'start': manager.start_plugin, 'stop': manager.stop_plugin, 'restart': manager.restart_plugin,
                'kill': manager.kill_plugin}[action](plugin_id)  # fmt: skip
        await within(deed, PATIENCE)
        return manager.get(plugin_id).shape()

    @router.get('/plugins/{plugin_id}/log', tags=TAGS)
    async def log(plugin_id: str) -> list[dict[str, Any]]:
        """What it has printed and logged last, oldest first."""
        return manager.get(plugin_id).log.lines()

    @router.get('/plugins/{plugin_id}/config', tags=TAGS)
    async def config(plugin_id: str) -> dict[str, Any]:
        """With its JSON Schema; secrets are masked."""
        found = await manager.config(plugin_id)
        return {'schema': found.schema, 'values': found.values, 'problems': _said(found.problems)}

    @router.put('/plugins/{plugin_id}/config', tags=TAGS)
    async def set_config(plugin_id: str, values: dict[str, Any], response: Response) -> dict[str, Any]:
        """All of it; the mask keeps a secret. It holds at once; 202 when the plugin takes long to take it."""
        if not await within(manager.set_config(plugin_id, values), PATIENCE):
            response.status_code = 202
        found = await manager.config(plugin_id)
        return {'schema': found.schema, 'values': found.values, 'problems': _said(found.problems)}


def add_plugin_errors(app: FastAPI) -> None:
    """What the manager refuses, as statuses."""

    @app.exception_handler(UnknownPlugin)
    async def unknown_plugin(request: Request, error: UnknownPlugin) -> FastJson:
        return FastJson({'detail': f'there is no plugin {str(error)!r}'}, status_code=404)

    @app.exception_handler(UnknownRelease)
    async def unknown_release(request: Request, error: UnknownRelease) -> FastJson:
        return FastJson({'detail': str(error)}, status_code=404)

    @app.exception_handler(UnknownJob)
    async def unknown_job(request: Request, error: UnknownJob) -> FastJson:
        return FastJson({'detail': f'there is no job {str(error)!r}'}, status_code=404)

    @app.exception_handler(NeedsConsent)
    async def needs_consent(request: Request, error: NeedsConsent) -> FastJson:
        return FastJson({'detail': str(error), 'permissions': list(error.permissions)}, status_code=409)

    @app.exception_handler(InvalidConfig)
    async def invalid_config(request: Request, error: InvalidConfig) -> FastJson:
        return FastJson({'detail': _said(error.problems)}, status_code=422)

    @app.exception_handler(BadPackage)
    async def bad_package(request: Request, error: BadPackage) -> FastJson:
        return FastJson({'detail': str(error)}, status_code=422)

    @app.exception_handler(BadAddress)
    async def bad_address(request: Request, error: BadAddress) -> FastJson:
        return FastJson({'detail': str(error)}, status_code=422)

    @app.exception_handler(PluginError)
    async def refused(request: Request, error: PluginError) -> FastJson:
        return FastJson({'detail': str(error)}, status_code=409)


def _said(problems: Any) -> list[dict[str, Any]]:
    return [{'loc': ['body', *path], 'msg': message, 'type': 'value_error'} for path, message in problems]


async def within(deed: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Wait for it so long, and let it go on then; whether it is done. Raises what it raises until then."""
    task = asyncio.ensure_future(deed)
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    done, _late = await asyncio.wait({task}, timeout=seconds)
    if done:
        task.result()
    return bool(done)


def _started(job: JobView) -> dict[str, Any]:
    return {'job': job.id}


def _keep(file: UploadFile, path: Any) -> None:
    with path.open('xb') as target:
        shutil.copyfileobj(file.file, target)


def _grants(texts: list[str]) -> list[str]:
    """Each is a permission, or a JSON list of them. Raises RequestValidationError."""
    found: list[str] = []
    for text in texts:
        if not text.lstrip().startswith('['):
            found += [text] if text else []
            continue
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
            raise RequestValidationError([{'loc': ('body', 'grant'), 'msg': 'expected a list of permissions',
                                           'type': 'value_error'}])  # fmt: skip
        found += told
    return found[:MOST_GRANTS]
