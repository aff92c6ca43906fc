"""Landlock by its system calls: after `enforce` this process and its children reach only the files and ports named.

No privilege is needed, and nothing takes it back. Standard library only: it runs in the plugin's interpreter. Numbers
and structures are those of linux/landlock.h.
"""

import ctypes
import os
import sys
from collections.abc import Iterable

CREATE, ADD, RESTRICT = 444, 445, 446  # system calls, the same on all architectures Python runs on
VERSION = 1  # flag of CREATE
BENEATH, PORT = 1, 2  # kinds of rules

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
SCOPES = 0b11  # no signals and no abstract sockets to processes outside

TCP_ABI = 4
SCOPE_ABI = 6
KNOWN_ABI = 7  # what came later we do not know to ask for

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
DEVICE = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV


class _Ruleset(ctypes.Structure):
    _fields_ = (('files', ctypes.c_uint64), ('net', ctypes.c_uint64), ('scopes', ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = 'ms'
    _fields_ = (('access', ctypes.c_uint64), ('parent', ctypes.c_int32))


class _Port(ctypes.Structure):
    _fields_ = (('access', ctypes.c_uint64), ('port', ctypes.c_uint64))


def supported() -> int:
    """The ABI of this kernel as far as we know it, 1 or more; 0 where there is no Landlock."""
    if sys.platform != 'linux':
        return 0
    try:
        return min(_call(CREATE, None, ctypes.c_size_t(0), VERSION), KNOWN_ABI)
    except OSError:
        return 0


def file_accesses(abi: int) -> int:
    """All rights over files that a kernel with this ABI can refuse."""
    return (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1


def owned(abi: int) -> int:
    """What a plugin may do in its own folder: all but making devices and running what it wrote."""
    return file_accesses(abi) & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV)


class Ruleset:
    """What will be allowed. Make it while everything can still be opened, enforce it once privileges are gone."""

    def __init__(self, abi: int, connect_ports: Iterable[int] | None) -> None:
        """`abi` as `supported()` says, at least 1. TCP goes to the ports named only (None: to any), and no port can be
        listened on; both from TCP_ABI on. Raises OSError.
        """
        self._files = file_accesses(abi)
        net = 0
        if abi >= TCP_ABI:
            net = BIND_TCP if connect_ports is None else BIND_TCP | CONNECT_TCP
        attributes = _Ruleset(self._files, net, SCOPES if abi >= SCOPE_ABI else 0)
        size = 8 if abi < TCP_ABI else 16 if abi < SCOPE_ABI else 24
        self._descriptor = _call(CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
        for port in connect_ports or () if net & CONNECT_TCP else ():
            _call(ADD, self._descriptor, PORT, ctypes.byref(_Port(CONNECT_TCP, port)), 0)

    def allow(self, path: str, access: int) -> None:
        """For a file or folder and all below it; what is not there needs no rule."""
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if not os.path.isdir(path):
                access &= DEVICE | EXECUTE
            rule = _Beneath(access & self._files, descriptor)
            _call(ADD, self._descriptor, BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(descriptor)

    def enforce(self) -> None:
        """For this thread and all it starts from now on; needs no_new_privs. Raises OSError."""
        _call(RESTRICT, self._descriptor, 0)
        os.close(self._descriptor)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
