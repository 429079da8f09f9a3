"""What happens when a program's timer expires: a signal, or a descriptor that becomes readable."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .. import syscalls
from .machine import Machine

_SI_TIMER = -2  # asm-generic/siginfo.h
_SIGINFO_SIZE = 128
_TFD_IOC_SET_TICKS = 0x40085400  # linux/timerfd.h
_KCMP_FILE = 0  # linux/kcmp.h
_INT_MAX = (1 << 31) - 1
_START_TIME = 19  # proc(5): field 22 of /proc/PID/stat, counted behind the name


class Expiration(Protocol):
    """What a timer does."""

    def give(self, count: int) -> None:
        """Let it happen.

        Args:
            count: how often the timer has expired since the last time.
        """
        ...

    def is_wanted(self) -> bool:
        """Whether anybody is left to have it."""
        ...

    def release(self) -> None:
        """Let go what is held for it."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its number may be somebody else's later, number and start time may not.

    Args:
        pid: its number.
        started: ticks since the machine's boot.
    """

    pid: int
    started: bytes

    @classmethod
    def of(cls, pid: int) -> Owner:
        """The process that has a number now.

        Raises:
            OSError: there is none.
        """
        return cls(pid, _start_time(pid))

    def is_alive(self) -> bool:
        """Whether it is still there."""
        try:
            return _start_time(self.pid) == self.started
        except OSError:
            return False


def _start_time(pid: int) -> bytes:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[_START_TIME]


@dataclass(frozen=True, slots=True)
class Alarm:
    """SIGALRM, as alarm(2) and setitimer(2) give it: once, however often it was due.

    Args:
        owner: who gets it.
    """

    owner: Owner

    def give(self, count: int) -> None:  # noqa: ARG002  # a pending signal is not given again
        """Send it."""
        if self.is_wanted():
            with contextlib.suppress(OSError):
                os.kill(self.owner.pid, signal.SIGALRM)

    def is_wanted(self) -> bool:
        """Whether the process is alive."""
        return self.owner.is_alive()

    def release(self) -> None:
        """Nothing is held."""


class TimerSignal:
    """The signal of a POSIX timer: one at a time; what expires meanwhile is counted.

    Args:
        machine: what this runs on.
        owner: who gets it.
        number: the timer's.
        told: what /proc/PID/timers says of the timer.
    """

    def __init__(self, machine: Machine, owner: Owner, number: int, told: dict[str, str]) -> None:
        self._machine = machine
        self._owner = owner
        self._number = number
        signo, value = told["signal"].split("/")
        self._how, target = told["notify"].split(".")
        self._signo = int(signo)
        self._value = int(value, 16)
        self._thread = int(target) if self._how.endswith("tid") else 0
        self._overrun = 0

    def give(self, count: int) -> None:
        """Send the signal, unless the last one has not been taken yet."""
        if self._how == "none" or not self.is_wanted():
            return
        if self._is_pending():
            self._overrun = min(self._overrun + count, _INT_MAX)
            return
        self._overrun = min(count - 1, _INT_MAX)
        # siginfo_t: si_signo, si_errno, si_code, padding, si_timerid, si_overrun, si_value
        numbers = (self._signo, 0, _SI_TIMER, 0, self._number, self._overrun, self._value)
        information = struct.pack("=iiiiiiQ", *numbers).ljust(_SIGINFO_SIZE, b"\0")
        name = "rt_tgsigqueueinfo" if self._thread else "rt_sigqueueinfo"
        whom = (self._owner.pid, self._thread) if self._thread else (self._owner.pid,)
        with contextlib.suppress(OSError):
            number = self._machine.calls[name]
            syscalls.call(number, *whom, self._signo, information, call=name)

    def is_wanted(self) -> bool:
        """Whether the process is alive."""
        return self._owner.is_alive()

    def release(self) -> None:
        """Nothing is held."""

    def overrun(self) -> int:
        """How often it expired besides, until the last signal was taken."""
        return self._overrun

    def _is_pending(self) -> bool:
        field = b"SigPnd:" if self._thread else b"ShdPnd:"
        with (
            contextlib.suppress(OSError),
            open(f"/proc/{self._thread or self._owner.pid}/status", "rb") as file,
        ):
            for line in file:
                if line.startswith(field):
                    return bool(int(line.split()[1], 16) >> (self._signo - 1) & 1)
        return False


class TimerDescriptor:
    """A timer's descriptor: the number of expirations can be read from it.

    Args:
        machine: what this runs on.
        copy: a copy of the descriptor; owned by this object.
        members: lists the processes of the VM.
    """

    def __init__(self, machine: Machine, copy: int, members: Callable[[], list[int]]) -> None:
        self._machine = machine
        self.copy = copy
        self._members = members

    def give(self, count: int) -> None:
        """Add expirations to those nobody has read yet."""
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/self/fdinfo/{self.copy}", "rb") as file:
                rows = file.read()
            ticks = int(rows[rows.index(b"ticks:") + 6 :].split(None, 1)[0])
            fcntl.ioctl(self.copy, _TFD_IOC_SET_TICKS, struct.pack("=Q", ticks + count))

    def is_wanted(self) -> bool:
        """Whether any program still has the descriptor: nobody says when it is closed."""
        for pid in self._members():
            with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
                for entry in entries:
                    if os.readlink(entry.path) == "anon_inode:[timerfd]" and self.is_same(
                        int(entry.name), pid
                    ):
                        return True
        return False

    def is_same(self, number: int, pid: int = 0) -> bool:
        """Whether a descriptor of a process, or of ours, is the same timer: kcmp(2)."""
        own = os.getpid()
        try:
            return not syscalls.call(
                self._machine.calls["kcmp"],
                own,
                pid or own,
                _KCMP_FILE,
                self.copy,
                number,
                call="kcmp",
            )
        except OSError:
            return False

    def release(self) -> None:
        """Close the copy."""
        os.close(self.copy)
