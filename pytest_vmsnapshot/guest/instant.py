"""The moment of a recovery point, as far as it matters for the next one."""

from __future__ import annotations

import enum
import errno
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..clock.shift import kernel_stamp

_TICK = 20_000_000
"""Nanoseconds: two ticks of a kernel with the coarsest clock (CONFIG_HZ=100)."""

_MAPPED = re.compile(rb" [r-][w-][x-]s [0-9a-f]+ \S+ (\d+) +(/.*)")
"""A shared mapping of a file in /proc/PID/maps (proc(5)): inode and path."""


class Reads(enum.IntEnum):
    """Which reads show in a file's time of access."""

    NONE = 0
    FIRST = 1
    EACH = 2


@dataclass(frozen=True, slots=True)
class Instant:
    """What of the moment of a recovery point matters for the next one.

    Args:
        reads: which reads show on every mount.
        recent: files touched later than this, in nanoseconds, may be touched again in that tick.
        inodes: of files that programs have mapped.
        names: theirs.
        unseen: whether the files of some program could not be looked at.
    """

    reads: Reads
    recent: int
    inodes: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    unseen: bool = False

    @staticmethod
    def now() -> Instant:
        """This moment, in which every process of the VM is paused."""
        recent = min(time.time_ns() - _TICK, kernel_stamp())  # a busy machine misses ticks
        inodes: set[int] = set()
        names: set[str] = set()
        try:
            for inode, path in _mapped():
                inodes.add(inode)
                names.add(os.path.basename(path))
            reads = _reads()
        except OSError:
            return Instant(Reads.NONE, recent, unseen=True)
        return Instant(reads, recent, frozenset(inodes), frozenset(names))


def _mapped() -> Iterator[tuple[int, str]]:
    """Every file that a process has mapped so that others see what it writes.

    Raises:
        OSError: a process cannot be looked at.
    """
    own = str(os.getpid())
    pids = os.listdir("/proc")
    if own not in pids:
        raise OSError(errno.ENOENT, "no processes are seen: something lies over /proc")
    for pid in pids:
        if pid.isdigit() and pid != own:
            for inode, path in _MAPPED.findall(_maps(pid)):
                yield int(inode), os.fsdecode(path.removesuffix(b" (deleted)"))
                yield int(inode), os.fsdecode(path).replace("\\012", "\n")


def _maps(pid: str) -> bytes:
    """The mappings of a process, which it has even if its first thread has ended."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        for thread in threads:
            with open(f"/proc/{pid}/task/{thread}/maps", "rb") as file:
                if text := file.read():
                    return text
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        pass
    return b""


def _reads() -> Reads:
    """Which reads show on every mount of this mount namespace that may hold files of the VM.

    Raises:
        OSError: the table of mounts cannot be read.
    """
    found = Reads.EACH
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            mount, _, source = line.partition(" - ")
            options = mount.split(" ", 6)[5].split(",")
            if source.split(" ", 1)[0] not in ("overlay", "tmpfs") or "ro" in options:
                continue
            if "noatime" in options:
                return Reads.NONE
            if "relatime" in options:
                found = Reads.FIRST
    return found
