"""Reports of a program without a `System`: a command, a script. Sent like any other, if a server is named."""
import atexit
import logging
import os
from pathlib import Path

from edgeos import __version__
from edgeos.folder_lock import lock_folder
from edgeos.reporting.environment import choose
from edgeos.reporting.reporter import Reporter
from edgeos.settings_models import SentrySettings

DATA, ENV_FILE = Path('data'), Path('.env')  # where the app, started in the same folder, has its own

log = logging.getLogger(__name__)


def begin() -> Reporter | None:
    """Attached and started, stopped at the end of the program; None where no DSN is given, or where another program
    has the folder, as two would send twice. What could not be sent in time is sent by the next start, of this or of
    the app.
    """
    if not choose(SentrySettings(), os.environ, ENV_FILE).dsn:
        return None
    try:
        DATA.mkdir(parents=True, exist_ok=True)
        lock = lock_folder(DATA)
    except OSError as error:
        log.warning('errors are only logged: %s', error)
        return None
    reporter = Reporter(DATA, SentrySettings(), __version__, env_file=ENV_FILE)
    reporter.attach()
    reporter.start()

    def end() -> None:
        with lock:
            reporter.stop()

    atexit.register(end)
    return reporter
