"""The web app: API, login and guards; the pages are put in by whoever has some."""
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.middleware import Middleware

from edgeos import NAME, __version__
from edgeos.system import System
from edgeos.web import login
from edgeos.web.access import Access, LoginGate, Pin, Sessions, Tokens
from edgeos.web.api import add_error_answers, add_unknown_paths, make_router
from edgeos.web.guard import AccessGuard
from edgeos.web.metrics import add_metrics
from edgeos.web.no_pages import add_sign
from edgeos.web.own_screens import add_door
from edgeos.web.plugin_guard import PluginGuard
from edgeos.web.security import allowed_hosts, install, restrict_socket
from edgeos.web.timing import Timed

AddPages = Callable[[FastAPI], None]


@dataclass(slots=True)
class Doors:
    """Who may in, and who may change things."""

    access: Access
    pin: Pin


def make_doors(system: System) -> Doors:
    """Login, sessions, tokens and PIN, kept in the data folder."""
    clock, data, file = system.services.clock, system.paths.data, system.settings_file
    access = Access(lambda: file.settings.security.password_hash, Sessions(data / 'sessions.json', clock),
                    Tokens(data / 'tokens.json', clock), LoginGate(clock), clock)  # fmt: skip
    return Doors(access, Pin(lambda: file.settings.security.pin_hash, LoginGate(clock), clock))


def make_app(system: System, doors: Doors, host: str, port: int, add_pages: AddPages | None) -> FastAPI:
    """The whole app; `add_pages` is None when it runs headless."""

    app = FastAPI(title=NAME, version=__version__, docs_url=None, redoc_url=None)
    app.include_router(make_router(system))
    add_metrics(app, system)
    add_error_answers(app, system)
    add_unknown_paths(app)
    hosts = allowed_hosts(host, port, system.settings_file.settings.security.allowed_hosts)
    if add_pages is not None:
        add_pages(app)
        restrict_socket(hosts)
        add_door(app, doors.access, system.paths.data)
        login.add_pages(app, doors.access, lambda: system.settings_file.settings.app.language)
    else:
        add_sign(app, doors.access)
    install(app, hosts, [Middleware(PluginGuard, plugins=system.plugins),
                         Middleware(AccessGuard, access=doors.access, has_pages=add_pages is not None),
                         Middleware(Timed, reporter=system.reporter)])  # fmt: skip
    return app
