"""What the virtual clock must know of a processor: numbers of system calls, hooks, registers.

Numbers are those of asm/unistd_64.h (x86-64) and asm-generic/unistd.h (arm64); from 424 on they
are the same everywhere.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

_COMMON = {
    "clone3": 435,
    "epoll_pwait2": 441,
    "futex_wait": 455,
    "futex_waitv": 449,
    "io_uring_setup": 425,
    "openat2": 437,
}

_X86_64 = {
    "accept": 43,
    "accept4": 288,
    "alarm": 37,
    "arch_prctl": 158,
    "clock_gettime": 228,
    "clock_nanosleep": 230,
    "clone": 56,
    "connect": 42,
    "creat": 85,
    "epoll_pwait": 281,
    "epoll_wait": 232,
    "fcntl": 72,
    "fdatasync": 75,
    "flock": 73,
    "fork": 57,
    "fstat": 5,
    "fsync": 74,
    "ftruncate": 77,
    "futex": 202,
    "futimesat": 261,
    "getitimer": 36,
    "ioctl": 16,
    "gettimeofday": 96,
    "kcmp": 312,
    "lstat": 6,
    "mq_timedreceive": 243,
    "mq_timedsend": 242,
    "msgrcv": 70,
    "msgsnd": 69,
    "msync": 26,
    "nanosleep": 35,
    "newfstatat": 262,
    "open": 2,
    "openat": 257,
    "pause": 34,
    "poll": 7,
    "ppoll": 271,
    "pread64": 17,
    "pselect6": 270,
    "pwrite64": 18,
    "pwritev2": 328,
    "read": 0,
    "readv": 19,
    "recvfrom": 45,
    "recvmmsg": 299,
    "recvmsg": 47,
    "rename": 82,
    "renameat": 264,
    "renameat2": 316,
    "restart_syscall": 219,
    "rt_sigaction": 13,
    "rt_sigqueueinfo": 129,
    "rt_sigsuspend": 130,
    "rt_sigtimedwait": 128,
    "rt_tgsigqueueinfo": 297,
    "seccomp": 317,
    "select": 23,
    "semop": 65,
    "semtimedop": 220,
    "sendfile": 40,
    "sendmmsg": 307,
    "sendmsg": 46,
    "sendto": 44,
    "setitimer": 38,
    "setsockopt": 54,
    "splice": 275,
    "stat": 4,
    "statx": 332,
    "sync": 162,
    "sync_file_range": 277,
    "syncfs": 306,
    "sysinfo": 99,
    "tee": 276,
    "time": 201,
    "timer_delete": 226,
    "timer_getoverrun": 225,
    "timer_gettime": 224,
    "timer_settime": 223,
    "timerfd_gettime": 287,
    "timerfd_settime": 286,
    "times": 100,
    "truncate": 76,
    "utime": 132,
    "utimensat": 280,
    "utimes": 235,
    "vfork": 58,
    "wait4": 61,
    "waitid": 247,
    "write": 1,
    "writev": 20,
}

_AARCH64 = {
    "accept": 202,
    "accept4": 242,
    "clock_gettime": 113,
    "clock_nanosleep": 115,
    "clone": 220,
    "connect": 203,
    "epoll_pwait": 22,
    "fcntl": 25,
    "fdatasync": 83,
    "flock": 32,
    "fstat": 80,
    "fsync": 82,
    "ftruncate": 46,
    "futex": 98,
    "getitimer": 102,
    "ioctl": 29,
    "gettimeofday": 169,
    "kcmp": 272,
    "mq_timedreceive": 183,
    "mq_timedsend": 182,
    "msgrcv": 188,
    "msgsnd": 189,
    "msync": 227,
    "nanosleep": 101,
    "newfstatat": 79,
    "openat": 56,
    "ppoll": 73,
    "pread64": 67,
    "pselect6": 72,
    "pwrite64": 68,
    "pwritev2": 287,
    "read": 63,
    "readv": 65,
    "recvfrom": 207,
    "recvmmsg": 243,
    "recvmsg": 212,
    "renameat": 38,
    "renameat2": 276,
    "restart_syscall": 128,
    "rt_sigaction": 134,
    "rt_sigqueueinfo": 138,
    "rt_sigsuspend": 133,
    "rt_sigtimedwait": 137,
    "rt_tgsigqueueinfo": 240,
    "sched_getaffinity": 123,
    "seccomp": 277,
    "semop": 193,
    "semtimedop": 192,
    "sendfile": 71,
    "sendmmsg": 269,
    "sendmsg": 211,
    "sendto": 206,
    "set_tid_address": 96,
    "setitimer": 103,
    "setsockopt": 208,
    "splice": 76,
    "statx": 291,
    "sync": 81,
    "sync_file_range": 84,
    "syncfs": 267,
    "sysinfo": 179,
    "tee": 77,
    "timer_delete": 111,
    "timer_getoverrun": 109,
    "timer_gettime": 108,
    "timer_settime": 110,
    "timerfd_gettime": 87,
    "timerfd_settime": 86,
    "times": 153,
    "truncate": 45,
    "utimensat": 88,
    "wait4": 260,
    "waitid": 95,
    "write": 64,
    "writev": 66,
}


@dataclass(frozen=True)
class Machine:
    """One processor architecture; not slotted, for the reverse table is worked out once.

    Args:
        name: as uname(2) gives it.
        audit: its AUDIT_ARCH_* (linux/audit.h), by which a filter tells it from others.
        calls: numbers of system calls by name.
        exec_hooks: calls a program makes when it starts and before it reads any clock; with the
            value of their first argument where only that one counts.
        vdso: names of the vDSO's clock functions: clock_gettime, gettimeofday and (x86) time.
        direct: O_DIRECT of open(2), whose value differs (asm/fcntl.h).
    """

    name: str
    audit: int
    calls: Mapping[str, int]
    exec_hooks: Mapping[str, int | None]
    vdso: tuple[str, ...]
    direct: int

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Names of system calls by number."""
        return {number: name for name, number in self.calls.items()}


_ARCH_SET_FS = 0x1002  # asm/prctl.h

X86_64 = Machine(
    "x86_64",
    0xC000003E,
    MappingProxyType({**_COMMON, **_X86_64}),
    MappingProxyType({"arch_prctl": _ARCH_SET_FS}),
    ("__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time"),
    0o40000,
)
"""glibc, musl and Go set the thread pointer once per exec (FEASIBILITY.md, section 9)."""

AARCH64 = Machine(
    "aarch64",
    0xC00000B7,
    MappingProxyType({**_COMMON, **_AARCH64}),
    MappingProxyType({"set_tid_address": None, "sched_getaffinity": None}),
    ("__kernel_clock_gettime", "__kernel_gettimeofday"),
    0o200000,
)
"""The thread pointer is a register there; glibc and musl set the tid address, Go asks for CPUs."""

MACHINES: Mapping[str, Machine] = MappingProxyType({"x86_64": X86_64, "aarch64": AARCH64})


def this_machine() -> Machine | None:
    """The machine this process runs on, if the virtual clock knows it."""
    return MACHINES.get(platform.machine())
