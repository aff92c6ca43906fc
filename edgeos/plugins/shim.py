"""The first code in a plugin's process: gives away what a plugin must not have, then runs the plugin.

`python -I -S shim.py`, with the plugin's own interpreter. -S is not for speed: without it Python runs the `.pth` files
of the plugin's packages before this file, with all rights of the app. They are read here, when the rights are gone.

What it is told is in the environment: EDGEOS_RPC_FD, and EDGEOS_PLUGIN, JSON of {id, version, entry, token, uid and gid
(null: as the app), folder, data, sdk, http_ports (null: any), limits {max_processes, memory_mb}, parent}.
Standard library only, and nothing of the plugin before `drop`. Ends with 70 and one line when it cannot protect.
"""

import ctypes
import importlib
import io
import json
import os
import signal
import site
import sys
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 24, 38, 47
CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION = 0x20080522

O_PATH = getattr(os, 'O_PATH', os.O_RDONLY)  # which macOS lacks

OPEN_FILES = 256
FILE_BYTES = 64 << 20
THREADS = 64  # the kernel's process limit counts threads too, so they come on top of the processes allowed
NICE = 5
OOM_SCORE = 500
EX_SOFTWARE = 70

SYSTEM = ('/usr', '/bin', '/sbin', '/lib', '/lib64', '/lib32')
READABLE = ('/etc', '/proc', '/sys', '/run/systemd/resolve', '/run/resolvconf', '/run/NetworkManager')
DEVICES = ('/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom')


class CannotProtect(Exception):
    """Raised when the plugin would get more rights than it may have."""


class Folder:
    """A folder found now, and again when the path to it is closed: by its descriptor only the folder itself counts.

    The app or the interpreter may lie below a folder that only root can enter, such as /root.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = os.open(path, O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def settled(self) -> str:
        """The way to it after the change of user: by the descriptor where the path does not do."""
        if os.access(self.path, os.R_OK | os.X_OK):
            os.close(self._descriptor)
            return self.path
        return f'/proc/self/fd/{self._descriptor}'


def main() -> None:
    try:
        descriptor, told = read_environment()
        packages = [Folder(path) for path in site_packages()]
        runner, isolation = drop(told)
    except (CannotProtect, OSError, KeyError, ValueError) as error:
        sys.stderr.write(f'This plugin cannot be started safely: {error}\n')
        sys.exit(EX_SOFTWARE)
    for folder in packages:
        site.addsitedir(folder.settled())  # reads the .pth files
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # it is a pipe, and what is printed is a line of the log at once
    runner.main(descriptor, told, isolation)


def read_environment() -> tuple[int, dict[str, Any]]:
    """The descriptor and what we are told; the plugin does not see them in its environment."""
    if not sys.flags.no_site or not sys.flags.isolated:
        raise CannotProtect('it has to run as python -I -S, or its packages run before they are confined')
    told: dict[str, Any] = json.loads(os.environ['EDGEOS_PLUGIN'])
    descriptor = int(os.environ['EDGEOS_RPC_FD'])
    del os.environ['EDGEOS_PLUGIN'], os.environ['EDGEOS_RPC_FD']  # EDGEOS_TREE stays: what it starts is found by that
    os.set_inheritable(descriptor, False)
    return descriptor, told


def drop(told: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Give rights away for good; the SDK's runner, which is ours and loaded before, and what protects now."""
    uid = told['uid']
    if uid is None and os.geteuid() == 0:
        raise CannotProtect('it would run as root')
    sys.path[:] = [told['sdk'], *(path for path in sys.path if os.path.isdir(path))]
    runner = importlib.import_module('edgeos_plugin.process')
    library = [Folder(path) for path in sys.path]
    data = Folder(told['data'])
    os.chdir(told['data'])
    landlock, ruleset = landlock_rules(told)
    be_modest(told['limits'])
    if uid is not None:
        become(uid, told['gid'])
        limit('RLIMIT_NPROC', told['limits']['max_processes'] + THREADS)  # counts all of a user, so only of its own
    die_with(told['parent'])
    no_new_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1)
    if ruleset is not None:
        ruleset.enforce()
    move_imports({folder.path: folder.settled() for folder in library})
    settle_data(data)
    tcp = ruleset is not None and landlock.supported() >= landlock.TCP_ABI
    return runner, {'uid': uid is not None, 'landlock': landlock.supported() if ruleset else 0, 'tcp': tcp,
                    'no_new_privs': no_new_privileges}  # fmt: skip


# what will be needed


