"""Times of files: what the kernel stamped is brought to the VM's clock before a program looks.

The kernel stamps a file with its own wall clock, which does not know of skipped time. When a
program is about to look at a file (stat and its kin are notified), a stamp that the kernel made
since the VM began is replaced by what the VM's clock showed at that moment; then the kernel carries
the call out. Times that a program sets itself are the VM's already and stay.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable

from .freezing import FIFREEZE
from .machine import Machine
from .places import AT_FDCWD, place_of
from .seccomp import Notification
from .shift import SECOND, Shift
from .tracee import Memory

# linux/fcntl.h
_AT_SYMLINK_NOFOLLOW = 0x100

# linux/stat.h
_UTIME_NOW = (1 << 30) - 1
_UTIME_OMIT = (1 << 30) - 2

_SETTING = frozenset({"futimesat", "utime", "utimensat", "utimes"})

_KNOWN_LIMIT = 200_000
"""Files whose right time is remembered; past it, those remembered longest are forgotten."""


IsOurs = Callable[[os.stat_result, str], bool]


class FileTimes:
    """Corrects the times of the VM's own files.

    Args:
        machine: what this runs on.
        shift: the VM's clock.
        is_ours: whether a file is the VM's own, by its status and path; others are left alone.
    """

    def __init__(self, machine: Machine, shift: Shift, is_ours: IsOurs) -> None:
        self._machine = machine
        self._shift = shift
        self._is_ours = is_ours
        self._memory = Memory()
        self._right: dict[tuple[int, int], int] = {}
        self._kernels = {
            os.stat(place).st_dev
            for place in ("/proc", "/sys", "/dev/pts")
            if os.path.exists(place)
        }
        self._frozen: set[int] = set()
        self.seen_wrong = ""
        """A file a program looked at whose time could not be brought to the VM's clock."""

    def before(self, notified: Notification, is_waiting: Callable[[Notification], bool]) -> None:
        """Correct the file a program is about to look at, or take note of the time it sets.

        Args:
            notified: the call.
            is_waiting: whether the thread is still the one that made it.

        Raises:
            OSError: the file cannot be looked at: the kernel will say so to the program.
        """
        name = self._machine.names[notified.call]
        arguments = notified.arguments
        if name == "ioctl":
            self._freezes(f"/proc/{notified.thread}/fd/{arguments[0]}", arguments[1])
            return
        follow = True
        match name:
            case "fstat":
                place = place_of(self._memory, notified.thread, arguments[0], 0)
            case "stat" | "lstat" | "utime" | "utimes":
                place = place_of(self._memory, notified.thread, AT_FDCWD, arguments[0])
                follow = name != "lstat"
            case _:
                place = place_of(self._memory, notified.thread, arguments[0], arguments[1])
                flags = {"newfstatat": 3, "statx": 2, "utimensat": 3}.get(name)
                follow = flags is None or not arguments[flags] & _AT_SYMLINK_NOFOLLOW
        if name in _SETTING:
            given = self._given(name, notified)
            status = os.stat(place, follow_symlinks=follow)
            if is_waiting(notified):
                self._remember(status, given)
        else:
            self.correct(place, follow=follow)

    def see_to(self, place: str, *, is_right: bool) -> None:
        """Bring a file's time to the VM's clock, or take note that it is right.

        Args:
            place: path of the file.
            is_right: whether the agent itself has set the time to what it was before.

        Raises:
            OSError: there is no such file.
        """
        if is_right:
            status = os.lstat(place)
            self._remember(status, status.st_mtime_ns)
        else:
            self.correct(place, follow=False)

    def correct(self, place: str, *, follow: bool) -> None:
        """Bring a file's time of modification to the VM's clock.

        Raises:
            OSError: there is no such file.
        """
        status = os.stat(place, follow_symlinks=follow)
        stamp = status.st_mtime_ns
        if not self._shift.began <= stamp <= time.time_ns():
            return
        if self._right.get((status.st_dev, status.st_ino)) == stamp:
            return
        right = stamp + self._shift.wall_at(stamp)
        if right == stamp or status.st_dev in self._kernels:
            return
        with contextlib.suppress(OSError):
            if status.st_dev not in self._frozen and self._is_ours(status, place):
                os.utime(place, ns=(status.st_atime_ns, right), follow_symlinks=follow)
                self._remember(status, right)
                return
        if _is_file(status) and abs(right - stamp) >= SECOND:
            self.seen_wrong = os.readlink(place) if place.startswith("/proc/") else place

    def _freezes(self, place: str, request: int) -> None:
        """A program freezes a file system, or thaws it: who writes there meanwhile hangs."""
        device = os.stat(place).st_dev
        if request & 0xFFFFFFFF == FIFREEZE:
            self._frozen.add(device)
        else:
            self._frozen.discard(device)

    def _remember(self, status: os.stat_result, right: int | None) -> None:
        key = (status.st_dev, status.st_ino)
        self._right.pop(key, None)
        if right is not None and right >= self._shift.began:
            self._right[key] = right
            if len(self._right) > _KNOWN_LIMIT:
                del self._right[next(iter(self._right))]

    def _given(self, name: str, notified: Notification) -> int | None:
        """The modification time a program sets; None where it is the kernel's own "now"."""
        place = notified.arguments[1 if name in ("utime", "utimes") else 2]
        if not place:
            return None
        if name == "utime":
            return int(self._memory.unpack(notified.thread, place, "=qq")[1]) * SECOND
        words = self._memory.unpack(notified.thread, place, "=4q")
        if name == "utimensat":
            if words[3] in (_UTIME_NOW, _UTIME_OMIT):
                return None
            return int(words[2]) * SECOND + int(words[3])
        return int(words[2]) * SECOND + int(words[3]) * 1000


def _is_file(status: os.stat_result) -> bool:
    """Whether anybody would ask for its age: no pipe, and nothing that was removed."""
    return status.st_nlink > 0 and (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode))


def of_nobody(_: os.stat_result, __: str) -> bool:
    """Where the VM shares its files with the machine, none are corrected."""
    return False
