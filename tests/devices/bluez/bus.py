"""A D-Bus of its own for one test: a real dbus-daemon on a unix socket, and everything tests do to it."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgeos import child_shim

# everybody may own every name, call everything, and hear everything
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
<allow user="*"/></policy></busconfig>
"""


def find_dbus_daemon() -> str:
    """Its path; skips, or fails where the full suite is wanted, when it is not installed."""
    found = shutil.which('dbus-daemon')
    if found is None:
        message = 'dbus-daemon is missing: apt install dbus'
        (pytest.fail if os.environ.get('EDGEOS_TEST_ALL') else pytest.skip)(message)
    return found


class Bus:
    """Start it, kill it, freeze it; the address stays the same, and programs find it in DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self) -> None:
        self._daemon = find_dbus_daemon()
        self._folder = Path(tempfile.mkdtemp(prefix='bus-'))  # short: a socket's path has at most 107 bytes
        self._socket = self._folder / 'bus'
        self.address = f'unix:path={self._socket}'
        self.process: subprocess.Popen[str] | None = None
        self._lifeline = -1  # a daemon does not outlive a test that is killed

    def start(self) -> 'Bus':
        """Returns when clients can connect."""
        config = self._folder / 'bus.conf'
        config.write_text(CONFIG.format(socket=self._socket))
        self._socket.unlink(missing_ok=True)
        read_end, self._lifeline = os.pipe()
        shim = (sys.executable, '-I', '-S', child_shim.__file__, str(os.getpid()), str(read_end))
        self.process = subprocess.Popen([*shim, self._daemon, f'--config-file={config}', '--nofork', '--nopidfile',
                                         '--nosyslog', '--print-address'], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
                                        pass_fds=(read_end,))  # fmt: skip
        os.close(read_end)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith('unix:path='), 'dbus-daemon did not start'
        return self

    def kill(self) -> None:
        """SIGKILL: all sockets are dead at once; the path of the socket remains and refuses connections."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            os.close(self._lifeline)
            self.process = None

    def freeze(self) -> None:
        """It takes what fits into its sockets, and does nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """On with it."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Gone, with its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
