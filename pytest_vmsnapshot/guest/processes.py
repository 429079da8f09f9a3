"""The VM's processes as its agent sees them: listing, killing, pausing, naming.

The agent is the ancestor of every process of the VM. In a PID namespace it is their PID 1; in
the in-place guest it is their subreaper.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import select
import signal
import time
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from .. import syscalls

_VFORK_LOOK_SECONDS = 0.002
"""A parent waiting in vfork sends no event when its child is held, so look at it now and then."""

_ENDED = ("", "Z", "X")
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
    for thread in _threads(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
            found += [int(word) for word in file.read().split()]
    return found


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits to be reaped (or is gone altogether)."""
    return _state(pid, pid) in _ENDED


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


class Pause:
    """Every process of the VM, stopped at one instant and invisibly to itself.

    Each thread is seized and interrupted by ptrace; children it forks meanwhile are seized with
    it. Unlike SIGSTOP, nobody's parent is told and a process that stopped itself stays stopped.

    Args:
        household: the VM's processes.
        on_exit: told of each child of the agent that ends meanwhile, with its wait status.
        wakeup: a descriptor that becomes readable when a child changes state.
    """

    def __init__(
        self, household: Household, on_exit: Callable[[int, int], None], wakeup: int
    ) -> None:
        self._household = household
        self._on_exit = on_exit
        self._wakeup = wakeup
        self._stopped: dict[int, int] = {}  # thread: the signal it was about to get, or 0
        self._awaited: set[int] = set()
        self.unpaused: dict[int, str] = {}

    def hold(self, deadline: float | None) -> None:
        """Stop everything.

        Args:
            deadline: reading of the monotonic clock after which this is given up.

        Raises:
            TimeoutError: a process could not be stopped in time (it hangs in the kernel).
        """
        while True:
            fresh = [
                thread
                for pid in self._household.living()
                for thread in _threads(pid)
                if thread not in self._stopped
                and thread not in self.unpaused
                and _state(pid, thread) not in _ENDED
            ]
            for thread in fresh:
                self._seize(thread)
            if not self._awaited:
                if not fresh:
                    break
                continue
            self._await_stops(deadline)

    def keep(self, thread: int, status: int) -> None:
        """Take in a thread that stopped only after ``hold``, having run nothing of its own.

        Such are a child forked meanwhile, and a parent whose vfork child has ended.

        Args:
            thread: the thread.
            status: its wait status.
        """
        self._stopped[thread] = _pending_signal(status)

    def release(self) -> None:
        """Let everything go on, each thread with the signal it was about to get."""
        for thread, pending in self._stopped.items():
            with contextlib.suppress(OSError):  # killed while it was held
                syscalls.ptrace(syscalls.PTRACE_DETACH, thread, pending)
        self._stopped.clear()

    def _seize(self, thread: int) -> None:
        options = (
            syscalls.PTRACE_O_TRACEFORK
            | syscalls.PTRACE_O_TRACEVFORK
            | syscalls.PTRACE_O_TRACECLONE
        )
        try:
            syscalls.ptrace(syscalls.PTRACE_SEIZE, thread, options)
            syscalls.ptrace(syscalls.PTRACE_INTERRUPT, thread)
        except ProcessLookupError:
            return
        except PermissionError:
            tracer = _tracer(thread)
            if tracer != os.getpid():
                if tracer:
                    self.unpaused[thread] = command_line(thread)
                return
            # It came with its parent between the listing and this call, and stops by itself.
            if thread in self._stopped:
                return
        self._awaited.add(thread)

    def _await_stops(self, deadline: float | None) -> None:
        while self._awaited:
            if deadline is not None and time.monotonic() > deadline:
                hanging = ", ".join(command_line(thread) for thread in self._awaited)
                raise TimeoutError(errno.ETIMEDOUT, f"these do not stop: {hanging}")
            if not self._collect():
                select.select([self._wakeup], [], [], _VFORK_LOOK_SECONDS)
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakeup, 4096)
            for thread in list(self._awaited):
                if _state(thread, thread) in _ENDED:
                    self._awaited.discard(thread)
                elif _waits_for_vfork_child(thread):
                    self._awaited.discard(thread)
                    self._stopped[thread] = 0

    def _collect(self) -> bool:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | syscalls.WALL)
        except ChildProcessError:
            self._awaited.clear()
            return True
        if pid == 0:
            return False
        self._awaited.discard(pid)
        if not os.WIFSTOPPED(status):
            self._stopped.pop(pid, None)
            self._on_exit(pid, status)
        else:
            self._stopped[pid] = _pending_signal(status)
        return True


def let_go(thread: int, status: int) -> None:
    """Detach from a thread that has stopped, handing on the signal it was about to get."""
    with contextlib.suppress(OSError):  # killed meanwhile
        syscalls.ptrace(syscalls.PTRACE_DETACH, thread, _pending_signal(status))


def _pending_signal(status: int) -> int:
    """The signal a stopped thread was about to get; 0 when ptrace itself stopped it."""
    return 0 if status >> 16 else os.WSTOPSIG(status)


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _state(pid: int, thread: int) -> str:
    """The state letter of a thread; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:
            return chr(file.read().rpartition(b")")[2].split()[0][0])
    except (OSError, IndexError):
        return ""


def _tracer(thread: int) -> int:
    """Who traces a thread; 0 when nobody does, or it has ended."""
    try:
        with open(f"/proc/{thread}/status", encoding="ascii", errors="replace") as file:
            rows = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        return int(rows.get("TracerPid", "0"))
    except (OSError, ValueError):
        return 0


def _waits_for_vfork_child(thread: int) -> bool:
    """Whether a thread sleeps in a call that ends only when its (held) child goes on."""
    if _state(thread, thread) != "D":
        return False
    try:
        with open(f"/proc/{thread}/syscall") as file:
            word = file.read().split()[0]
    except (OSError, IndexError):
        return False
    numbers = syscalls.VFORK_CALLS.get(platform.machine(), ())
    return word.isdigit() and int(word) in numbers
