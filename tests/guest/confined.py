"""Runs a command in unfriendly surroundings, real ones: ``confined.py KIND COMMAND...``.

Everything happens in a user namespace and a mount namespace of its own, or to this process alone:
nothing of the host changes.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from pytest_vmsnapshot import syscalls
from pytest_vmsnapshot.guest import user_namespace

# asm/unistd_64.h, asm-generic/unistd.h
NUMBERS = {
    "x86_64": {"unshare": 272, "seccomp": 317, "ptrace": 101, "process_vm_readv": 310, "sync": 162},
    "aarch64": {"unshare": 97, "seccomp": 277, "ptrace": 117, "process_vm_readv": 270, "sync": 81},
}
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
RET_ALLOW = 0x7FFF0000
RET_ERRNO_EPERM = 0x00050001
CAP_SYS_ADMIN = 21


def deny(call: str) -> None:
    """Deny a system call, as a container engine's profile does."""
    load_number = struct.pack("HBBI", 0x20, 0, 0, 0)  # linux/bpf_common.h
    skip_unless = struct.pack("HBBI", 0x15, 0, 1, NUMBERS[platform.machine()][call])
    instructions = [
        load_number,
        skip_unless,
        struct.pack("HBBI", 0x06, 0, 0, RET_ERRNO_EPERM),
        struct.pack("HBBI", 0x06, 0, 0, RET_ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(instructions))
    program = struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code))
    buffer = ctypes.create_string_buffer(program)
    syscalls.prctl(PR_SET_NO_NEW_PRIVS, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    mode = ctypes.c_ulong(SECCOMP_MODE_FILTER)
    if libc.prctl(PR_SET_SECCOMP, mode, ctypes.byref(buffer), zero, zero):
        raise OSError(ctypes.get_errno(), "seccomp")


def enter() -> None:
    """Become root of namespaces in which things can be taken away."""
    user_namespace.enter(subordinate=False)
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)


def no_user_namespaces() -> None:
    enter()
    Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")


def chroot() -> None:
    enter()
    syscalls.mount("tmpfs", "/mnt", "tmpfs")
    root = Path("/mnt/root")
    root.mkdir()
    for path in Path("/").iterdir():
        if path.is_symlink():
            (root / path.name).symlink_to(path.readlink())
        elif path.is_dir() and path.name != "mnt":
            (root / path.name).mkdir()
            flags = syscalls.MS_BIND | syscalls.MS_REC
            syscalls.mount(str(path), str(root / path.name), None, flags)
    here = Path.cwd()
    os.chroot(root)
    os.chdir(here)


def masked_proc() -> None:
    enter()
    syscalls.mount("/dev/null", "/proc/cpuinfo", None, syscalls.MS_BIND)


def no_capability() -> None:
    enter()
    syscalls.prctl(syscalls.PR_CAPBSET_DROP, CAP_SYS_ADMIN)


def mounted(path: str) -> None:
    enter()
    syscalls.mount("tmpfs", path, "tmpfs", 0, "mode=755")


def careless_caller() -> None:
    """What a process hands down to its children, set as unkindly as can be."""
    os.umask(0o777)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


KINDS: dict[str, Callable[[], None]] = {
    "seccomp": lambda: deny("unshare"),
    "no-listener": lambda: deny("seccomp"),
    "no-ptrace": lambda: deny("ptrace"),
    "no-memory-of-others": lambda: deny("process_vm_readv"),
    "harmless-filter": lambda: deny("sync"),
    "no-user-namespaces": no_user_namespaces,
    "chroot": chroot,
    "masked-proc": masked_proc,
    "no-capability": no_capability,
    "mounted-var": lambda: mounted("/var"),
    "mounted-var-log": lambda: mounted("/var/log"),
    "careless-caller": careless_caller,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
    os.execv(sys.argv[2], sys.argv[2:])
