"""Chromium's profile, made ready before each start: nothing to restore, nothing to ask, nobody's lock. For threads."""
import json
import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgeos.files import write_atomically

LOCKS = ('SingletonLock', 'SingletonSocket', 'SingletonCookie')  # of one that was killed, perhaps under another name
BLOCK, NO_DOWNLOADS = 2, 3
PREFERENCES: dict[str, Any] = {
    'profile': {
        'exit_type': 'Normal', 'exited_cleanly': True, 'password_manager_enabled': False,
        'default_content_setting_values': {'notifications': BLOCK, 'geolocation': BLOCK, 'media_stream_mic': BLOCK,
                                           'media_stream_camera': BLOCK, 'popups': BLOCK},
    },
    'credentials_enable_service': False,
    'autofill': {'profile_enabled': False, 'credit_card_enabled': False},
    'translate': {'enabled': False},
    'search': {'suggest_enabled': False},
    'alternate_error_pages': {'enabled': False},
    'download_restrictions': NO_DOWNLOADS,
    'printing': {'enabled': False},
    'browser': {'has_seen_welcome_page': True, 'enable_spellchecking': False},
    'partition': {'per_host_zoom_levels': {}},
}  # fmt: skip

log = logging.getLogger('edgeos.kiosk')


def prepare(profile: Path) -> None:
    """Make it, or mend what a kill has left. Nobody may be using it. Raises OSError."""
    default = profile / 'Default'
    default.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in LOCKS:
        (profile / name).unlink(missing_ok=True)
    shutil.rmtree(default / 'Sessions', ignore_errors=True)
    preferences = default / 'Preferences'
    known = _read(preferences)
    write_atomically(preferences, json.dumps(merged(known, PREFERENCES)).encode(), 0o600)


def forget(profile: Path) -> None:
    """Perhaps it is what Chromium stumbles over: away with it. It holds nothing that does not come back by itself."""
    log.warning('Chromium keeps ending; it begins anew with an empty profile')
    shutil.rmtree(profile, ignore_errors=True)


def merged(known: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The known with the wanted in it; an empty table replaces the one that was there."""
    result = dict(known)
    for key, value in wanted.items():
        below = known.get(key)
        result[key] = merged(below, value) if isinstance(value, dict) and value and isinstance(below, dict) else value
    return result


def _read(path: Path) -> dict[str, Any]:
    with suppress(FileNotFoundError, ValueError):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict):
            return found
    return {}