def environment_folder() -> str:
    """The plugin's virtual environment, which -S leaves aside."""
    return os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))


def site_packages() -> list[str]:
    """Where its packages are; nowhere when the interpreter belongs to no virtual environment."""
    prefix = environment_folder()
    if not os.path.exists(os.path.join(prefix, 'pyvenv.cfg')):
        return []
    sys.prefix = sys.exec_prefix = prefix  # as site does
    version = f'python{sys.version_info.major}.{sys.version_info.minor}'
    places = {os.path.realpath(os.path.join(prefix, lib, version, 'site-packages')) for lib in ('lib', sys.platlibdir)}
    return [place for place in sorted(places) if os.path.isdir(place)]


def landlock_rules(told: dict[str, Any]) -> tuple[Any, Any]:
    """The module, and the rules to enforce, or None where the kernel has none."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    landlock = importlib.import_module('landlock')
    del sys.path[0]
    if not (abi := landlock.supported()):
        return landlock, None
    ruleset = landlock.Ruleset(abi, told['http_ports'])
    base = [os.path.join(sys.base_prefix, part) for part in ('bin', 'lib', sys.platlibdir)]
    for path in (*SYSTEM, *base, *sys.path, told['folder'], environment_folder()):
        ruleset.allow(path, landlock.RUN)
    for path in READABLE:
        ruleset.allow(path, landlock.READ)
    for path in DEVICES:
        ruleset.allow(path, landlock.DEVICE)
    ruleset.allow(told['data'], landlock.owned(abi))
    return landlock, ruleset


# giving away


def be_modest(limits: dict[str, int]) -> None:
    """Limits as a back-stop behind the app's own, and last in line for the processor and for memory."""
    limit('RLIMIT_CORE', 0)
    limit('RLIMIT_NOFILE', OPEN_FILES)
    limit('RLIMIT_DATA', 2 * limits['memory_mb'] << 20)
    limit('RLIMIT_FSIZE', FILE_BYTES)
    os.umask(0o077)
    os.nice(NICE)
    try:
        with open('/proc/self/oom_score_adj', 'w') as file:
            file.write(str(OOM_SCORE))
    except OSError:
        pass  # not Linux, or not allowed here


def limit(name: str, most: int) -> None:
    """Never more than there was."""
    import resource

    kind = getattr(resource, name)
    _soft, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def become(uid: int, gid: int) -> None:
    """Another user without groups and capabilities, and no way back; raises CannotProtect."""
    libc = ctypes.CDLL(None, use_errno=True)
    prctl(PR_CAP_AMBIENT, CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        prctl(PR_CAPBSET_DROP, capability)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())
    if 0 in (*os.getresuid(), *os.getresgid()) or os.getgroups() or capabilities():
        raise CannotProtect(f'user {uid} would keep rights of the app')


def capabilities() -> int:
    """All that are left in any set."""
    left = 0
    with open('/proc/self/status') as status:
        for line in status:
            if line.startswith('Cap'):
                left |= int(line.split()[1], 16)
    return left


def die_with(parent: int) -> None:
    """The kernel forgets this at a change of user, so it is asked again."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise CannotProtect('the app has ended')


def prctl(option: int, value: int) -> bool:
    if sys.platform != 'linux':
        return False
    done: int = ctypes.CDLL(None, use_errno=True).prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0)))
    return done == 0


# finding things again


def move_imports(moved: dict[str, str]) -> None:
    """Imports look where things can be found now, also those of packages that are loaded already."""
    for module in list(sys.modules.values()):
        places = getattr(module, '__path__', None)
        if isinstance(places, list):
            places[:] = [moved_path(path, moved) for path in places]
    sys.path[:] = [moved[path] for path in sys.path]


def moved_path(path: str, moved: dict[str, str]) -> str:
    folder = path
    while (parent := os.path.dirname(folder)) != folder:
        folder = parent
        if folder in moved:
            return moved[folder] + path[len(folder) :]
    return path


def settle_data(data: Folder) -> None:
    """HOME and the folder for temporary files, made by whom it is for, by a way that is open to its programs, too."""
    os.makedirs('tmp', mode=0o700, exist_ok=True)
    if (path := data.settled()) != data.path:
        prctl(PR_SET_DUMPABLE, 1)  # or its own programs could not use its descriptors; nobody else has its user
        path = path.replace('self', str(os.getpid()), 1)
        os.environ.update(HOME=path, TMPDIR=f'{path}/tmp')


if __name__ == '__main__':
    main()
