"""The filter that sends clock reads and timed waits to a listener, and the listener.

Conditions on arguments are tested inside the filter, so a wait without a time-out costs nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .. import syscalls
from .child_signals import child_signals
from .conditions import FUTEX_WAITS, SHIFTED_CLOCKS, Condition, Kind
from .freezing import FIFREEZE, FITHAW
from .machine import Machine
from .sync_calls import syncs

# linux/seccomp.h
_SET_MODE_FILTER = 1
_FLAG_NEW_LISTENER = 1 << 3
_FLAG_WAIT_KILLABLE_RECV = 1 << 5
_RET_ALLOW = 0x7FFF0000
_RET_USER_NOTIF = 0x7FC00000
_NOTIF_FLAG_CONTINUE = 1
_NOTIF_FD_SYNC_WAKE_UP = 1
_IOCTL_RECV = 0xC0502100
_IOCTL_SEND = 0xC0182101
_IOCTL_ID_VALID = 0x40082102
_IOCTL_SET_FLAGS = 0x40082104
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp

# linux/bpf_common.h
_LD, _AND, _JEQ, _JGT, _JGE, _JSET, _RET = 0x20, 0x54, 0x15, 0x25, 0x35, 0x45, 0x06

MAGIC = 0x76636C6B
"""Third argument of a clock read that comes from a patched vDSO: it passes the filter."""

_POINTER, _ARGUMENTS = (
    8,
    16,
)  # offsets of instruction_pointer and args in struct seccomp_data (linux/seccomp.h)


_SOCKET_TIMEOUTS = (20, 21, 66, 67)
"""asm-generic/socket.h: SO_RCVTIMEO and SO_SNDTIMEO, with times of 32 and of 64 bits."""


def _pointer(argument: int) -> tuple[Condition, ...]:
    return (Condition(Kind.POINTER, argument),)


_NOT_OURS = Condition(Kind.DIFFERENT, 2, (MAGIC,))
_CLOCK = Condition(Kind.CLOCK, 0)

WAITS: Mapping[str, tuple[Condition, ...]] = {
    "nanosleep": (),
    "clock_nanosleep": (_CLOCK,),
    "select": _pointer(4),
    "pselect6": _pointer(4),
    "poll": (Condition(Kind.TIMEOUT, 2),),
    "ppoll": _pointer(2),
    "epoll_wait": (Condition(Kind.TIMEOUT, 3),),
    "epoll_pwait": (Condition(Kind.TIMEOUT, 3),),
    "epoll_pwait2": _pointer(3),
    "futex": (Condition(Kind.FUTEX_WAIT, 1), *_pointer(3)),
    "futex_wait": _pointer(4),
    "futex_waitv": _pointer(3),
    "rt_sigtimedwait": _pointer(2),
    "semtimedop": _pointer(3),
    "mq_timedsend": _pointer(4),
    "mq_timedreceive": _pointer(4),
}
"""Waits that end by themselves, with the arguments that make them so."""

READS: Mapping[str, tuple[Condition, ...]] = {
    "clock_gettime": (_NOT_OURS, _CLOCK),
    "gettimeofday": (_NOT_OURS,),
    "time": (),
    "times": (),
    "sysinfo": (),
}

_REAL_TIMER = (Condition(Kind.EQUAL, 0, (0,)),)  # ITIMER_REAL, linux/time.h

TIMERS: Mapping[str, tuple[Condition, ...]] = {
    "alarm": (),
    "setitimer": _REAL_TIMER,
    "getitimer": _REAL_TIMER,
    "timer_settime": (),
    "timer_gettime": (),
    "timer_delete": (),
    "timer_getoverrun": (),
    "timerfd_settime": (),
    "timerfd_gettime": (),
    "setsockopt": (
        Condition(Kind.EQUAL, 1, (1,)),  # SOL_SOCKET
        Condition(Kind.ONE_OF, 2, _SOCKET_TIMEOUTS),
    ),
}

FILES: Mapping[str, tuple[Condition, ...]] = {
    **dict.fromkeys(
        (
            *("stat", "lstat", "fstat", "newfstatat", "statx"),
            *("utimensat", "utimes", "utime", "futimesat"),
        ),
        (),
    ),
    "ioctl": (Condition(Kind.ONE_OF, 1, (FIFREEZE, FITHAW)),),
}


def rules(machine: Machine) -> dict[str, tuple[Condition, ...]]:
    """All that is notified on a machine."""
    hooks = {
        name: () if value is None else (Condition(Kind.EQUAL, 0, (value,)),)
        for name, value in machine.exec_hooks.items()
    }
    wanted = {**hooks, **READS, **WAITS, **TIMERS, **FILES, **child_signals(), **syncs(machine)}
    return {name: found for name, found in wanted.items() if name in machine.calls}


_Instruction = tuple[int, int, int, int]  # struct sock_filter: code, jt, jf, k
_OUT = -1
"""A jump to the end of the block, where the call is allowed."""


def program(machine: Machine) -> list[_Instruction]:
    """The filter: calls of another architecture are notified, too, so that they can be refused."""
    code: list[_Instruction] = [
        (_LD, 0, 0, 4),  # arch
        (_JEQ, 1, 0, machine.audit),
        (_RET, 0, 0, _RET_USER_NOTIF),
        (_LD, 0, 0, 0),  # nr
    ]
    for name, conditions in rules(machine).items():
        block = [line for condition in conditions for line in _test(condition)]
        block += [(_RET, 0, 0, _RET_USER_NOTIF), (_RET, 0, 0, _RET_ALLOW)]
        code.append((_JEQ, 0, len(block), machine.calls[name]))
        for index, (what, yes, no, value) in enumerate(block):
            out = len(block) - index - 2
            code.append((what, out if yes == _OUT else yes, out if no == _OUT else no, value))
    return [*code, (_RET, 0, 0, _RET_ALLOW)]


def _test(condition: Condition) -> Iterator[_Instruction]:
    """Instructions that leave the block unless the condition holds."""
    if condition.kind is Kind.ELSEWHERE:
        yield from _elsewhere(*condition.values)
        return
    low = _ARGUMENTS + 8 * condition.argument
    yield _LD, 0, 0, low
    match condition.kind:
        case Kind.POINTER:
            yield _JEQ, 0, 2, 0
            yield _LD, 0, 0, low + 4
            yield _JEQ, _OUT, 0, 0
        case Kind.TIMEOUT:
            yield _JEQ, _OUT, 0, 0
            yield _JSET, _OUT, 0, 0x80000000
        case Kind.EQUAL:
            yield _JEQ, 0, _OUT, condition.values[0]
        case Kind.DIFFERENT:
            yield _JEQ, _OUT, 0, condition.values[0]
        case Kind.ANY_BIT:
            yield _JSET, 0, _OUT, condition.values[0]
        case Kind.CLOCK:
            yield _JGT, _OUT, 0, max(SHIFTED_CLOCKS)
            yield _JEQ, _OUT, 0, 2
            yield _JEQ, _OUT, 0, 3
        case Kind.ONE_OF:
            yield from _any_of(condition.values)
        case Kind.FUTEX_WAIT:
            yield _AND, 0, 0, 0x7F  # without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME
            yield from _any_of(FUTEX_WAITS)


def _elsewhere(start: int, end: int) -> Iterator[_Instruction]:
    yield _LD, 0, 0, _POINTER + 4
    yield _JEQ, 0, 3, start >> 32
    yield _LD, 0, 0, _POINTER
    yield _JGE, 0, 1, start & 0xFFFFFFFF
    yield _JGE, 0, _OUT, end & 0xFFFFFFFF


def _any_of(values: tuple[int, ...]) -> Iterator[_Instruction]:
    for index, value in enumerate(values):
        left = len(values) - 1 - index
        yield _JEQ, left, 0 if left else _OUT, value


# linux/capability.h
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_SYS_ADMIN = 1 << 21

_PRCTL_ARGUMENTS = [ctypes.c_ulong(value) for value in (1, 0, 0, 0)]

_keeping_the_lock = ctypes.PyDLL(None, use_errno=True)
_keeping_the_lock.syscall.restype = ctypes.c_long


def _knows(number: ctypes.c_long, flag: int) -> bool:
    """Whether the kernel has a flag: it looks at the flags first, and only then for a filter."""
    _keeping_the_lock.syscall(number, _SET_MODE_FILTER, ctypes.c_ulong(flag), None)
    return ctypes.get_errno() == errno.EFAULT


def _may_install() -> bool:
    """Whether this process may install a filter without giving up set-user-id programs."""
    head = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    sets = ctypes.create_string_buffer(24)
    _keeping_the_lock.capget(head, sets)
    return bool(struct.unpack_from("=I", sets)[0] & _CAP_SYS_ADMIN)


class Filter:
    """The compiled filter, ready to be installed by a process that is about to exec.

    Args:
        machine: what it runs on.
    """

    def __init__(self, machine: Machine) -> None:
        lines = program(machine)
        self._code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *x) for x in lines))
        head = struct.pack("@HxxxxxxQ", len(lines), ctypes.addressof(self._code))
        self._program = ctypes.create_string_buffer(head)  # struct sock_fprog (linux/filter.h)
        self._number = ctypes.c_long(machine.calls["seccomp"])
        flags = _FLAG_NEW_LISTENER | _FLAG_WAIT_KILLABLE_RECV
        if not _knows(self._number, flags):  # it came with Linux 5.19
            flags = _FLAG_NEW_LISTENER
        self._flags = ctypes.c_ulong(flags)
        self._needs_no_new_privileges = not _may_install()

    def calls(self) -> list[Callable[[], int]]:
        """Calls that bind the thread that makes them, and all it starts, one after the other.

        The last returns the listener's descriptor, which is closed on exec, or -1. They run no
        Python, and hold the interpreter's lock.
        """
        found: list[Callable[[], int]] = []
        if self._needs_no_new_privileges:
            found.append(
                functools.partial(
                    _keeping_the_lock.prctl, syscalls.PR_SET_NO_NEW_PRIVS, *_PRCTL_ARGUMENTS
                )
            )
        found.append(
            functools.partial(
                _keeping_the_lock.syscall,
                self._number,
                _SET_MODE_FILTER,
                self._flags,
                self._program,
            )
        )
        return found

    def install(self) -> int:
        """Bind this thread, and all it starts.

        Returns:
            The listener's descriptor.

        Raises:
            OSError: it is refused here.
        """
        fd = [call() for call in self.calls()][-1]
        if fd < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), "seccomp NEW_LISTENER")
        return fd


@dataclass(frozen=True, slots=True)
class Notification:
    """A system call that waits for an answer.

    Args:
        number: identifies the notification.
        thread: who made the call.
        call: number of the call.
        audit: the architecture it was made for.
        arguments: six words.
    """

    number: int
    thread: int
    call: int
    audit: int
    arguments: tuple[int, ...]


class Listener:
    """The descriptor on which notifications of one filter arrive.

    Args:
        fd: what ``Filter.install`` returned; owned by this object.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._buffer = bytearray(_NOTIFICATION.size)
        # Linux 6.6: the answer wakes its thread at once, which halves the cost.
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, _IOCTL_SET_FLAGS, _NOTIF_FD_SYNC_WAKE_UP)

    def receive(self) -> Notification | None:
        """Take the next notification; None when its thread was killed meanwhile."""
        self._buffer[:] = bytes(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self.fd, _IOCTL_RECV, self._buffer)
        except OSError:
            return None
        number, thread, _, call, audit, _, *words = _NOTIFICATION.unpack(self._buffer)
        return Notification(number, thread, call, audit, tuple(words))

    def is_waiting(self, notification: Notification) -> bool:
        """Whether the thread still waits, so that its number means what it meant."""
        try:
            fcntl.ioctl(self.fd, _IOCTL_ID_VALID, struct.pack("=Q", notification.number))
        except OSError:
            return False
        return True

    def let(self, notification: Notification) -> None:
        """Let the kernel carry the call out."""
        self._send(notification, 0, 0, _NOTIF_FLAG_CONTINUE)

    def answer(self, notification: Notification, value: int) -> None:
        """End the call with a value, or an errno where it is negative."""
        self._send(notification, max(value, 0), min(value, 0), 0)

    def _send(self, notification: Notification, value: int, error: int, flags: int) -> None:
        answer = _ANSWER.pack(notification.number, value, error, flags)
        with contextlib.suppress(OSError):  # it was killed
            fcntl.ioctl(self.fd, _IOCTL_SEND, answer)

    def close(self) -> None:
        """Close it."""
        os.close(self.fd)
