"""Timers that programs set: alarm, interval timers, POSIX timers, timer descriptors.

The kernel's own timer stays disarmed. When the VM's clock reaches the moment, the signal (or, for a
descriptor, the expiration) is given by the harness, with the same siginfo a timer gives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from .. import syscalls
from .machine import Machine
from .seccomp import SHIFTED_CLOCKS, Notification
from .shift import SECOND, Shift
from .tracee import Memory, PidFd, process_of
from .waits import timespec

_TIMER_ABSTIME = 1  # linux/time.h, sys/timerfd.h
_SI_TIMER = -2  # asm-generic/siginfo.h
_TFD_IOC_SET_TICKS = 0x40085400  # linux/timerfd.h
_KCMP_FILE = 0  # linux/kcmp.h
_MICROSECOND = 1000

_Key = tuple[str, int, int]
"""Kind, process and number."""

_REAL, _POSIX, _DESCRIPTOR = "real", "posix", "descriptor"


@dataclass(frozen=True, slots=True)
class _Timer:
    """An armed timer.

    Args:
        deadline: nanoseconds of the VM's monotonic clock.
        interval: nanoseconds between expirations, 0 for one only.
        fire: gives one expiration; says whether anybody is left to have it.
        release: lets go what it holds.
    """

    deadline: int
    interval: int
    fire: Callable[[], bool]
    release: Callable[[], None]


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
        self._memory = Memory(machine)
        self._timers: dict[_Key, _Timer] = {}
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
            alive = timer.fire()
            if alive and timer.interval:
                missed = (now - timer.deadline) // timer.interval
                deadline = timer.deadline + (missed + 1) * timer.interval
                self._timers[key] = replace(timer, deadline=deadline)
            else:
                timer.release()
        return bool(due)

    def forget_ended(self) -> None:
        """Drop timers whose process has ended."""
        for key in [key for key in self._timers if not os.path.exists(f"/proc/{key[1]}")]:
            if key[0] != _DESCRIPTOR:
                self._timers.pop(key).release()

    def started(self, pid: int) -> None:
        """A program was executed: its POSIX timers are gone, its alarm stays."""
        for key in [key for key in self._timers if key[:2] == (_POSIX, pid)]:
            self._timers.pop(key).release()

    def close(self) -> None:
        """Let go all."""
        while self._timers:
            self._timers.popitem()[1].release()

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
        left, _ = self._left((_REAL, pid, 0))
        self._arm_alarm(pid, seconds * SECOND, 0)
        return -(-left // SECOND)

    def _setitimer(self, pid: int, notified: Notification) -> int:
        _, new, old, *_ = notified.arguments
        interval = value = 0
        if new:
            words = self._memory.unpack(notified.thread, new, "=4q")
            interval, value = (int(words[i] * SECOND + words[i + 1] * _MICROSECOND) for i in (0, 2))
        left, every = self._left((_REAL, pid, 0))
        if old:
            self._memory.write(notified.thread, old, _timeval(every) + _timeval(left))
        self._arm_alarm(pid, value, interval)
        return 0

    def _getitimer(self, pid: int, notified: Notification) -> int:
        left, every = self._left((_REAL, pid, 0))
        self._memory.write(notified.thread, notified.arguments[1], _timeval(every) + _timeval(left))
        return 0

    def _arm_alarm(self, pid: int, value: int, interval: int) -> None:
        process = PidFd(self._machine, pid)
        alarm = signal.SIGALRM
        self._set((_REAL, pid, 0), value, interval, lambda: _signal(process, alarm), process.close)

    def _timer_settime(self, pid: int, notified: Notification) -> int | None:
        number, flags, new, old, *_ = notified.arguments
        number &= 0xFFFFFFFF
        found = _posix_timer(pid, number)
        if found is None or found["ClockID"] not in map(str, SHIFTED_CLOCKS):
            return None
        clock = int(found["ClockID"])
        interval, value = self._itimerspec(notified.thread, new)
        if value and flags & _TIMER_ABSTIME:
            value = max(1, value - self._shift.read(clock))
        key = (_POSIX, pid, number)
        left, every = self._left(key)
        if old:
            self._memory.write(notified.thread, old, timespec(every) + timespec(left))
        process = PidFd(self._machine, pid)
        self._set(key, value, interval, self._notifier(process, pid, found, number), process.close)
        return 0

    def _notifier(
        self, process: PidFd, pid: int, found: dict[str, str], number: int
    ) -> Callable[[], bool]:
        """What a POSIX timer does when it expires, as /proc/PID/timers tells it."""
        text, value = found["signal"].split("/")
        how, target = found["notify"].split(".")
        signo = int(text)
        # siginfo_t: si_signo, si_errno, si_code, padding, timer id, overrun, si_value
        information = struct.pack("=iiiiiiQ", signo, 0, _SI_TIMER, 0, number, 0, int(value, 16))
        information = information.ljust(128, b"\0")
        if how == "none":
            return lambda: os.path.exists(f"/proc/{pid}")
        if how.endswith("tid"):
            thread = int(target)
            queue = self._machine.calls["rt_tgsigqueueinfo"]

            def to_thread() -> bool:
                with contextlib.suppress(OSError):
                    syscalls.call(queue, pid, thread, signo, information, call="rt_tgsigqueueinfo")
                    return True
                return False

            return to_thread
        return lambda: _signal(process, signo, information)

    def _timer_gettime(self, pid: int, notified: Notification) -> int | None:
        key = (_POSIX, pid, notified.arguments[0] & 0xFFFFFFFF)
        if key not in self._timers:
            return None  # disarmed, or of a clock that is the kernel's
        left, every = self._left(key)
        self._memory.write(notified.thread, notified.arguments[1], timespec(every) + timespec(left))
        return 0

    def _timer_delete(self, pid: int, notified: Notification) -> None:
        timer = self._timers.pop((_POSIX, pid, notified.arguments[0] & 0xFFFFFFFF), None)
        if timer is not None:
            timer.release()

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
        copy = self._copy(pid, number)
        before = self._same_timer(copy)
        if old:
            left, every = self._left(before) if before else (0, 0)
            self._memory.write(notified.thread, old, timespec(every) + timespec(left))
        if before:
            self._timers.pop(before).release()
        # Disarming takes back expirations that nobody has read.
        syscalls.call(
            self._machine.calls["timerfd_settime"], copy, 0, bytes(32), None, call="timerfd_settime"
        )
        self._set(
            (_DESCRIPTOR, pid, copy),
            value,
            interval,
            lambda: _add_expiration(copy) and (not interval or self._is_held(copy)),
            lambda: os.close(copy),
        )
        return 0

    def _timerfd_gettime(self, pid: int, notified: Notification) -> int | None:
        try:
            copy = self._copy(pid, notified.arguments[0] & 0xFFFFFFFF)
        except OSError:
            return None
        try:
            key = self._same_timer(copy)
        finally:
            os.close(copy)
        if key is None:
            return None
        left, every = self._left(key)
        self._memory.write(notified.thread, notified.arguments[1], timespec(every) + timespec(left))
        return 0

    # -- parts -----------------------------------------------------------------------------

    def _copy(self, pid: int, number: int) -> int:
        process = PidFd(self._machine, pid)
        try:
            return process.copy_descriptor(number)
        finally:
            process.close()

    def _same_timer(self, copy: int) -> _Key | None:
        """The armed timer a descriptor stands for, whoever has it by whatever number."""
        own = os.getpid()
        for key in self._timers:
            if key[0] == _DESCRIPTOR and self._is_same_file(own, key[2], copy):
                return key
        return None

    def _is_same_file(self, pid: int, number: int, copy: int) -> bool:
        """Whether a descriptor of a process and one of ours are the same open file."""
        kcmp = self._machine.calls["kcmp"]
        try:
            return not syscalls.call(kcmp, os.getpid(), pid, _KCMP_FILE, copy, number, call="kcmp")
        except OSError:
            return False

    def _is_held(self, copy: int) -> bool:
        """Whether any program still has a timer's descriptor: nobody says when it is closed."""
        for pid in self._members():
            with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
                for entry in entries:
                    if os.readlink(entry.path) == "anon_inode:[timerfd]" and self._is_same_file(
                        pid, int(entry.name), copy
                    ):
                        return True
        return False

    def _itimerspec(self, thread: int, place: int) -> tuple[int, int]:
        words = self._memory.unpack(thread, place, "=4q")
        return int(words[0] * SECOND + words[1]), int(words[2] * SECOND + words[3])

    def _left(self, key: _Key) -> tuple[int, int]:
        """Nanoseconds until a timer expires, and between expirations."""
        timer = self._timers.get(key)
        if timer is None:
            return 0, 0
        return max(1, timer.deadline - self._shift.now()), timer.interval

    def _set(
        self,
        key: _Key,
        value: int,
        interval: int,
        fire: Callable[[], bool],
        release: Callable[[], None],
    ) -> None:
        before = self._timers.pop(key, None)
        if before is not None:
            before.release()
        if not value:
            release()
            return
        self._timers[key] = _Timer(self._shift.now() + value, interval, fire, release)


def _signal(process: PidFd, number: int, information: bytes | None = None) -> bool:
    """Send a timer's signal; says whether the process is alive."""
    process.queue(number, information)
    return not select.select([process.fd], [], [], 0)[0]


def _add_expiration(copy: int) -> bool:
    """Add one expiration to a timer's descriptor; says whether that was possible."""
    with contextlib.suppress(OSError, ValueError):
        with open(f"/proc/self/fdinfo/{copy}", "rb") as file:
            rows = file.read()
        ticks = int(rows[rows.index(b"ticks:") + 6 :].split(None, 1)[0])
        fcntl.ioctl(copy, _TFD_IOC_SET_TICKS, struct.pack("=Q", ticks + 1))
        return True
    return False


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
