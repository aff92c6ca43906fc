"""What a plugin is given at its start."""

import asyncio
from collections.abc import Callable
from typing import Any

from edgeos.plugins import faults
from edgeos.plugins.errors import PluginError
from edgeos.plugins.faults import PluginFailed
from edgeos.plugins.phrase import phrase_of
from edgeos.plugins.storage import Storage
from edgeos.secrets import MissingSecret


async def needs(get_config: Callable[[], dict[str, Any]], storage: Storage) -> dict[str, Any]:
    """Its configuration, read in a thread, once the storage is loaded; raises PluginFailed."""
    try:
        config = await asyncio.to_thread(get_config)
        await storage.load()
    except MissingSecret as error:
        raise PluginFailed(faults.bad_config(str(error))) from error
    except (OSError, PluginError) as error:
        raise PluginFailed(faults.cannot_start(phrase_of(error))) from error
    return config
