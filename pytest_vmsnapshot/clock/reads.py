"""Clock reads that do make a system call: answered with the VM's time."""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections.abc import Callable

from .machine import Machine
from .seccomp import Notification
from .shift import SECOND, Shift
from .tracee import Memory, process_of
from .waits import timespec

_BOOTTIME = 7  # linux/time.h
_REALTIME = 0
_SYSINFO_SIZE = 112  # linux/sysinfo.h, on 64 bits; its first word is the uptime

_libc = ctypes.CDLL(None, use_errno=True)


class Reads:
    """Answers clock reads.

    Args:
        machine: what this runs on.
        shift: the VM's clock.
    """

    def __init__(self, machine: Machine, shift: Shift) -> None:
        self._machine = machine
        self._shift = shift
        self._memory = Memory()

    def answer(
        self, notified: Notification, is_waiting: Callable[[Notification], bool]
    ) -> int | None:
        """What a clock read returns.

        Args:
            notified: the call.
            is_waiting: whether the thread is still the one that made it.

        Raises:
            OSError: the result cannot be written where the program wants it.
        """
        name = self._machine.names[notified.call]
        handler: Callable[[Notification], tuple[int, int, bytes] | None]
        handler = getattr(self, "_" + name)
        found = handler(notified)
        if found is None or not is_waiting(notified):
            return None
        value, place, content = found
        if place:
            self._memory.write(notified.thread, place, content)
        return value

    def _clock_gettime(self, notified: Notification) -> tuple[int, int, bytes]:
        clock, place, *_ = notified.arguments
        return 0, place, timespec(self._shift.read(clock & 0xFF))

    def _gettimeofday(self, notified: Notification) -> tuple[int, int, bytes]:
        seconds, part = divmod(self._shift.read(_REALTIME), SECOND)
        return 0, notified.arguments[0], struct.pack("=qq", seconds, part // 1000)

    def _time(self, notified: Notification) -> tuple[int, int, bytes]:
        seconds = self._shift.read(_REALTIME) // SECOND
        return seconds, notified.arguments[0], struct.pack("=q", seconds)

    def _sysinfo(self, notified: Notification) -> tuple[int, int, bytes] | None:
        buffer = ctypes.create_string_buffer(_SYSINFO_SIZE)
        if _libc.sysinfo(buffer):
            return None
        uptime = self._shift.read(_BOOTTIME) // SECOND
        return 0, notified.arguments[0], struct.pack("=q", uptime) + buffer.raw[8:]

    def _times(self, notified: Notification) -> tuple[int, int, bytes]:
        """Ticks since the boot; processor time as /proc/PID/stat has it."""
        with open(f"/proc/{process_of(notified.thread)}/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
        ticks = [int(word) for word in words[11:15]]  # utime, stime, cutime, cstime (proc(5))
        per_second = os.sysconf("SC_CLK_TCK")
        now = self._shift.read(_BOOTTIME) * per_second // SECOND
        return now, notified.arguments[0], struct.pack("=4q", *ticks)


class Uptime:
    """The file that lies over /proc/uptime.

    It is written anew at each jump and each start of a program, so it is never older than the
    program that reads it.

    Args:
        fd: the file, open for writing; owned by this object. None where there is no such file.
        shift: the VM's clock.
    """

    def __init__(self, fd: int | None, shift: Shift) -> None:
        self._fd = fd
        self._shift = shift
        self._idle = time.clock_gettime_ns(_BOOTTIME)
        self.write()  # it has its room from now on, also when the VM's disk is full

    def write(self) -> None:
        """Bring it up to date."""
        if self._fd is not None:
            now = self._shift.read(_BOOTTIME) / SECOND
            os.pwrite(self._fd, f"{now:.2f} {self._idle / SECOND:.2f}\n".encode("ascii"), 0)
