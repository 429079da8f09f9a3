"""The VM's processes as its agent sees them: listing, killing, pausing, naming.

The agent is the ancestor of every process of the VM. In a PID namespace it is their PID 1; in
the in-place guest it is their subreaper.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

ENDED = ("", "Z", "X")
"""State letters (proc(5)) of a process that is gone, or only waits to be reaped."""

_KILL_ROUNDS = 2000
"""Each round kills all there is and waits for a death; a crowd needs as many as it has members."""

_LOOKED_AT = 32
_NAMED = 8
"""Processes looked at, and commands named, to say what a script waits for."""


class Household(Protocol):
    """The processes of one VM, the agent not counted."""

    def members(self) -> list[int]:
        """Every process, ended ones that nobody reaped included."""
        ...

    def living(self) -> list[int]:
        """Every process that has not ended."""
        ...

    def empty(self) -> bool:
        """Whether nobody is left, ended ones that nobody reaped included."""
        ...

    def kill(self) -> None:
        """Kill every process there is now."""
        ...


class Namespace:
    """All of a PID namespace, seen by its PID 1."""

    def members(self) -> list[int]:
        """Every process of the namespace but its PID 1."""
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]

    def living(self) -> list[int]:
        """The same without those that have ended."""
        if self.empty():  # the usual case, told by one call
            return []
        return [pid for pid in self.members() if not is_zombie(pid)]

    def empty(self) -> bool:
        """Whether nobody is left."""
        try:
            os.kill(-1, 0)
        except ProcessLookupError:
            return True
        return False

    def kill(self) -> None:
        """Kill every process but this one, in one call: none can fork away from it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)


class Descendants:
    """All below this process, which is their subreaper."""

    def members(self) -> list[int]:
        """Every process below this one."""
        return descendants([os.getpid()])

    def living(self) -> list[int]:
        """The same without those that have ended."""
        return [pid for pid in self.members() if not is_zombie(pid)]

    def empty(self) -> bool:
        """Whether nobody is left that has not ended."""
        return not self.living()

    def kill(self) -> None:
        """Kill them one by one; what they fork meanwhile is left for the next time."""
        kill_each(self.living())


def kill_each(pids: Iterable[int]) -> None:
    """Kill processes; those that have ended are passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(ancestors: Iterable[int]) -> list[int]:
    """Every process below the given ones."""
    found: list[int] = []
    pending = list(ancestors)
    while pending:
        children = _children(pending.pop())
        found += children
        pending += children
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in threads_of(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
            found += [int(word) for word in file.read().split()]
    return found


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits to be reaped (or is gone altogether)."""
    return state_of(pid, pid) in ENDED


class Mounts:
    """What is mounted in this mount namespace, watched for changes."""

    def __init__(self) -> None:
        self._table: int | None = None
        self._poller = select.poll()
        with contextlib.suppress(OSError):  # no /proc: nothing is seen, as before
            self._table = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
            self._poller.register(self._table, select.POLLPRI)
        self._first = self._read()
        self._added: list[str] = []
        self.expected: set[str] = set()
        """Where the agent itself mounts something for a while, which hides nothing."""
        self.volumes: set[str] = set()
        """Where volumes are mounted, which are copied."""

    def added(self) -> list[str]:
        """Where something is mounted that was not there in the beginning, sorted."""
        if self._poller.poll(0):  # the kernel says so when the table has changed (proc(5))
            self._added = sorted(self._read() - self._first - self.expected - self.volumes)
        return self._added

    def _read(self) -> frozenset[str]:
        if self._table is None:
            return frozenset()
        os.lseek(self._table, 0, os.SEEK_SET)
        rows = b""
        while data := os.read(self._table, 65536):
            rows += data
        return frozenset(os.fsdecode(row.split(b" ", 5)[4]) for row in rows.splitlines())


def command_line(pid: int) -> str:
    """What a process runs, as words; its short name where it has no arguments."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(4096).rstrip(b"\0").split(b"\0")
        if words != [b""]:
            return b" ".join(words).decode("utf-8", "backslashreplace")
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read().strip().decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def waiting_in(root: int) -> list[str]:
    """The commands everybody waits for: those without children, from a process down.

    Only so many are looked at: this is done between a deadline and the kill.
    """
    found: list[str] = []
    pending = [root]
    for _ in range(_LOOKED_AT):
        if not pending or len(found) == _NAMED:
            break
        pid = pending.pop(0)
        children = _children(pid)
        pending += children
        if not children and not is_zombie(pid):
            found.append(command_line(pid))
    return found


def kill_all_but(spared: Collection[int], household: Household, reap: Callable[[], None]) -> int:
    """Kill every process of the VM that is not spared and does not descend from one that is.

    Args:
        spared: processes that were there before and live on.
        household: the VM's processes.
        reap: waits (with a bound) until one ends and collects those that did.

    Returns:
        How many processes were killed.
    """
    if not spared:
        count = len(household.living())
        for _ in range(_KILL_ROUNDS):
            household.kill()
            if household.empty():
                break
            reap()
        return count
    killed: set[int] = set()
    for _ in range(_KILL_ROUNDS):
        keep = {*spared, *descendants(spared)}
        doomed = [pid for pid in household.living() if pid not in keep]
        if not doomed:
            break
        kill_each(doomed)
        killed.update(doomed)
        reap()
    return len(killed)


def threads_of(pid: int) -> list[int]:
    """The threads of a process."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def state_of(pid: int, thread: int) -> str:
    """The state letter of a thread; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:
            return chr(file.read().rpartition(b")")[2].split()[0][0])
    except (OSError, IndexError):
        return ""
