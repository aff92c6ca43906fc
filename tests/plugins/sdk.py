"""Where the plugins' SDK is found: in a plugin's process the shim sees to it."""

import sys
from pathlib import Path

import edgeos.plugins

FOLDER = Path(edgeos.plugins.__file__).parent / 'sdk'
if str(FOLDER) not in sys.path:
    sys.path.append(str(FOLDER))
