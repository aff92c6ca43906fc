"""The address of a Sentry project: https://key@host/project."""
import re
from dataclasses import dataclass
from urllib.parse import urlsplit


class BadDsn(ValueError):
    """Raised when a text is no DSN; its message never shows the text."""


@dataclass(frozen=True, slots=True)
class Dsn:
    """`path` is '' or begins with a slash; `key` lets everybody who has it send events."""

    scheme: str
    host: str
    port: int
    path: str
    project: str
    key: str

    @property
    def endpoint(self) -> str:
        """The path that takes envelopes."""
        return f'{self.path}/api/{self.project}/envelope/'


def parse_dsn(text: str) -> Dsn:
    """Raises BadDsn that says what is wrong."""
    text = text.strip()
    if not re.fullmatch(r'[\x21-\x7e]+', text):
        raise BadDsn('there are characters in it that do not belong there')
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise BadDsn('it is not an address') from None
    if url.scheme not in ('http', 'https'):
        raise BadDsn('it does not begin with https:// or http://')
    if not url.username:
        raise BadDsn('there is no key before the @')
    if not url.hostname or not re.fullmatch(r'[A-Za-z0-9._:%-]+', url.hostname):
        raise BadDsn('there is no name of a server after the @')
    path, _, project = url.path.rpartition('/')
    if not re.fullmatch('[0-9]{1,20}', project):
        raise BadDsn('there is no number of a project at its end')
    if not re.fullmatch(r'[A-Za-z0-9._~-]+', url.username):
        raise BadDsn('there are characters in it that do not belong there')
    return Dsn(url.scheme, url.hostname, port or (443 if url.scheme == 'https' else 80), path.rstrip('/'),
               str(int(project)), url.username)  # fmt: skip
