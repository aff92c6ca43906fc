"""What can go wrong with a plugin, in words for its owner: what happened and what to do."""

import signal
from dataclasses import replace

from edgeos.connections.state import Failure
from edgeos.plugins.phrase import Phrase

RESTARTS = 'It is started again by itself. If this goes on, look at its log and tell its author.'
EX_SOFTWARE, EX_CONFIG = 70, 78
KILLED = 'killed'
CONFIG = 'configuration'  # the code of what is not tried again before something was changed


class PluginFailed(Exception):
    """Raised where a plugin cannot be started or went down; carries the reason for the owner."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(phrase(failure))


def fault(code: str, text: str, hint: str = RESTARTS, **values: object) -> Failure:
    """`text` and `hint` are templates that `values` fills."""
    filling = {key: value if isinstance(value, str) else str(value) for key, value in values.items()}
    return Failure(code, text, hint, filling)


def phrase(failure: Failure) -> Phrase:
    """What it says, as a page can say it in another language."""
    return Phrase(failure.text, **failure.values)


def at(failure: Failure, wall: float) -> Failure:
    """The same, with its time."""
    return replace(failure, at=wall)


def ending(status: int | None, given: Failure | None, last_words: str, *, was_killed: bool,
           said_hello: bool) -> Failure:  # fmt: skip
    """Why a process has ended; `given` is what it was ended for, None when nobody wanted that."""
    if status == EX_CONFIG:
        return given if given is not None and given.code == CONFIG else bad_config(last_words)
    if given is not None:
        return given
    if was_killed:
        return killed()
    if status == EX_SOFTWARE and not said_hello:
        return no_isolation(last_words)
    return ended(status or 0)


def ended(status: int) -> Failure:
    """By itself, with that exit status, which is negative for a signal."""
    if status < 0:
        return fault('crashed', 'It was ended by the signal {signal}.', signal=_name(-status))
    return fault('crashed', 'It ended by itself with status {status}.', status=status)


def killed() -> Failure:
    """By the owner."""
    return fault(KILLED, 'It was killed.', 'It is started again by itself. Stop it if it should not be.')


def limit(why: str) -> Failure:
    """It took more than it may."""
    return fault('limit', 'The process was ended: {why}.',
                 'Give it a higher limit if it needs that. It is started again by itself.', why=why)  # fmt: skip


def bad_config(reason: str) -> Failure:
    """It says so itself."""
    if not reason:
        return fault(CONFIG, 'It cannot work with its configuration.', 'Its log says why. Correct the configuration.')
    return fault(CONFIG, 'It cannot work with its configuration: {why}', 'Correct the configuration.', why=reason[:500])


def protocol(reason: str) -> Failure:
    """It does not keep to what is agreed on."""
    return fault('protocol', 'It was ended, because {why}.',
                 'Its author has to correct this. It is started again by itself.', why=reason)  # fmt: skip


def not_in_time(seconds: float) -> Failure:
    """It does not come up."""
    return fault('start_timeout', 'It was not ready within {seconds} s.',
                 'Its log may say what it waits for. It is started again by itself.',
                 seconds=f'{seconds:g}')  # fmt: skip


def not_answering(misses: int) -> Failure:
    """It hangs."""
    return fault('not_answering', 'It has not answered {count} times, and was ended.',
                 'Its log shows what it was doing. It is started again by itself.', count=misses)  # fmt: skip


def cannot_start(reason: str) -> Failure:
    """There is nothing to run, or no way to run it."""
    return fault('cannot_start', 'It cannot be started: {why}', 'Install it again.', why=reason)


def cannot_load(reason: str) -> Failure:
    """It is installed, and what is there of it cannot be used."""
    return fault('cannot_load', 'It cannot be loaded: {why}', 'Uninstall it; then it can be installed again.',
                 why=reason)  # fmt: skip


def no_isolation(reason: str) -> Failure:
    """It would have more rights than a plugin may have."""
    return fault('isolation', 'It is not started, because it could not be kept apart from the rest: {why}.',
                 'Run the app as an ordinary user, or give it the right to change users.', why=reason)  # fmt: skip


def stubborn() -> Failure:
    """It was asked to stop, and then killed."""
    return fault('stop_timeout', 'It did not end when it was asked to, and was killed.',
                 'Nothing has to be done; its author should correct this.')  # fmt: skip


def crash_loop(failure: Failure, crashes: int) -> Failure:
    """It is not worth trying so often."""
    return fault(failure.code, failure.text,
                 '{crashes} failures within 10 minutes; its log may say more. It is tried again every 30 minutes, or '
                 'when it is started.', **failure.values, crashes=crashes)  # fmt: skip


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
