"""The virtual clock: it jumps to the next wake-up when every process of the VM is asleep.

The agent is the first ancestor of every process of the VM and serves them from outside the filter,
so it can keep their time as well: it dies with them, and they with it.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import select
import signal
import struct
import termios
from collections.abc import Callable, Collection, Iterable

from . import launch
from .child_signals import CALL, let_restart
from .file_times import FileTimes
from .idle import Asleep, Look, Observer
from .keeping import Program
from .kernel import Kernel
from .outside import Outside
from .reads import Reads, Uptime
from .seccomp import FILES, READS, TIMERS, WAITS, Listener, Notification
from .shift import SECOND, Shift
from .sync_calls import syncs
from .syncs import Syncs, Written
from .timers import Timers
from .tracee import Memory, shown
from .waits import Waits

_SETTLE = SECOND // 2000
"""Nanoseconds without any event before the first proof: most programs do something at once."""

_SETTLE_MOST = SECOND // 100
"""Nanoseconds between proofs while a program computes: the kernel tells nobody when it stops."""

_WORTH_TELLING = SECOND // 20
"""Nanoseconds of real time: shorter ones are noise, not a reason to say why time did not jump."""

_MOST_NOTIFICATIONS = 64
"""Taken in a row, so that a busy program does not keep the agent from its other duties."""

_NEXT_QUESTION = 1
"""Milliseconds: programs look at several files one after the other, when they start, say."""

_PRINTS_TO = {"write": 0, "writev": 0, "sendfile": 0, "splice": 2}
"""Calls that print, and which argument is the descriptor they print to."""

_ENOSYS = -38  # asm-generic/errno.h


class VirtualKeeper:
    """A clock that jumps to the next wake-up when every process of the VM is asleep.

    Args:
        kernel: what this runs on.
        shift: the VM's clock.
        members: lists the processes of the VM.
        on_exit: told of a child that ended, with its wait status.
        file_times: brings files to the VM's clock.
        written: keeps in mind what is on the disk.
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
        written: Written,
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
        self._written = written
        self._memory = Memory()
        self._syncs = Syncs(machine, written)
        self._sync_calls = syncs(machine).keys()
        self._uptime = uptime
        self._observer = Observer()
        self._outside = Outside(machine, self._waits, shared=shared, shares_network=shares_network)
        self._listeners: dict[int, Listener] = {}
        self._poller = select.poll()
        self._outputs: list[int] = []
        self._settle = _SETTLE
        self._asleep: Asleep | None = None
        self._last = shift.now()
        self._on_program: Callable[[int], None] | None = None
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
        if self._waits.remainder_told:
            told["a program may have been told too long a rest of a sleep that a signal ended"] = (
                None
            )
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
        self._poller.register(listener.fd, select.POLLIN)
        if program.drained:
            self._outputs = [os.dup(program.output), os.dup(program.error_output)]
        self._uptime.write()
        return pid

    def tell_of_programs(self, told: Callable[[int], None]) -> None:
        """Tell of each program that is executed, before it runs any code of its own."""
        self._on_program = told

    def see_to_time(self, path: str, *, is_right: bool) -> None:
        """Bring the time of a file to the VM's clock, or take note that it is right."""
        with contextlib.suppress(OSError):
            self._files.see_to(path, is_right=is_right)

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

    def serve(self, ready: Collection[int]) -> bool:
        """Answer notifications, and drop listeners whose last process has ended.

        Where one program has asked, the next question is near: it is waited for a little while, but
        not where something else has arrived: a program may have ended, or call a command double.
        """
        if not self._listeners.keys() & ready:
            return not ready
        for _ in range(_MOST_NOTIFICATIONS):
            events = self._poller.poll(_NEXT_QUESTION)
            if not events:
                return True
            ours = [(fd, event) for fd, event in events if fd in self._listeners]
            for fd, event in ours:
                listener = self._listeners[fd]
                if not event & select.POLLIN:
                    self._drop(listener)
                elif (notified := listener.receive()) is not None:
                    self._answer(listener, notified)
            if len(ours) < len(events) or not self._listeners:
                break
        return False

    def _drop(self, listener: Listener) -> None:
        del self._listeners[listener.fd]
        self._poller.unregister(listener.fd)
        listener.close()
        self._timers.forget_unwanted()
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
            elif name == CALL:
                let_restart(self._memory, notified.thread, notified.arguments[1])
            elif name in self._sync_calls:
                self._syncs.before(notified)
            elif name in READS:
                value = self._reads.answer(notified, listener.is_waiting)
            elif name in TIMERS:
                value = self._timers.answer(notified, listener.is_waiting)
            else:
                self._start(notified)
        # It is gone, has given a bad address or a time that is none: the kernel will say so.
        except (OSError, ValueError, ArithmeticError, struct.error):
            value = None
        if value is None:
            listener.let(notified)
        else:
            listener.answer(notified, value)

    def _start(self, notified: Notification) -> None:
        """A program was executed."""
        pid = notified.thread
        is_new = True
        try:
            is_new = self._vdso.start(pid, self._shift)
        except OSError as error:
            self._told[
                f"{shown(pid)} reads the machine's own clock: its memory cannot be written "
                f"({error.strerror})"
            ] = None
        self._timers.started(pid)
        self._uptime.write()
        if is_new and self._on_program is not None:
            self._on_program(pid)

    def _refuse(self, listener: Listener, notified: Notification) -> None:
        """A program of another architecture: its calls have other numbers, and its own vDSO."""
        self._told[
            f"{shown(notified.thread)} was refused: it is a program of another architecture "
            f"than {self._machine.name}, which the virtual clock does not cover; use clock='real'"
        ] = None
        with contextlib.suppress(ProcessLookupError):
            os.kill(notified.thread, signal.SIGSYS)
        listener.answer(notified, _ENOSYS)

    # -- the clock moves -------------------------------------------------------------------

    def patience(self, limit: int | None, *, eventful: bool, moving: bool) -> float | None:
        """Fire what is due, and jump if all are asleep."""
        self._written.time_passes(0)
        left = self._patience(limit, eventful=eventful, moving=moving)
        if not self._listeners:
            return left
        look = self._written.patience() / SECOND
        return look if left is None else min(left, look)

    def _patience(self, limit: int | None, *, eventful: bool, moving: bool) -> float | None:
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
        if fired or again:
            return _SETTLE / SECOND
        if limit is not None and limit <= now:
            return 0
        following = self._following(now, limit)
        if following is None:
            return None
        left = following - self.now()
        if not moving or left <= 0:
            return max(0, left) / SECOND
        if not eventful:
            if self._try_to_jump(limit, passed):
                return 0
            self._uptime.write()  # somebody may be reading it again and again
        wait = self._settle
        if self._asleep is not None:
            wait = self._asleep.until_next_tick()
        else:
            self._settle = min(self._settle * 3 // 2, _SETTLE_MOST)
        return min(wait, left) / SECOND

    def _following(self, after: int, limit: int | None) -> int | None:
        """The moment that comes next."""
        moments = (self._timers.next(), self._waits.next(after), limit)
        return min(
            (found for found in moments if found is not None and found > after), default=None
        )

    def _try_to_jump(self, limit: int | None, passed: int) -> bool:
        look = self._observer.look(self._members())
        if look.sleepers is None:
            self._asleep = None
            if look.unseen:
                pid, how = look.unseen
                self._withhold(pid, how, passed)
            return False
        if self._asleep is None or self._asleep.look != look:
            self._asleep = Asleep(look)
            return False
        waiting = self._outside.waiting(look, socket_timeouts=self._timers.socket_timeouts)
        if waiting.reason:
            self._withhold(waiting.pid, waiting.reason, passed)
            return False
        if not self._asleep.is_settled(waiting.settle) or not self._nothing_under_way():
            return False
        # The harness reads what programs print, and may have woken one by that: look once more.
        if self._is_printing(look) or self._observer.look(self._members()) != look:
            return False
        stopped = {sleeper.thread for sleeper in look.sleepers if sleeper.stopped}
        self._waits.interrupt(stopped)
        self._waits.keep(waiting.threads | stopped)
        following = self._following(self._last, limit)
        if following is None:
            return False
        self._jump(following - self.now(), look)
        return True

    def set_wall_clock(self, amount: int) -> None:
        """Set the wall clock forward or back.

        Who waits until a date waits as long as before: the moment was worked out when it began.
        """
        self._shift.set_wall_clock_by(amount)
        self._hand_on(self._members())

    def _hand_on(self, pids: Iterable[int]) -> None:
        """Let processes read the clock as it is now."""
        for pid in pids:
            with contextlib.suppress(OSError):  # said when it was started
                self._vdso.update(pid, self._shift)

    def _jump(self, amount: int, look: Look) -> None:
        if amount > 0:
            self._written.time_passes(amount)
            self._shift.jump(amount)
            self._hand_on(look.pids)
            self._uptime.write()
        self._settle = _SETTLE
        self._asleep = None

    def _nothing_under_way(self) -> bool:
        """Whether nothing has arrived that nobody has taken in: here, or at the harness."""
        if self._poller.poll(0):
            return False
        return not any(_unread(fd) for fd in self._outputs)

    def _is_printing(self, look: Look) -> bool:
        """Whether somebody waits to print: the pipe is empty, so the harness just wakes him."""
        pipes = {os.fstat(fd).st_ino for fd in self._outputs}
        for sleeper in look.sleepers or ():
            at = _PRINTS_TO.get(self._machine.names.get(sleeper.call, ""))
            if at is not None:
                with contextlib.suppress(OSError):
                    place = f"/proc/{sleeper.pid}/fd/{sleeper.arguments[at] & 0xFFFFFFFF}"
                    if os.stat(place).st_ino in pipes:
                        return True
        return False

    def _withhold(self, pid: int, how: str, passed: int) -> None:
        reason = f"{shown(pid)} {how}" if pid else how
        self._withheld[reason] = self._withheld.get(reason, 0) + passed


def _unread(fd: int) -> int:
    """Bytes in a pipe."""
    size = array.array("i", [0])
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.FIONREAD, size)
    return size[0]
