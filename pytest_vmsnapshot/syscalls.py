"""The system calls Python 3.11 has no function for, one small function each.

Constants carry the header they come from. Numbers of 424 and above are the same on every
architecture (asm-generic/unistd.h); the others are tabled per machine.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Any

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# linux/mount.h
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2
MOUNT_ATTR_RDONLY = 0x1

# linux/fcntl.h
AT_FDCWD = -100
AT_RECURSIVE = 0x8000

# linux/prctl.h, linux/capability.h
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
CAP_SYS_MODULE = 16
CAP_SYS_RAWIO = 17
CAP_SYS_BOOT = 22
CAP_SYS_TIME = 25
CAP_MKNOD = 27

# linux/ptrace.h
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
PTRACE_DETACH = 17
PTRACE_PEEKUSER = 3
PTRACE_POKEUSER = 6
PTRACE_GETREGSET = 0x4204
PTRACE_SETREGSET = 0x4205
PTRACE_O_TRACEFORK = 0x2
PTRACE_O_TRACEVFORK = 0x4
PTRACE_O_TRACECLONE = 0x8
PTRACE_EVENT_STOP = 128
WALL = 0x40000000  # linux/wait.h: __WALL

# linux/fs.h
FICLONE = 0x40049409

# linux/falloc.h
FALLOC_FL_KEEP_SIZE = 0x01
FALLOC_FL_PUNCH_HOLE = 0x02

_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PTRACE = {"x86_64": 101, "aarch64": 117}
VFORK_CALLS = {"x86_64": (56, 58, 435), "aarch64": (220, 435)}
"""asm/unistd_64.h, asm-generic/unistd.h: clone, vfork, clone3: calls that may wait for a child."""

# linux/splice.h
SPLICE_F_NONBLOCK = 0x02

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class UnsupportedMachine(OSError):
    """A system call whose number is not known for this machine."""


def _check(result: int, call: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)
    return result


def call(number: int, *arguments: int | bytes | ctypes.Array[Any] | None, call: str) -> int:
    """Make a system call by its number.

    Args:
        number: of this machine.
        arguments: words, bytes or buffers.
        call: its name, for the error.

    Raises:
        OSError: the kernel refused it.
    """
    # A plain int would leave garbage in the upper half of a register.
    words = [
        ctypes.c_ulong(value & 0xFFFFFFFFFFFFFFFF) if isinstance(value, int) else value
        for value in arguments
    ]
    return _check(_libc.syscall(ctypes.c_long(number), *words), call)


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def tee(source: int, target: int, size: int) -> int:
    """Copy what is in a pipe to another pipe without taking it out.

    Args:
        source: a pipe's reading end.
        target: another pipe's writing end.
        size: bytes at most.

    Returns:
        How many bytes were copied.

    Raises:
        BlockingIOError: the pipe is empty, and somebody can still write to it.
    """
    length, flags = ctypes.c_size_t(size), ctypes.c_uint(SPLICE_F_NONBLOCK)
    return _check(_libc.tee(source, target, length, flags), "tee")


def unshare(flags: int) -> None:
    """Call unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Call setns(2)."""
    _check(_libc.setns(fd, kind), "setns")


def mount(
    source: str | None,
    target: str,
    fstype: str | None = None,
    flags: int = 0,
    options: str | None = None,
) -> None:
    """Call mount(2)."""
    result = _libc.mount(
        _encoded(source),
        _encoded(target),
        _encoded(fstype),
        ctypes.c_ulong(flags),
        _encoded(options),
    )
    _check(result, f"mount {fstype or source} on {target}")


def unmount(target: str, flags: int = 0) -> None:
    """Call umount2(2)."""
    _check(_libc.umount2(_encoded(target), flags), f"umount {target}")


def make_read_only(target: str) -> None:
    """Make every mount from ``target`` down read-only: mount_setattr(2), Linux 5.12."""
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    call(
        _MOUNT_SETATTR,
        AT_FDCWD,
        _encoded(target),
        AT_RECURSIVE,
        attributes,
        len(attributes),
        call="mount_setattr",
    )


def punch_hole(fd: int, start: int, length: int) -> None:
    """Give back the blocks of a part of a file, which reads as zeros then: fallocate(2).

    Args:
        fd: descriptor of the file, writable.
        start: where the part begins, in bytes.
        length: bytes.
    """
    flags = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
    where = ctypes.c_int64(start), ctypes.c_int64(length)
    _check(_libc.fallocate64(fd, flags, *where), "fallocate")


def sync_file_system(fd: int) -> None:
    """Write out all that is changed on the file system of an open file: syncfs(2)."""
    _check(_libc.syncfs(fd), "syncfs")


def pivot_root(new_root: str, put_old: str) -> None:
    """Call pivot_root(2)."""
    machine = platform.machine()
    if machine not in _PIVOT_ROOT:
        raise UnsupportedMachine(f"no system call numbers for the machine {machine!r}")
    call(_PIVOT_ROOT[machine], _encoded(new_root), _encoded(put_old), call="pivot_root")


def prctl(option: int, value: int) -> None:
    """Call prctl(2) with one argument."""
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), "prctl")


def name_process(name: str) -> None:
    """Give this process the name that ``ps`` and ``pgrep`` show: prctl(2), PR_SET_NAME."""
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()), zero, zero, zero), "prctl")


def ptrace(request: int, thread: int, data: int = 0, address: int = 0) -> None:
    """Call ptrace(2); what it reads goes to the address given as ``data``."""
    _check(
        _libc.syscall(
            ctypes.c_long(_PTRACE[platform.machine()]),
            ctypes.c_ulong(request),
            ctypes.c_ulong(thread),
            ctypes.c_ulong(address),
            ctypes.c_ulong(data & 0xFFFFFFFFFFFFFFFF),
        ),
        "ptrace",
    )
