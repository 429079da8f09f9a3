"""The virtual clock: it jumps to the next wake-up when every process of the VM is asleep.

The agent is the first ancestor of every process of the VM and serves them from outside the filter,
so it can keep their time as well: it dies with them, and they with it.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import functools
import os
import select
import signal
import termios
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from . import launch
from .file_times import FileTimes
from .idle import Look, Observer
from .keeping import Program
from .machine import Machine, this_machine
from .outside import Outside
from .reads import Reads, Uptime
from .seccomp import FILES, READS, TIMERS, WAITS, Filter, Listener, Notification
from .shift import SECOND, Shift
from .timers import Timers
from .vdso import Vdso
from .waits import Waits

_SETTLE = SECOND // 2000
"""Nanoseconds without any event before the first proof: most programs do something at once."""

_SETTLE_MOST = SECOND // 100
"""Nanoseconds between proofs while a program computes: the kernel tells nobody when it stops."""

_WORTH_TELLING = SECOND // 20
"""Nanoseconds of real time: shorter ones are noise, not a reason to say why time did not jump."""

_MOST_NOTIFICATIONS = 64
"""Taken from one listener in a row, so that a busy program does not starve the others."""

_ENOSYS = -38  # asm-generic/errno.h


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is the same for all virtual clocks on a machine.

    Args:
        machine: what this runs on.
        filtered: the filter.
        vdso: the vDSO.
    """

    machine: Machine
    filtered: Filter
    vdso: Vdso

    @staticmethod
    @functools.cache
    def here() -> Kernel:
        """Work it out, once: a VM's agent has it from the process it is forked from.

        Raises:
            OSError: there can be no virtual clock here.
        """
        machine = this_machine()
        if machine is None:
            raise OSError("the system calls of this machine are not known")
        return Kernel(machine, Filter(machine), Vdso.of_this_kernel(machine))


