"""`python3 -m edgeos.service install|update|back|remove`, called by the Makefile."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - before anything is read that an older Python cannot
    sys.exit('Python 3.11 or newer is needed, this is %d.%d (another one: PYTHON=...)' % sys.version_info[:2])  # noqa: UP031

from edgeos.service.cli import main

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
