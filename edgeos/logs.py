"""Where log lines go: a rotating file in the data folder, and what matters to stderr."""
import logging
import logging.handlers
import sys
from pathlib import Path

FILES, BYTES = 5, 5 * 1024 * 1024


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
        to_file = logging.handlers.RotatingFileHandler(folder / 'edgeos.log', maxBytes=BYTES, backupCount=FILES - 1,
                                                       encoding='utf-8', delay=True)  # fmt: skip
    except OSError as error:
        root.warning('no log files: %s', error)
        return
    to_file.setFormatter(logging.Formatter('%(asctime)s %(levelname)s %(name)s: %(message)s'))
    root.addHandler(to_file)
