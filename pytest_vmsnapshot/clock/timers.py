"""Timers that programs set: alarm, interval timers, POSIX timers, timer descriptors.

The kernel's own timer stays disarmed. When the VM's clock reaches the moment, what the timer would
have done is done by the harness.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from .. import syscalls
from .conditions import SHIFTED_CLOCKS
from .expirations import Alarm, Expiration, Owner, TimerDescriptor, TimerSignal
from .machine import Machine
from .seccomp import Notification
from .shift import SECOND, Shift
from .tracee import Memory, copy_descriptor, process_of
from .waits import checked, timespec

_TIMER_ABSTIME = 1  # linux/time.h, sys/timerfd.h
_MICROSECOND = 1000
_PRUNED_FROM = 64
"""Armed timers from which on those are looked for that nobody wants any more."""

_Key = tuple[str, int, int]
"""Kind, process and number."""

_REAL, _POSIX, _DESCRIPTOR = "real", "posix", "descriptor"


@dataclass(frozen=True, slots=True)
class _Timer:
    """An armed timer.

    Args:
        deadline: nanoseconds of the VM's monotonic clock.
        interval: nanoseconds between expirations, 0 for one only.
        expiration: what it does.
    """

    deadline: int
    interval: int
    expiration: Expiration


class Timers:
    """All timers of the VM.

    Args:
        machine: what this runs on.
        shift: the VM's clock.
        members: lists the processes of the VM.
    """

    def __init__(self, machine: Machine, shift: Shift, members: Callable[[], list[int]]) -> None:
        self._machine = machine
        self._members = members
        self._shift = shift
        self._memory = Memory()
        self._timers: dict[_Key, _Timer] = {}
        self._signals: dict[_Key, TimerSignal] = {}
        self._prune_at = _PRUNED_FROM
        self.socket_timeouts = False
        """Whether any program has given a socket a time-out."""

    # -- the clock moves -------------------------------------------------------------------

    def next(self) -> int | None:
        """The next deadline."""
        return min((timer.deadline for timer in self._timers.values()), default=None)

    def fire(self, now: int) -> bool:
        """Let all expire whose deadline has come; says whether there was one."""
        due = [key for key, timer in self._timers.items() if timer.deadline <= now]
        for key in due:
            timer = self._timers.pop(key)
            count = 1 + ((now - timer.deadline) // timer.interval if timer.interval else 0)
            timer.expiration.give(count)
            if timer.interval and timer.expiration.is_wanted():
                deadline = timer.deadline + count * timer.interval
                self._timers[key] = replace(timer, deadline=deadline)
            else:
                timer.expiration.release()
        return bool(due)

    def forget_unwanted(self) -> None:
        """Drop timers whose process has ended, and descriptors that were closed."""
        for key, timer in list(self._timers.items()):
            if not timer.expiration.is_wanted():
                self._drop(key)
        for key in [key for key, found in self._signals.items() if not found.is_wanted()]:
            del self._signals[key]
        self._prune_at = max(_PRUNED_FROM, 2 * len(self._timers))

    def started(self, pid: int) -> None:
        """A program was executed: its POSIX timers are gone, its alarm stays."""
        for key in [key for key in self._timers if key[:2] == (_POSIX, pid)]:
            self._drop(key)
        for key in [key for key in self._signals if key[1] == pid]:
            del self._signals[key]

    # -- calls -----------------------------------------------------------------------------

    def answer(
        self, notified: Notification, is_waiting: Callable[[Notification], bool]
    ) -> int | None:
        """What a call about timers returns.

        Args:
            notified: the call.
            is_waiting: whether the thread is still the one that made it.

        Returns:
            A value; None where the kernel shall carry it out.
        """
        name = self._machine.names[notified.call]
        if name == "setsockopt":
            self.socket_timeouts = True
            return None
        pid = process_of(notified.thread)
        if not is_waiting(notified):
            return None
        handler: Callable[[int, Notification], int | None] = getattr(self, "_" + name)
        return handler(pid, notified)

    def _alarm(self, pid: int, notified: Notification) -> int:
        seconds = notified.arguments[0] & 0xFFFFFFFF
        key = (_REAL, pid, 0)
        left, _ = self._left(key)
        self._set(key, seconds * SECOND, 0, Alarm(Owner.of(pid)))
        # As the kernel rounds it: never down to none.
        return max(1, (left + SECOND // 2) // SECOND) if left else 0

    def _setitimer(self, pid: int, notified: Notification) -> int:
        _, new, old, *_ = notified.arguments
        key = (_REAL, pid, 0)
        interval = value = 0
        if new:
            words = self._memory.unpack(notified.thread, new, "=4q")
            interval, value = (checked(words[i], words[i + 1] * _MICROSECOND) for i in (0, 2))
        left, every = self._left(key)
        if old:
            self._memory.write(notified.thread, old, _timeval(every) + _timeval(left))
        self._set(key, value, interval, Alarm(Owner.of(pid)))
        return 0

    def _getitimer(self, pid: int, notified: Notification) -> int:
        left, every = self._left((_REAL, pid, 0))
        self._memory.write(notified.thread, notified.arguments[1], _timeval(every) + _timeval(left))
        return 0

    def _timer_settime(self, pid: int, notified: Notification) -> int | None:
        number, flags, new, old, *_ = notified.arguments
        number &= 0xFFFFFFFF
        told = _posix_timer(pid, number)
        if told is None or told["ClockID"] not in map(str, SHIFTED_CLOCKS):
            return None
        interval, value = self._itimerspec(notified.thread, new)
        if value and flags & _TIMER_ABSTIME:
            value = max(1, value - self._shift.read(int(told["ClockID"])))
        key = (_POSIX, pid, number)
        left, every = self._left(key)
        if old:
            self._memory.write(notified.thread, old, timespec(every) + timespec(left))
        found = TimerSignal(self._machine, Owner.of(pid), number, told)
        self._signals[key] = found
        self._set(key, value, interval, found)
        return 0

    def _timer_getoverrun(self, pid: int, notified: Notification) -> int | None:
        found = self._signals.get((_POSIX, pid, notified.arguments[0] & 0xFFFFFFFF))
        return None if found is None else found.overrun()

    def _timer_gettime(self, pid: int, notified: Notification) -> int | None:
        key = (_POSIX, pid, notified.arguments[0] & 0xFFFFFFFF)
        if key not in self._timers:
            return None  # disarmed, or of a clock that is the kernel's
        left, every = self._left(key)
        self._memory.write(notified.thread, notified.arguments[1], timespec(every) + timespec(left))
        return 0

    def _timer_delete(self, pid: int, notified: Notification) -> None:
        key = (_POSIX, pid, notified.arguments[0] & 0xFFFFFFFF)
        self._drop(key)
        self._signals.pop(key, None)

    def _timerfd_settime(self, pid: int, notified: Notification) -> int | None:
        number, flags, new, old, *_ = notified.arguments
        number &= 0xFFFFFFFF
        try:
            with open(f"/proc/{pid}/fdinfo/{number}", "rb") as file:
                rows = file.read()
            clock = int(rows[rows.index(b"clockid:") + 8 :].split(None, 1)[0])
        except (OSError, ValueError):
            return None  # no timer; the kernel says so
        interval, value = self._itimerspec(notified.thread, new)
        if value and flags & _TIMER_ABSTIME:
            value = max(1, value - self._shift.read(clock))
        found = TimerDescriptor(self._machine, copy_descriptor(pid, number), self._members)
        before = self._same_timer(found)
        if old:
            left, every = self._left(before) if before else (0, 0)
            self._memory.write(notified.thread, old, timespec(every) + timespec(left))
        if before:
            self._drop(before)
        # Disarming takes back expirations that nobody has read.
        call = "timerfd_settime"
        syscalls.call(self._machine.calls[call], found.copy, 0, bytes(32), None, call=call)
        self._set((_DESCRIPTOR, pid, found.copy), value, interval, found)
        return 0

    def _timerfd_gettime(self, pid: int, notified: Notification) -> int | None:
        number = notified.arguments[0] & 0xFFFFFFFF
        copy = copy_descriptor(pid, number)
        try:
            key = self._same_timer(TimerDescriptor(self._machine, copy, self._members))
        finally:
            os.close(copy)
        if key is None:
            return None
        left, every = self._left(key)
        self._memory.write(notified.thread, notified.arguments[1], timespec(every) + timespec(left))
        return 0

    # -- parts -----------------------------------------------------------------------------

    def _same_timer(self, found: TimerDescriptor) -> _Key | None:
        """The armed timer a descriptor stands for, whoever has it by whatever number."""
        descriptors = (key for key in self._timers if key[0] == _DESCRIPTOR)
        return next((key for key in descriptors if found.is_same(key[2])), None)

    def _itimerspec(self, thread: int, place: int) -> tuple[int, int]:
        words = self._memory.unpack(thread, place, "=4q")
        return checked(words[0], words[1]), checked(words[2], words[3])

    def _left(self, key: _Key) -> tuple[int, int]:
        """Nanoseconds until a timer expires, and between expirations."""
        timer = self._timers.get(key)
        if timer is None:
            return 0, 0
        return max(1, timer.deadline - self._shift.now()), timer.interval

    def _set(self, key: _Key, value: int, interval: int, expiration: Expiration) -> None:
        self._drop(key)
        if not value:
            expiration.release()
            return
        if len(self._timers) >= self._prune_at:
            self.forget_unwanted()
        self._timers[key] = _Timer(self._shift.now() + value, interval, expiration)

    def _drop(self, key: _Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.expiration.release()


def _posix_timer(pid: int, number: int) -> dict[str, str] | None:
    """What /proc/PID/timers says of a timer."""
    with open(f"/proc/{pid}/timers", encoding="utf-8", errors="replace") as file:
        for block in ("\n" + file.read()).split("\nID: ")[1:]:
            first, *rows = block.split("\n")
            if int(first) == number:
                return dict(row.split(": ", 1) for row in rows if ": " in row)
    return None


def _timeval(moment: int) -> bytes:
    """Nanoseconds as struct timeval."""
    seconds, part = divmod(moment, SECOND)
    return struct.pack("=qq", seconds, part // _MICROSECOND)
