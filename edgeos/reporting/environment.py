"""Where the DSN and the environment's name come from: the environment, then `.env`, then the settings."""
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeos.reporting.marks import SECRET, mark_for_key
from edgeos.settings_models import SentrySettings

MOST_BYTES = 64 * 1024
_LINE = re.compile(r'\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*')
_ESCAPES = {'n': '\n', 't': '\t', 'r': '\r'}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """`dsn` is '' when nothing is to be sent; `secrets` are values of `.env`."""

    dsn: str
    environment: str
    source: str = ''  # who gave the DSN: environment, .env, settings
    secrets: tuple[str, ...] = ()

    @property
    def hidden(self) -> tuple[str, ...]:
        """What nobody is to see: also the DSN, and the key in it."""
        key = self.dsn.partition('://')[2].partition('@')[0]
        return (self.dsn, *key.split(':'), *self.secrets)


def choose(settings: SentrySettings, environ: Mapping[str, str], env_file: Path | None) -> Chosen:
    """An empty SENTRY_DSN in the environment switches sending off; an empty one in `.env` says nothing."""
    try:
        values = read_env_file(env_file)
    except OSError as error:
        log.warning('%s cannot be read: %s', env_file, error.strerror)
        values = {}
    places = (('environment', environ), ('.env', values), ('settings', {'SENTRY_DSN': settings.dsn}))
    dsn, source = next(((place['SENTRY_DSN'].strip(), name) for name, place in places
                        if place.get('SENTRY_DSN') or (name == 'environment' and 'SENTRY_DSN' in place)), ('', ''))
    name = environ.get('ENVIRONMENT') or values.get('ENVIRONMENT') or settings.environment
    hidden = tuple(value for key, value in values.items() if value and mark_for_key(key) == SECRET)
    return Chosen(dsn, environment_name(name), source, hidden)


def environment_name(name: str) -> str:
    """As Sentry accepts it: no line break, no slash, at most 64 characters."""
    return re.sub(r'[\s/]+', '-', name.strip())[:64] or 'production'


def read_env_file(path: Path | None) -> dict[str, str]:
    """NAME=value lines as shells and other tools write them; no file is no values. Raises OSError."""
    if path is None:
        return {}
    try:
        with path.open('rb') as file:
            text = file.read(MOST_BYTES).decode('utf-8-sig', 'replace')
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return {}
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match:
            found[match[1]] = _value(match[2])
    return found


def _value(text: str) -> str:
    """In quotes everything counts; without, a # after a blank begins a comment."""
    quote = text[:1]
    if quote in ('"', "'"):
        match = re.match(r'"((?:\\.|[^"\\])*)"' if quote == '"' else r"'([^']*)'", text)
        if match:
            inner = match[1]
            return re.sub(r'\\(.)', lambda m: _ESCAPES.get(m[1], m[1]), inner) if quote == '"' else inner
    return re.split(r'\s#|^#', text, maxsplit=1)[0].strip()
