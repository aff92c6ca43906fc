"""python -m edgeos.plugins"""
import sys

from edgeos.plugins.cli import main

sys.exit(main(sys.argv[1:]))
