"""Runs first in every child on Linux: ties the child's life to the app's, then becomes the real program.

`python -I -S child_shim.py PARENT_PID LIFELINE_FD PROGRAM [ARGUMENTS]`. Code between fork and exec is unsafe in a
process with threads, so it lives here, behind an exec of its own. Two ties, because each has a hole:

- the kernel kills this process when the app's thread that started it ends (PR_SET_PDEATHSIG; it forgets this when the
  program changes its user, and it never reaches grandchildren);
- the kernel kills the whole process group when the app's end of the lifeline pipe closes, however the app ends
  (asynchronous I/O with SIGKILL as its signal; it forgets this when the program closes all its descriptors).
"""

import fcntl
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask for SIGKILL at the parent's death; ends at once when that death has already happened."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass  # a Python without ctypes still has the lifeline
    if os.getppid() != parent:
        sys.exit(1)


def kill_group_when_closed(lifeline: int) -> None:
    """Ask for SIGKILL to this process group at the close of the lifeline; ends at once when it is closed already."""
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        sys.exit(1)


def main() -> None:
    """Exit status 127 with one line on stderr when the program cannot be run, as a shell does."""
    parent, lifeline, *argv = sys.argv[1:]
    die_with_parent(int(parent))
    kill_group_when_closed(int(lifeline))
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.stderr.write(f'{argv[0]}: {error.strerror}\n')
        sys.exit(127)


if __name__ == '__main__':
    main()
