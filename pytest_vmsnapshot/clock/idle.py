"""Proving that every process of the VM is asleep, so that nobody is left to wake another.

The state letter of proc(5) is no proof: a thread is marked asleep before it leaves its processor.
``/proc/TID/syscall`` says ``running`` unless it really has. Two looks at all threads that find the
same counters of context switches show that all were asleep throughout, at one instant together.
The processes are listed for each look anew, because one may be forked, after it was listed, by a
parent that sleeps when it is looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from .shift import SECOND, kernel_stamp

_STATUS_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A thread that sleeps.

    Args:
        pid: its process.
        thread: itself.
        call: number of the system call it sleeps in.
        arguments: that call's arguments.
        switches: lines of its counters of context switches.
        stopped: by a signal; it sleeps until another goes on with it.
    """

    pid: int
    thread: int
    call: int
    arguments: tuple[int, ...]
    switches: bytes
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What was found.

    Args:
        sleepers: all threads, if all sleep; None if one runs.
        unseen: a process nobody can see into, or that is traced, with the reason; or nothing.
        pids: processes under the clock.
        real: processes on the machine's clock.
    """

    sleepers: tuple[Sleeper, ...] | None
    unseen: tuple[int, str] | None = None
    pids: frozenset[int] = frozenset()
    real: frozenset[int] = frozenset()


_TICK = int(time.clock_getres(5) * SECOND)  # linux/time.h: CLOCK_REALTIME_COARSE
_SHORTEST = SECOND // 4000
"""Nanoseconds between two looks."""


@dataclass(frozen=True, slots=True)
class Asleep:
    """When all were first seen to sleep. Who looks the same later has slept throughout.

    Args:
        look: what was seen.
        since: the kernel's monotonic clock, in nanoseconds.
        stamp: the kernel's wall clock: since Linux 6.13 files can be stamped as finely as that.
    """

    look: Look
    since: int = field(default_factory=time.monotonic_ns)
    stamp: int = field(default_factory=time.time_ns)

    def is_settled(self, settle: int) -> bool:
        """Whether a jump is sound.

        For waits that a worker of the kernel ends it takes a while; and what was written before
        the jump must not have the same time as what is written after it.

        Args:
            settle: nanoseconds that must have passed.
        """
        return time.monotonic_ns() - self.since >= settle and kernel_stamp() >= self.stamp

    def until_next_tick(self) -> int:
        """Nanoseconds until the kernel stamps files with another time."""
        return max(self.stamp + _TICK - time.time_ns(), _SHORTEST)


def own_filters() -> bytes:
    """How many filters this process is under (one less than those it puts under the clock).

    Returns:
        A number; empty where the kernel does not say (it does since Linux 5.10).
    """
    with open("/proc/self/status", "rb") as file:
        return _field(file.read(), b"Seccomp_filters:")


class Observer:
    """Looks at threads; those of programs on the machine's clock are told by their filters."""

    def __init__(self) -> None:
        self._own_filters = own_filters()
        self._own = str(os.getpid()).encode("ascii")

    def look(self, members: Iterable[int]) -> Look:
        """Look once.

        Args:
            members: the processes of the VM.
        """
        sleepers: list[Sleeper] = []
        pids: set[int] = set()
        real: set[int] = set()
        for pid in members:
            try:
                threads = os.listdir(f"/proc/{pid}/task")
            except OSError:
                return Look(None)
            for thread in threads:
                base = f"/proc/{pid}/task/{thread}/"
                text = _read(base + "status")
                if text is None:
                    return Look(None)
                state = _field(text, b"State:")[:1]
                if state in b"ZX":
                    continue
                if _field(text, b"Seccomp_filters:") == self._own_filters:
                    real.add(pid)
                    break
                pids.add(pid)
                if state == b"t" or _field(text, b"TracerPid:") not in (b"0", self._own):
                    return Look(None, unseen=(pid, "is traced by another program"))
                if state not in b"ST":
                    return Look(None)
                where = _read(base + "syscall")
                if where is None:
                    if os.path.exists(base):
                        return Look(None, unseen=(pid, "cannot be looked into"))
                    return Look(None)
                words = where.split()
                if not words or words[0] == b"running":
                    return Look(None)
                sleepers.append(
                    Sleeper(
                        pid,
                        int(thread),
                        int(words[0]),
                        tuple(int(word, 16) for word in words[1:7]),
                        text[text.rindex(b"\nvoluntary_ctxt") :],
                        stopped=state == b"T",
                    )
                )
        return Look(tuple(sleepers), pids=frozenset(pids), real=frozenset(real))


def _field(text: bytes, name: bytes) -> bytes:
    """A field of /proc/PID/status; empty where the kernel does not have it."""
    place = text.find(b"\n" + name)
    if place < 0:
        return b""
    return text[place + 1 + len(name) :].split(b"\n", 1)[0].strip()


def _read(path: str) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, _STATUS_SIZE)
    except OSError:
        return None
    finally:
        os.close(fd)
