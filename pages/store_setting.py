"""One setting that a page changes: behind the PIN, in the file, and what is wrong is said."""
import asyncio

from edgeos.settings import SettingsError
from pages.frame import House
from pages.pin_gate import may_edit
from pages.toasts import say_trouble


async def store_setting(house: House, key: str, value: int | str | bool) -> bool:
    """Whether it was written."""
    if not await may_edit(house):
        return False
    try:
        await asyncio.to_thread(house.system.settings_file.set_value, key, value)
    except (SettingsError, OSError) as error:
        say_trouble(str(error))
        return False
    return True
