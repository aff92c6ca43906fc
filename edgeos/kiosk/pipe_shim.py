"""Becomes Chromium with its remote control at descriptors 3 and 4, where `--remote-debugging-pipe` expects it.

`python -I -S pipe_shim.py FD PROGRAM [ARGUMENTS]`. A pipe and no port: nobody else on this machine can connect to it.
"""
import fcntl
import os
import sys

READ, WRITE = 3, 4
ABOVE = 10  # where there is room for those who stand in the way


def main() -> None:
    """Exit status 127 with one line on stderr when the program cannot be run."""
    control = fcntl.fcntl(int(sys.argv[1]), fcntl.F_DUPFD, ABOVE)
    os.close(int(sys.argv[1]))
    for number in (READ, WRITE):
        try:
            fcntl.fcntl(number, fcntl.F_DUPFD, ABOVE)  # the lifeline may be here, and must stay open
        except OSError:
            pass  # nobody is
        os.dup2(control, number)
    os.close(control)
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        sys.stderr.write(f'{sys.argv[2]}: {error.strerror}\n')
        sys.exit(127)


if __name__ == '__main__':
    main()
