"""What a plugin for SmartHome Edge OS is written with. Standard library only.

    from edgeos_plugin import Plugin

    class Hello(Plugin):
        async def start(self):
            self.publish('greeting', 'hello')
"""

from .errors import ConfigError, PermissionDenied, PluginError, UnknownPoint, WriteFailed
from .plugin import Plugin
from .point import Point
from .subscriptions import Subscription
from .threads import ThreadPlugin

__all__ = [
    'ConfigError',
    'PermissionDenied',
    'Plugin',
    'PluginError',
    'Point',
    'Subscription',
    'ThreadPlugin',
    'UnknownPoint',
    'WriteFailed',
]
