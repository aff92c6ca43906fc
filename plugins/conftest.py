"""The plugins that ship are tested from the app's folder: python -m pytest plugins/<id>/tests"""

import sys
from pathlib import Path

HERE = Path(__file__).parent

for folder in (HERE.parent / 'edgeos/plugins/sdk', *HERE.glob('*/plugin.json'), *HERE.glob('*/wheels/*.whl')):
    path = str(folder.parent if folder.name == 'plugin.json' else folder)
    if path not in sys.path:
        sys.path.append(path)  # a pure wheel can be imported from where it is
