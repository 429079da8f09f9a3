"""Stopping every process of a VM at one instant."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import select
import time
from collections.abc import Callable, Collection

from .. import syscalls
from .processes import ENDED, Household, command_line, state_of, threads_of

_VFORK_LOOK_SECONDS = 0.002
"""A parent waiting in vfork sends no event when its child is held, so look at it now and then."""

_HANGING_LOOKS = 10
"""Looks, 20 ms: who waits for a disk that long, while a file system is frozen, waits for that."""


class Pause:
    """Every process of the VM, stopped at one instant and invisibly to itself.

    Each thread is seized and interrupted by ptrace; children it forks meanwhile are seized with
    it. Unlike SIGSTOP, nobody's parent is told and a process that stopped itself stays stopped.

    Args:
        household: the VM's processes.
        on_exit: told of each child of the agent that ends meanwhile, with its wait status.
        wakeup: a descriptor that becomes readable when a child changes state.
        frozen: whether a file system is frozen, so that who writes to it hangs, and is stopped
            enough.
    """

    def __init__(
        self,
        household: Household,
        on_exit: Callable[[int, int], None],
        wakeup: int,
        *,
        frozen: bool = False,
    ) -> None:
        self._frozen = frozen
        self._hanging: dict[int, int] = {}  # thread: looks at which it hung, in a row
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
                for thread in threads_of(pid)
                if thread not in self._stopped
                and thread not in self.unpaused
                and state_of(pid, thread) not in ENDED
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
                if state_of(thread, thread) in ENDED:
                    self._awaited.discard(thread)
                elif _waits_for_vfork_child(thread) or self._hangs(thread):
                    self._awaited.discard(thread)
                    self._stopped[thread] = 0

    def _hangs(self, thread: int) -> bool:
        """Whether a thread cannot go on before a thaw. It stops before anything of its own."""
        if not self._frozen or state_of(thread, thread) != "D":
            self._hanging.pop(thread, None)
            return False
        self._hanging[thread] = self._hanging.get(thread, 0) + 1
        return self._hanging[thread] >= _HANGING_LOOKS

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


def hang(pids: Collection[int]) -> bool:
    """Whether one of some processes waits in the kernel, deaf to signals, and goes on doing so."""
    hanging = _in_the_kernel(pids)
    if hanging:
        select.select([], [], [], _HANGING_LOOKS * _VFORK_LOOK_SECONDS)
        hanging = _in_the_kernel(hanging)
    return bool(hanging)


def _in_the_kernel(pids: Collection[int]) -> list[int]:
    return [pid for pid in pids if "D" in {state_of(pid, thread) for thread in threads_of(pid)}]


def let_go(thread: int, status: int) -> None:
    """Detach from a thread that has stopped, handing on the signal it was about to get."""
    with contextlib.suppress(OSError):  # killed meanwhile
        syscalls.ptrace(syscalls.PTRACE_DETACH, thread, _pending_signal(status))


def _pending_signal(status: int) -> int:
    """The signal a stopped thread was about to get; 0 when ptrace itself stopped it."""
    return 0 if status >> 16 else os.WSTOPSIG(status)


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
    if state_of(thread, thread) != "D":
        return False
    try:
        with open(f"/proc/{thread}/syscall") as file:
            word = file.read().split()[0]
    except (OSError, IndexError):
        return False
    numbers = syscalls.VFORK_CALLS.get(platform.machine(), ())
    return word.isdigit() and int(word) in numbers
