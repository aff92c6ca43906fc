"""The one way errors are reported."""
import logging

log = logging.getLogger('edgeos.error')


def log_error(error: BaseException, **context: object) -> None:
    """Write an error with its traceback and context (operation, connection_id, ...) to the log."""
    told = ', '.join(f'{key}={value}' for key, value in context.items())
    log.error('%s: %s (%s)', type(error).__name__, error, told, exc_info=error)
