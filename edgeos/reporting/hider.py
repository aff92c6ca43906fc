"""Who knows, at any time, what has to be hidden on this device."""
import getpass
import logging
import socket
from collections.abc import Callable, Iterable

from edgeos.reporting.capture import error_text, one_line
from edgeos.reporting.scrub import Scrubber

log = logging.getLogger(__name__)

Texts = Callable[[], Iterable[str]]


class Hider:
    """Makes a new scrubber only when something has changed."""

    def __init__(self, secrets: Texts, hosts: Texts, users: Texts) -> None:
        """They may read the disk."""
        self._secrets, self._hosts, self._users = secrets, hosts, users
        self._this_machine = (_user(), socket.gethostname())
        self._known: tuple[frozenset[str], ...] = ()
        self._scrubber: Scrubber | None = None

    def scrubber(self, more: Iterable[str]) -> Scrubber:
        """Hides what is known at present, and `more` secrets. Raises what those raise who are asked."""
        known = (frozenset((*self._secrets(), *more)), frozenset(self._hosts()), frozenset(self._users()))
        if self._scrubber is None or known != self._known:
            user, hostname = self._this_machine
            self._scrubber = Scrubber(known[0], known[1], user, hostname, users=known[2])
            self._known = known
        return self._scrubber

    def scrubber_now(self, more: Iterable[str]) -> tuple[Scrubber, bool]:
        """And whether it knows all secrets: without them nothing may leave."""
        try:
            return self.scrubber(more), True
        except Exception as trouble:  # of whoever keeps the secrets; to report it would lead here again
            log.error('a report is not sent, as the secrets in it are not known: %s: %s', type(trouble).__name__,
                      one_line(error_text(trouble)))  # fmt: skip
            return Scrubber(), False


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ''
