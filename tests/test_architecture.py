"""Arrows point down only: who may import whom."""
import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEVELS = (
    ('main', 'tests'),
    ('pages',),
    ('edgeos.web',),
    ('edgeos.backup', 'edgeos.restore'),
    ('edgeos.system',),
    ('edgeos.connections.manager', 'edgeos.demo', 'edgeos.discovery', 'edgeos.vitals', 'edgeos.usage',
     'edgeos.limits', 'edgeos.plugins', 'edgeos.kiosk', 'edgeos.power'),
    ('edgeos.connections.trial',),
    ('edgeos.connections.kinds',),
    ('edgeos.connections.mqtt', 'edgeos.connections.plc', 'edgeos.connections.plc_points',
     'edgeos.connections.bluetooth'),
    ('edgeos.connections',),
    ('edgeos.ads', 'edgeos.bluetooth', 'edgeos.window'),
    ('edgeos.gateway', 'edgeos.processes', 'edgeos.rpc', 'edgeos.settings', 'edgeos.secrets', 'edgeos.reporting',
     'edgeos.private', 'edgeos.limiter', 'edgeos.screens'),
    ('edgeos',),
)
FRAMEWORKS = {'nicegui': ('pages', 'edgeos.web'), 'fastapi': ('pages', 'edgeos.web')}


def level(module: str) -> int:
    """The first level with the longest prefix of the module's name."""
    found = [(len(prefix), number) for number, prefixes in enumerate(LEVELS) for prefix in prefixes
             if module == prefix or module.startswith(prefix + '.')]  # fmt: skip
    return max(found)[1] if found else len(LEVELS)


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding='utf-8'))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f'{node.module}.{alias.name}' for alias in node.names
                                      if is_module(f'{node.module}.{alias.name}')}  # fmt: skip
    return found


def is_module(name: str) -> bool:
    path = ROOT / name.replace('.', '/')
    return path.with_suffix('.py').exists() or path.is_dir()


MODULES = [path for folder in ('edgeos', 'pages') for path in sorted((ROOT / folder).rglob('*.py'))]


@pytest.mark.parametrize('path', MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_arrow_points_up(path):
    module = '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')
    ups = [name for name in imports_of(path) if is_module(name) and level(name) < level(module)]
    assert ups == [], f'{module} imports what is above it'
    for framework, allowed in FRAMEWORKS.items():
        if any(name.split('.')[0] == framework for name in imports_of(path)):
            assert module.startswith(allowed), f'{module} must not know {framework}'


@pytest.mark.parametrize(('library', 'why'), [('pyads', 'it can hang, and take its process down'),
                                              ('bleak', 'it is loaded by whoever has a Bluetooth device'),
                                              ('cryptography', 'few need it'),
                                              ('bumble', 'it is for the demo')])
def test_the_app_starts_without(library, why):
    code = f'import sys, edgeos.system, edgeos.web.app, pages; sys.exit({library!r} in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT)
    assert done.returncode == 0, why