class VirtualKeeper:
    """A clock that jumps to the next wake-up when every process of the VM is asleep.

    Args:
        kernel: what this runs on.
        shift: the VM's clock.
        members: lists the processes of the VM.
        on_exit: told of a child that ended, with its wait status.
        file_times: brings files to the VM's clock.
        uptime: the file over /proc/uptime.
        shared: whether the VM's processes and files are the machine's.
        shares_network: whether its network is.
    """

    def __init__(
        self,
        kernel: Kernel,
        shift: Shift,
        members: Callable[[], list[int]],
        on_exit: Callable[[int, int], None],
        file_times: FileTimes,
        uptime: Uptime,
        *,
        shared: bool,
        shares_network: bool,
    ) -> None:
        self._machine = machine = kernel.machine
        self._shift = shift
        self._members = members
        self._filter = kernel.filtered
        self._vdso = kernel.vdso
        self._waits = Waits(machine, shift, on_exit)
        self._timers = Timers(machine, shift, members)
        self._reads = Reads(machine, shift)
        self._files = file_times
        self._uptime = uptime
        self._observer = Observer()
        self._outside = Outside(machine, self._waits, shared=shared, shares_network=shares_network)
        self._listeners: dict[int, Listener] = {}
        self._poller: select.poll | None = None
        self._outputs: list[int] = []
        self._settle = _SETTLE
        self._asleep: tuple[Look, int] | None = None
        self._last = shift.now()
        self._withheld: dict[str, int] = {}
        self._told: dict[str, None] = {}

    def now(self) -> int:
        """The VM's time."""
        return self._shift.now()

    def ahead(self) -> int:
        """Nanoseconds skipped so far."""
        return self._shift.jumped

    def remarks(self) -> list[str]:
        """Why time could not be skipped, and what was seen with the machine's own time."""
        told = dict(self._told)
        for reason, amount in self._withheld.items():
            if amount >= _WORTH_TELLING:
                told[f"time passed by itself while {reason}"] = None
        if wrong := self._files.seen_wrong:
            told[f"the time of {wrong} is the machine's, and does not know of skipped time"] = None
        return list(told)

    # -- starting programs -----------------------------------------------------------------

    def spawn(self, program: Program) -> int:
        """Start a program under the clock."""
        self._shift.set_wall_clock()
        self._release_outputs()
        pid, listener = launch.start(program, self._filter)
        self._listeners[listener.fd] = listener
        if self._poller is not None:
            self._poller.register(listener.fd, select.POLLIN)
        self._outputs = [os.dup(program.output), os.dup(program.error_output)]
        self._uptime.write()
        return pid

    def ended(self) -> None:
        """Nobody waits for the program any more."""
        self._release_outputs()

    def paused(self) -> None:
        """All processes are about to be stopped, and will go on later."""
        self._waits.interrupt()

    def _release_outputs(self) -> None:
        while self._outputs:
            os.close(self._outputs.pop())

    # -- notifications ---------------------------------------------------------------------

    def listen(self, poller: select.poll) -> None:
        """Let a poller also wait for notifications."""
        self._poller = poller
        for fd in self._listeners:
            poller.register(fd, select.POLLIN)

    def serve(self, ready: Collection[int]) -> None:
        """Answer notifications, and drop listeners whose last process has ended."""
        for fd in self._listeners.keys() & ready:
            listener = self._listeners[fd]
            poller = select.poll()
            poller.register(fd, select.POLLIN)
            for _ in range(_MOST_NOTIFICATIONS):
                events = poller.poll(0)
                if not events:
                    break
                if not events[0][1] & select.POLLIN:
                    self._drop(listener)
                    break
                notified = listener.receive()
                if notified is not None:
                    self._answer(listener, notified)

    def _drop(self, listener: Listener) -> None:
        del self._listeners[listener.fd]
        if self._poller is not None:
            self._poller.unregister(listener.fd)
        listener.close()
        self._timers.forget_ended()
        self._vdso.forget_all_but(set(self._members()))

    def _answer(self, listener: Listener, notified: Notification) -> None:
        if notified.audit != self._machine.audit:
            self._refuse(listener, notified)
            return
        name = self._machine.names[notified.call]
        value: int | None = None
        try:
            if name in WAITS:
                self._waits.begin(notified, listener.is_waiting)
            elif name in FILES:
                self._files.before(notified, listener.is_waiting)
            elif name in READS:
                value = self._reads.answer(notified, listener.is_waiting)
            elif name in TIMERS:
                value = self._timers.answer(notified, listener.is_waiting)
            else:
                self._start(notified)
        except (OSError, ValueError):  # it is gone, or has given a bad address
            value = None
        if value is None:
            listener.let(notified)
        else:
            listener.answer(notified, value)

    def _start(self, notified: Notification) -> None:
        """A program was executed."""
        pid = notified.thread
        try:
            self._vdso.start(pid, self._shift)
        except OSError as error:
            self._told[
                f"{_command(pid)} reads the machine's own clock: its memory cannot be written "
                f"({error.strerror})"
            ] = None
        self._timers.started(pid)
        self._uptime.write()

    def _refuse(self, listener: Listener, notified: Notification) -> None:
        """A program of another architecture: its calls have other numbers, and its own vDSO."""
        self._told[
            f"{_command(notified.thread)} was refused: it is a program of another architecture "
            f"than {self._machine.name}, which the virtual clock does not cover; use clock='real'"
        ] = None
        with contextlib.suppress(ProcessLookupError):
            os.kill(notified.thread, signal.SIGSYS)
        listener.answer(notified, _ENOSYS)

    # -- the clock moves -------------------------------------------------------------------

    def patience(self, limit: int | None, *, eventful: bool, moving: bool) -> float | None:
        """Fire what is due, and jump if all are asleep."""
        now = self.now()
        passed, self._last = now - self._last, now
        fired = self._timers.fire(now)
        again = False
        for thread in self._waits.due(now):
            done = self._waits.expire(thread)
            fired = fired or bool(done)
            again = again or done is False
        if eventful or fired:
            self._settle = _SETTLE
            self._asleep = None
        upcoming = [self._timers.next(), self._waits.next(), limit]
        following = min(
            (moment for moment in upcoming if moment is not None and moment > now), default=None
        )
        if fired or again:
            return _SETTLE / SECOND
        if following is None:
            return None
        left = following - self.now()
        if not moving or left <= 0:
            return max(0, left) / SECOND
        if not eventful and self._try_to_jump(limit, passed):
            return 0
        wait = min(self._settle, left)
        self._settle = min(self._settle * 3 // 2, _SETTLE_MOST)
        return wait / SECOND

    def _try_to_jump(self, limit: int | None, passed: int) -> bool:
        look = self._observer.proof(self._members)
        if look.sleepers is None:
            self._asleep = None
            if look.unseen:
                pid, how = look.unseen
                self._withhold(pid, how, passed)
            return False
        if not self._nothing_under_way():
            return False
        waiting = self._outside.waiting(look, socket_timeouts=self._timers.socket_timeouts)
        if waiting.reason:
            self._withhold(waiting.pid, waiting.reason, passed)
            return False
        if waiting.settle and not self._has_settled(look, waiting.settle):
            return False
        stopped = {sleeper.thread for sleeper in look.sleepers if sleeper.stopped}
        self._waits.interrupt(stopped)
        self._waits.keep(waiting.threads | stopped)
        upcoming = [self._timers.next(), self._waits.next(), limit]
        following = min(
            (moment for moment in upcoming if moment is not None and moment > self._last),
            default=None,
        )
        if following is None:
            return False
        amount = following - self.now()
        if amount > 0:
            self._shift.jump(amount)
            for pid in look.pids:
                with contextlib.suppress(OSError):  # said when it was started
                    self._vdso.update(pid, self._shift)
            self._uptime.write()
        self._settle = _SETTLE
        self._asleep = None
        return True

    def _has_settled(self, look: Look, settle: int) -> bool:
        """Whether all have slept for a while, for waits that a worker of the kernel ends."""
        now = time.monotonic_ns()
        if self._asleep is None or self._asleep[0] != look:
            self._asleep = look, now
            return False
        return now - self._asleep[1] >= settle

    def _nothing_under_way(self) -> bool:
        """Whether nothing has arrived that nobody has taken in: here, or at the harness."""
        if self._poller is not None and self._poller.poll(0):
            return False
        return not any(_unread(fd) for fd in self._outputs)

    def _withhold(self, pid: int, how: str, passed: int) -> None:
        reason = f"{_command(pid)} {how}"
        self._withheld[reason] = self._withheld.get(reason, 0) + passed

    def close(self) -> None:
        """Let go of everything."""
        self._release_outputs()
        self._timers.close()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()


def _unread(fd: int) -> int:
    """Bytes in a pipe."""
    size = array.array("i", [0])
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.FIONREAD, size)
    return size[0]


def _command(pid: int) -> str:
    """What a process runs, quoted for a sentence."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read(256).rstrip(b"\0").split(b"\0")
        return repr(b" ".join(words).decode("utf-8", "backslashreplace"))
    return "a process"
