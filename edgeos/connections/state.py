"""What a connection can be in, how well it is, and what went wrong."""
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """Where the link is in its life."""

    DISCONNECTED = 'disconnected'  # not wanted: stopped by the owner or disabled
    CONNECTING = 'connecting'
    CONNECTED = 'connected'  # proven: the device has answered
    ERROR = 'error'  # wanted, but the last attempt failed or the link was lost


class Health(StrEnum):
    """How fresh the last proof of life is."""

    GOOD = 'good'
    DEGRADED = 'degraded'
    BAD = 'bad'
    UNKNOWN = 'unknown'  # not wanted


CODES = frozenset((
    'refused', 'timeout', 'name_not_resolved', 'no_route', 'wrong_ams_port', 'wrong_net_id', 'plc_not_running',
    'not_authorised', 'tls_failed', 'topic_refused', 'adapter_missing', 'adapter_off', 'device_not_found',
    'device_busy', 'profile_mismatch', 'connection_lost', 'internal',
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed and what to do next, as templates so that a page can say it in the owner's language.

    `text` and `hint_text` contain `{names}` that `values` fills. `at` is in epoch seconds.
    """

    code: str
    text: str
    hint_text: str
    values: dict[str, str] = field(default_factory=dict)
    at: float = 0.0
    retriable: bool = True
    cheap: bool = True  # an attempt that fails like this costs nobody much, so it may be repeated every second
    wait: float = 0.0  # s; it is not tried again by itself before

    @property
    def message(self) -> str:
        """What failed, with the endpoint, in English."""
        return self.text.format_map(self.values)

    @property
    def hint(self) -> str:
        """What to do next, in English."""
        return self.hint_text.format_map(self.values)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the owner should know about a link that works; `{names}` in the template are filled from values."""

    template: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """In English."""
        return self.template.format_map(self.values)


class ConnectionFailure(Exception):
    """Raised by a driver when the link could not be opened or was lost; carries the reason for the owner."""

    def __init__(self, code: str, text: str, hint: str, *, retriable: bool = True, cheap: bool = True,
                 wait: float = 0.0, **values: object) -> None:  # fmt: skip
        assert code in CODES, code
        texts = {key: str(value) for key, value in values.items()}
        self.failure = Failure(code, text, hint, texts, retriable=retriable, cheap=cheap,
                               wait=wait)  # fmt: skip
        super().__init__(f'{code}: {self.failure.message}')


class WriteRefused(Exception):
    """Raised when a value cannot be written; `notice` says why as a template, `status` is the HTTP status."""

    def __init__(self, template: str, status: int = 422, **values: object) -> None:
        self.status = status
        self.notice = Notice(template, {key: str(value) for key, value in values.items()})
        super().__init__(self.notice.text)
