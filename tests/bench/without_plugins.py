"""The program as if it had no plugins: what these add to its start. python -m tests.bench.without_plugins [option ...]"""
import gc
import sys
from types import ModuleType
from typing import Any


class NoPlugins:
    """In place of their manager."""

    may_run = False

    def __init__(self, *_: Any, **__: Any) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def leave_out(module: str, **names: Any) -> None:
    made = ModuleType(module)
    made.__dict__.update(names)
    sys.modules[module] = made


if __name__ == '__main__':
    gc.disable()  # as main.py does
    leave_out('edgeos.plugins.manager', PluginManager=NoPlugins)
    leave_out('edgeos.web.plugins_api', add_plugin_routes=lambda *_: None, add_plugin_errors=lambda *_: None)
    import main

    sys.exit(main.main())
