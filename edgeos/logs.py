"""Where log lines go: a rotating file in the data folder, and what matters to stderr."""
import logging
import logging.handlers
import os
import sys
from io import TextIOWrapper
from pathlib import Path

FILES, BYTES = 5, 5 * 1024 * 1024


class LogFile(logging.handlers.RotatingFileHandler):
    """For its owner only; a disk that is full is said once, not for each line."""

    _is_in_trouble = False
    _has_failed = False  # with the line of the moment

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, 'a', encoding=self.encoding)

    def emit(self, record: logging.LogRecord) -> None:
        self._has_failed = False
        super().emit(record)
        self._is_in_trouble = self._has_failed

    def handleError(self, record: logging.LogRecord) -> None:
        self._has_failed = True
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._is_in_trouble:
            sys.stderr.write(f'WARNING edgeos.logs: the log file cannot be written: {error.strerror}\n')


def set_up_logging(folder: Path, level: str) -> None:
    """Five files of 5 MB; a folder that cannot be written costs the files, not the start."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setLevel(logging.WARNING if level != 'debug' else logging.DEBUG)
    to_stderr.setFormatter(logging.Formatter('%(levelname)s %(name)s: %(message)s'))
    root.addHandler(to_stderr)
    for noisy in ('asyncio', 'uvicorn.error', 'uvicorn.access', 'websockets', 'zeroconf', 'engineio', 'socketio'):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        to_file = LogFile(folder / 'edgeos.log', maxBytes=BYTES, backupCount=FILES - 1, encoding='utf-8', delay=True)
    except OSError as error:
        root.warning('no log files: %s', error)
        return
    to_file.setFormatter(logging.Formatter('%(asctime)s %(levelname)s %(name)s: %(message)s'))
    root.addHandler(to_file)
