"""What the tests of reporting share: reporters that send fast, errors that come from code of ours."""
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeos.reporting.reporter import Reporter
from edgeos.settings_models import SentrySettings
from tests.helpers import eventually_sync

FAST = {'first_pause': 0.05, 'most_pause': 0.3}


def make_reporter(data: Path, dsn: str = '', *, settings: dict[str, Any] | None = None, **more: Any) -> Reporter:
    """One that looks neither at the environment nor at any .env, and is neither attached nor started."""
    more.setdefault('options', FAST)
    return Reporter(data, SentrySettings(**{'dsn': dsn, **(settings or {})}), '1.2.3', **{'environ': {}, 'env_file': None, **more})


@contextmanager
def reporting(data: Path, dsn: str = '', **more: Any) -> Iterator[Reporter]:
    """Attached and started, and stopped at the end."""
    reporter = make_reporter(data, dsn, **more)
    reporter.attach()
    reporter.start()
    try:
        yield reporter
    finally:
        reporter.detach()
        reporter.stop()


class Oops(Exception):
    """Something of ours that went wrong."""


def caught(text: str = 'oops', **variables: object) -> Oops:
    """An error with a traceback."""
    try:
        fail(text, **variables)
    except Oops as error:
        return error
    raise AssertionError


def fail(text: str, **variables: object) -> None:
    raise Oops(text)


def messages(reporter: Reporter, level: str = '') -> list[str]:
    return [event.message for event in reporter.store.query(level)]


def settled(reporter: Reporter, wanted: Iterable[str]) -> bool:
    """Wait until these are in the store: who reports does not wait for that."""
    return bool(eventually_sync(lambda: set(wanted) <= set(messages(reporter))))


def waited(act: Callable[[], object]) -> float:
    """Seconds until it was done."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
