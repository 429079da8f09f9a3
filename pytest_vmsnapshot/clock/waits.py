"""Waits that end by themselves: when they end, and ending them when the VM's clock says so.

A wait is only recorded; the kernel carries it out, with its own rules for descriptors, signals and
wake-ups. Its own time-out cannot end sooner than ours, for the VM's clock is never behind. When
the VM's clock reaches the recorded deadline, the thread is interrupted and gets its time-out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from .. import syscalls
from .machine import Machine
from .seccomp import WAITS, Notification
from .shift import SECOND, Shift
from .tracee import Memory, end_call

_TIMER_ABSTIME = 1  # linux/time.h
_FUTEX_CLOCK_REALTIME = 256  # linux/futex.h
_FUTEX_WAIT, _FUTEX_LOCK_PI = 0, 6
_REALTIME, _MONOTONIC = 0, 1
_INT = 0xFFFFFFFF  # the kernel looks at so much of an int; what is above may be anything

_TIMEOUT_AT = {
    "nanosleep": 0,
    "clock_nanosleep": 2,
    "select": 4,
    "pselect6": 4,
    "poll": 2,
    "ppoll": 2,
    "epoll_wait": 3,
    "epoll_pwait": 3,
    "epoll_pwait2": 3,
    "futex": 3,
    "futex_wait": 4,
    "futex_waitv": 3,
    "rt_sigtimedwait": 2,
    "semtimedop": 3,
    "mq_timedsend": 4,
    "mq_timedreceive": 4,
}
"""Which argument holds the time-out, or its address."""

_MILLISECONDS = frozenset({"poll", "epoll_wait", "epoll_pwait"})
_MADE_ANEW = frozenset({"select", "pselect6", "ppoll"})
"""Calls that the kernel makes again after an interruption, with what it thinks is left."""

_REMAINDER_AT = {"nanosleep": 1, "clock_nanosleep": 3}
"""Which argument takes what is left when a signal has ended a sleep."""

_LATE = 5_000_000
"""Nanoseconds by which a remainder may be less than expected: the notification took its time."""

_TIMED_OUT = {
    **dict.fromkeys(("futex", "futex_wait", "futex_waitv"), -errno.ETIMEDOUT),
    **dict.fromkeys(("mq_timedsend", "mq_timedreceive"), -errno.ETIMEDOUT),
    **dict.fromkeys(("rt_sigtimedwait", "semtimedop"), -errno.EAGAIN),
    "connect": -errno.EINPROGRESS,
    **dict.fromkeys(("read", "readv", "recvfrom", "recvmsg", "accept", "accept4"), -errno.EAGAIN),
    **dict.fromkeys(("write", "writev", "sendto", "sendmsg"), -errno.EAGAIN),
}
"""What a call returns at its time-out; others return 0."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait with a deadline.

    Args:
        deadline: nanoseconds of the VM's monotonic clock.
        call: number of the system call.
        arguments: its arguments.
        asked: nanoseconds it was asked to last.
        began: the kernel's monotonic clock when it began.
        interrupted: its thread was stopped meanwhile.
        overwritten: where a moment of the program's was replaced by one of the kernel's clock,
            and what was there; or None.
    """

    deadline: int
    call: int
    arguments: tuple[int, ...]
    asked: int = 0
    began: int = 0
    interrupted: bool = False
    overwritten: tuple[int, bytes] | None = None


class Waits:
    """The waits of all threads.

    Args:
        machine: what this runs on.
        shift: the VM's clock.
        on_exit: told of a child that ended meanwhile, with its wait status.
    """

    def __init__(self, machine: Machine, shift: Shift, on_exit: Callable[[int, int], None]) -> None:
        self._machine = machine
        self._shift = shift
        self._memory = Memory()
        self._on_exit = on_exit
        self._restart = machine.calls["restart_syscall"]
        self._of: dict[int, Wait] = {}
        self.remainder_told = False
        """Whether a program may have been told too long a rest of a sleep that a signal ended."""

    def begin(self, notified: Notification, is_waiting: Callable[[Notification], bool]) -> None:
        """Record the wait a thread is about to begin.

        Args:
            notified: the call.
            is_waiting: whether the thread is still the one that made it.

        Raises:
            OSError: its time-out cannot be read; the kernel will say so to the program.
        """
        thread, arguments = notified.thread, notified.arguments
        before = self._of.pop(thread, None)
        if before is not None:
            self._put_back(thread, before)
        name = self._machine.names[notified.call]
        place = arguments[_TIMEOUT_AT[name]]
        asked, clock = self._asked(name, thread, arguments)
        if not is_waiting(notified):
            return
        began = time.monotonic_ns()
        if before is not None and self._is_the_rest(name, before, notified, asked, began):
            self._of[thread] = replace(before, call=notified.call, arguments=arguments)
            return
        if before is not None:
            self._note_remainder(thread, before)
        overwritten = None
        if clock is not None and self._shift.of(clock) < 0:
            # By its own clock the kernel would find this moment long past.
            overwritten = place, timespec(asked + self._shift.read(clock))
            moment = time.clock_gettime_ns(clock) + max(asked, 0)
            self._memory.force(thread, place, timespec(moment))
        deadline = self._shift.now() + asked
        self._of[thread] = Wait(
            deadline, notified.call, arguments, asked, began, overwritten=overwritten
        )

    def interrupt(self, threads: Iterable[int] | None = None) -> None:
        """Threads (or all) are being stopped: some calls will be made again by the kernel."""
        for thread in list(self._of) if threads is None else self._of.keys() & threads:
            self._of[thread] = replace(self._of[thread], interrupted=True)

    def note(self, thread: int, call: int, arguments: tuple[int, ...], duration: int) -> None:
        """Record a wait that was found under way (a socket's time-out is no argument)."""
        known = self._of.get(thread)
        if known is None or (known.call, known.arguments) != (call, arguments):
            self._of[thread] = Wait(self._shift.now() + duration, call, arguments)

    def of(self, thread: int, call: int, arguments: tuple[int, ...]) -> Wait | None:
        """The wait a thread is in, if it is in one that is recorded.

        Args:
            thread: the thread.
            call: number of the call it sleeps in.
            arguments: that call's arguments.
        """
        wait = self._of.get(thread)
        if wait is None:
            return None
        return wait if self._is_in(wait, call, arguments) else None

    def due(self, now: int) -> list[int]:
        """Threads whose deadline has come."""
        return [thread for thread, wait in self._of.items() if wait.deadline <= now]

    def next(self, after: int) -> int | None:
        """The next deadline after a moment.

        One that has passed is that of a thread which is stopped, or traced.
        """
        return min((w.deadline for w in self._of.values() if w.deadline > after), default=None)

    def keep(self, valid: set[int]) -> None:
        """Drop all waits but those of threads that were seen in them."""
        for thread in self._of.keys() - valid:
            self._note_remainder(thread, self._of.pop(thread))
        for thread, wait in self._of.items():
            if wait.overwritten is not None:  # the kernel has taken it in
                self._put_back(thread, wait)
                self._of[thread] = replace(wait, overwritten=None)

    def _note_remainder(self, thread: int, wait: Wait) -> None:
        """A sleep was cut short: the kernel has told what is left of it, by its own time."""
        name = self._machine.names[wait.call]
        if name not in _REMAINDER_AT or not wait.arguments[_REMAINDER_AT[name]]:
            return
        skipped = self._shift.now() - (wait.deadline - wait.asked) > _LATE + (
            time.monotonic_ns() - wait.began
        )
        if skipped and wait.deadline > self._shift.now() and os.path.exists(f"/proc/{thread}"):
            self.remainder_told = True

    def expire(self, thread: int) -> bool | None:
        """End a thread's wait with its time-out.

        Returns:
            Whether it was ended or had ended; False where the thread must be looked at again; None
            where it is stopped (its time-out waits until it goes on) or traced.
        """
        wait = self._of[thread]
        found = sleeping_in(thread)
        if found is None:  # it runs, or is gone
            if not os.path.exists(f"/proc/{thread}"):
                self._of.pop(thread)
                return True
            return None if _is_held(thread) else False
        if not self._is_in(wait, *found):
            self._of.pop(thread)
            return True
        if _is_held(thread):
            return None
        try:
            syscalls.ptrace(syscalls.PTRACE_SEIZE, thread)
        except OSError:
            return None
        self._of.pop(thread)
        with contextlib.suppress(OSError):  # killed meanwhile
            self._end(thread, wait)
        return True

    def _end(self, thread: int, wait: Wait) -> None:
        syscalls.ptrace(syscalls.PTRACE_INTERRUPT, thread)
        _, status = os.waitpid(thread, syscalls.WALL)  # it sleeps, and can be interrupted
        if not os.WIFSTOPPED(status):
            self._on_exit(thread, status)
            return
        signal = 0 if status >> 16 else os.WSTOPSIG(status)
        if not signal:
            name = self._machine.names[wait.call]
            self._clear_results(thread, name, wait.arguments)
            calls = (wait.call, self._restart)
            end_call(self._machine, thread, calls, _TIMED_OUT.get(name, 0))
        syscalls.ptrace(syscalls.PTRACE_DETACH, thread, signal)

    def _clear_results(self, thread: int, name: str, arguments: tuple[int, ...]) -> None:
        """Descriptors that became ready: none."""
        with contextlib.suppress(OSError):
            if name in ("select", "pselect6"):
                size = (descriptor_count(thread, arguments[0]) + 63) // 64 * 8
                for place in filter(None, arguments[1:4]):
                    self._memory.write(thread, place, bytes(size))
            elif name in ("poll", "ppoll"):
                for index in range(arguments[1] & 0xFFFFFFFF):
                    self._memory.write(thread, arguments[0] + 8 * index + 6, b"\0\0")
            if name in _MADE_ANEW:  # nothing is left of the time
                self._memory.write(thread, arguments[_TIMEOUT_AT[name]], bytes(16))

    def _is_in(self, wait: Wait, call: int, arguments: tuple[int, ...]) -> bool:
        return call == self._restart or (call, arguments) == (wait.call, wait.arguments)

    def _put_back(self, thread: int, wait: Wait) -> None:
        if wait.overwritten is not None:
            with contextlib.suppress(OSError):  # it has ended
                self._memory.force(thread, *wait.overwritten)

    def _is_the_rest(
        self, name: str, before: Wait, notified: Notification, asked: int, now: int
    ) -> bool:
        """Whether an interrupted wait goes on with what is left by the kernel's clock."""
        if before.call != notified.call:
            return False
        if name in _REMAINDER_AT:
            remainder = before.arguments[_REMAINDER_AT[name]]
            same = remainder == notified.arguments[_TIMEOUT_AT[name]] != 0
        else:
            same = before.interrupted and name in _MADE_ANEW
            same = same and before.arguments == notified.arguments
        return same and 0 <= before.asked - asked <= now - before.began + _LATE

    def _asked(self, name: str, thread: int, arguments: tuple[int, ...]) -> tuple[int, int | None]:
        """Nanoseconds a wait shall last, and the clock if it ends at a moment of one."""
        place = arguments[_TIMEOUT_AT[name]]
        if name in _MILLISECONDS:
            return (place & 0x7FFFFFFF) * 1_000_000, None
        seconds, part = self._memory.unpack(thread, place, "=qq")
        if name == "select":
            return checked(seconds, part * 1000), None
        moment = checked(seconds, part)
        clock = _absolute_clock(name, arguments)
        return (moment if clock is None else moment - self._shift.read(clock)), clock


def _absolute_clock(name: str, arguments: tuple[int, ...]) -> int | None:
    """The clock of a time-out that is a moment, not a duration."""
    if name == "clock_nanosleep":
        return arguments[0] & _INT if arguments[1] & _TIMER_ABSTIME else None
    if name == "futex":
        operation = arguments[1] & 0x7F
        if operation == _FUTEX_WAIT:
            return None
        real = arguments[1] & _FUTEX_CLOCK_REALTIME or operation == _FUTEX_LOCK_PI
        return _REALTIME if real else _MONOTONIC
    if name == "futex_waitv":
        return arguments[4] & _INT
    if name == "futex_wait":
        return arguments[5] & _INT
    return _REALTIME if name.startswith("mq_") else None


def is_timed(name: str, arguments: tuple[int, ...]) -> bool:
    """Whether a call with such arguments ends by itself, and so must be recorded."""
    conditions = WAITS.get(name)
    return conditions is not None and all(found.holds(arguments) for found in conditions)


def sleeping_in(thread: int) -> tuple[int, tuple[int, ...]] | None:
    """The call in which a thread sleeps, with its arguments; None if it runs or is gone."""
    try:
        with open(f"/proc/{thread}/syscall", "rb") as file:
            words = file.read().split()
    except OSError:
        return None
    if not words or words[0] == b"running":
        return None
    return int(words[0]), tuple(int(word, 16) for word in words[1:7])


def _is_held(thread: int) -> bool:
    """Whether a thread is stopped, or traced by somebody."""
    try:
        with open(f"/proc/{thread}/status", "rb") as file:
            text = file.read()
    except OSError:
        return False
    state = text[text.index(b"State:") + 7 :][:1]
    return state in b"Tt" or b"TracerPid:\t0\n" not in text


def descriptor_count(thread: int, asked: int) -> int:
    """How many descriptors select(2) looks at: no more than the process has room for.

    Raises:
        OSError: the thread has ended.
    """
    with open(f"/proc/{thread}/status", "rb") as file:
        for line in file:
            if line.startswith(b"FDSize:"):
                return min(asked & _INT, int(line.split()[1]))
    return 0


def checked(seconds: int, part: int) -> int:
    """Seconds and nanoseconds as nanoseconds.

    Raises:
        ValueError: they are no time; the kernel will say so to the program.
    """
    if seconds < 0 or not 0 <= part < SECOND:
        raise ValueError("no time")
    return seconds * SECOND + part


def timespec(moment: int) -> bytes:
    """Nanoseconds as struct timespec."""
    return struct.pack("=qq", *divmod(moment, SECOND))
