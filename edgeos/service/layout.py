"""Where everything of an installation lies, below a root that may be another than this system's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NAME = 'smarthome-edge-os'
USER = 'edgeos'
UNIT = f'{NAME}.service'
KIOSK_UNIT = f'{NAME}-kiosk.service'


class ServiceError(Exception):
    """Raised when something cannot be done; the text is one line for whoever typed the command."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths as this program reaches them; in units and links they stand without the root."""

    root: Path = Path('/')

    @property
    def is_this_system(self) -> bool:
        return self.root == Path('/')

    @property
    def is_running(self) -> bool:
        """Whether systemd runs there, as sd_booted(3) asks. Never in an image, whose /run may be ours."""
        return self.is_this_system and (self.root / 'run/systemd/system').is_dir()

    @property
    def program(self) -> Path:
        return self.root / 'opt' / NAME

    @property
    def versions(self) -> Path:
        return self.program / 'versions'

    @property
    def environments(self) -> Path:
        return self.program / 'environments'

    @property
    def current(self) -> Path:
        """A link to one of the versions."""
        return self.program / 'current'

    @property
    def previous(self) -> Path:
        """A link to the version before; missing after the first installation."""
        return self.program / 'previous'

    @property
    def state(self) -> Path:
        """Settings and data; the user's own, so nobody else may trust what lies in it."""
        return self.root / 'var/lib' / NAME

    @property
    def settings(self) -> Path:
        return self.state / 'settings.toml'

    @property
    def data(self) -> Path:
        return self.state / 'data'

    def copies(self, version: str) -> Path:
        """Of settings and databases, as they were when that version ran last."""
        return self.state / 'copies' / version

    def shown(self, path: Path) -> str:
        """As it is called in the system it belongs to."""
        return f'/{path.relative_to(self.root)}'
