"""Plugins: child processes that somebody else wrote, installed from a registry and held to what they may."""
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeos.plugins.manager import PluginManager as PluginManager

__all__ = ['PluginManager']


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: the commands for authors do without the app."""
    if name == 'PluginManager':
        from edgeos.plugins.manager import PluginManager

        return PluginManager
    raise AttributeError(name)
