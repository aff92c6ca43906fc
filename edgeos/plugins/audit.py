"""Who was installed, changed and removed, one JSON line each; no secret ever gets in here."""

import json
import os
from pathlib import Path

from edgeos.reporting import log_error
from edgeos.reporting.report import iso

MOST_BYTES = 1024 * 1024  # then the file becomes audit.log.1


def note(path: Path, t: float, action: str, plugin_id: str, **details: object) -> None:
    """Add a line; `t` is epoch s. What cannot be written is reported and stops nobody. For a thread."""
    line = json.dumps({'t': iso(t), 'action': action, 'plugin': plugin_id, **details}, ensure_ascii=False)
    try:
        if path.exists() and path.stat().st_size > MOST_BYTES:
            os.replace(path, path.with_name(f'{path.name}.1'))
        with open(path, 'a', encoding='utf-8') as file:
            file.write(f'{line}\n')
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        log_error(error, operation='write the audit log', plugin=plugin_id)
