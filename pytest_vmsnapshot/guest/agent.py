"""The process that serves one VM from inside: it installs files, runs scripts, pauses, copies.

It answers one request with one message, and never stops answering: whatever a request makes the
operating system say becomes part of the answer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from ..clock.keeping import Keeper, RealKeeper, spawn_plainly
from ..clock.shift import SECOND
from ..frozen_mounts import FrozenMounts
from . import pause, processes, wire
from .awaited import NOBODY, Awaited
from .layer import CopiedLayer
from .left_behind import LeftBehind, all_gone
from .starting import UMASK, program_of
from .volume_requests import ServesVolumes
from .volumes import Volumes

_READ_SIZE = 65536

_DEATH_LIMIT = 0.05
"""Seconds to wait for the next death; a process that hangs in the kernel takes its time."""

_LONGEST_WAIT = 24 * 3600.0
"""Seconds: poll(2) counts milliseconds in 32 bits; a longer wait is taken up again."""


MakeKeeper = Callable[[Callable[[int, int], None]], Keeper]


class Agent(ServesVolumes):
    """Serves the requests of one VM until its socket closes.

    Args:
        sock: where requests come from.
        harness: a descriptor that becomes readable when the test process ends.
        household: the VM's processes.
        layer: what a snapshot copies.
        make_keeper: makes what keeps the VM's time; it is told whom to tell of a child that ended.
        volumes: what is mounted besides, if that can be.
    """

    operations: ClassVar[Mapping[str, _Operation]]
    """What is done for each request; an agent of another kind of guest does more."""

    def __init__(
        self,
        sock: socket.socket,
        harness: int,
        household: processes.Household,
        layer: CopiedLayer,
        make_keeper: MakeKeeper | None = None,
        volumes: Volumes | None = None,
    ) -> None:
        self._sock = sock
        volumes = Volumes() if volumes is None else volumes
        self._harness = harness
        self._household = household
        self._time: Keeper = RealKeeper() if make_keeper is None else make_keeper(self._on_exit)
        super().__init__(sock, lambda: self._time, layer, volumes)
        self._time.tell_of_programs(self._executed)
        self._exits: dict[int, tuple[int, int]] = {}
        self._left = LeftBehind(household, self._labels)
        self._run: Awaited | None = None
        self._pause: pause.Pause | None = None
        self._adopted: set[int] = set()
        self._wakeup, wakeup_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.umask(UMASK)
        signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Answer requests until the test process closes the socket or ends."""
        for fd in (self._sock.fileno(), self._harness, self._wakeup):
            self._poller.register(fd, select.POLLIN)
        self._time.listen(self._poller)
        eventful = True
        while True:
            ready = {fd for fd, _ in self._poller.poll(self._milliseconds_left(eventful=eventful))}
            if self._harness in ready:
                return
            if self._wakeup in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakeup, _READ_SIZE)
            eventful = not self._time.serve(ready)
            self._doubles.serve(ready)
            self._reap()
            self._finish_run()
            if self._sock.fileno() in ready:
                try:
                    request = wire.receive(self._sock)
                    self._answer(request)
                except wire.PeerGone:
                    return
            if self._run is not None:  # the harness listens
                self._ask_harness()
            for fd in ready & self._adopted:
                self._discard_output(fd)

    # -- the loop's parts ------------------------------------------------------------------

    def _milliseconds_left(self, *, eventful: bool) -> float | None:
        limit = None if self._run is None else self._run.deadline
        if self._pause is not None:  # nobody runs whose time could come, but what a test runs now
            return None if limit is None else max(0, limit - self._time.now()) / SECOND * 1000
        moving = self._run is not None and self._run.skips_time and not self._doubles.waiting
        left = self._time.patience(limit, eventful=eventful, moving=moving)
        return None if left is None else min(left, _LONGEST_WAIT) * 1000

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._on_exit(pid, status)

    def _reap_next(self) -> None:
        """Wait until a child ends, then collect what has ended."""
        select.select([self._wakeup], [], [], _DEATH_LIMIT)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup, _READ_SIZE)
        self._reap()

    def _on_exit(self, pid: int, status: int) -> None:
        if os.WIFSTOPPED(status):
            if self._pause is not None:
                self._pause.keep(pid, status)
            else:  # it stopped only after its pause was over
                pause.let_go(pid, status)
            return
        pid = self._stands_for.pop(pid, pid)
        waited_for = self._run is not None and pid == self._run.pid
        goes_on = not (self._run is not None and waited_for and self._run.timed_out)
        if self._follow(pid, status, self._time.spawn, on=goes_on):
            return
        if waited_for or pid in self._left_alone:
            self._left_alone.discard(pid)
            self._exits[pid] = (status, self._time.now())

    def _finish_run(self) -> None:
        run = self._run
        if run is None:
            return
        late = run.deadline is not None and self._time.now() >= run.deadline
        if run.pid == NOBODY:
            if late or (run.others and self._have_ended(run)):
                self._run = None
                left = self._left.rows(self._let_run()) if run.looks else []
                looked = {"ended": self._ended(run.others), "left": left}
                wire.send(self._sock, self._with_time(looked))
            return
        if run.pid not in self._exits:
            if not late:
                return
            self._stop(run)
        status, ended = self._exits.pop(run.pid)
        self._hear_doubles()
        self._run = None
        self._time.ended()
        code = os.waitstatus_to_exitcode(status)
        timed_out = run.timed_out
        if not self._labels[run.pid]:
            self._left.command_ended(run.before)
        answer = {
            "exit_status": None if timed_out or code < 0 else code,
            "signal": -code if code < 0 and not timed_out else None,
            "timed_out": timed_out,
            "started": run.started / SECOND,
            "ended": (self._time.now() if timed_out else ended) / SECOND,
            "killed": run.killed,
            "waiting_in": run.waiting_in,
        }
        wire.send(self._sock, self._with_time(answer))

    def _have_ended(self, run: Awaited) -> bool:
        return all_gone(run.others) if run.looks else run.others <= self._exits.keys()

    def _ended(self, programs: Collection[int]) -> list[dict[str, Any]]:
        """How those of some programs ended that did."""
        answer = []
        for pid in self._exits.keys() & programs:
            status, ended = self._exits[pid]
            code = os.waitstatus_to_exitcode(status)
            answer.append({"pid": pid, "code": code, "ended": ended / SECOND})
        return answer

    def _with_time(self, answer: dict[str, Any]) -> dict[str, Any]:
        """An answer that also tells how far the VM's clock has come, what is to be said, and
        whether nobody is left on the VM.
        """
        ahead, empty = self._time.ahead() / SECOND, self._household.empty()
        return {**answer, "ahead": ahead, "remarks": self._time.remarks(), "empty": empty}

    def _stop(self, run: Awaited) -> None:
        """The limit is reached: name what the script waits for, then kill its whole tree."""
        run.timed_out = True
        root = self._running(run.pid)
        run.waiting_in = processes.waiting_in(root)
        self._thaw_for(set(self._household.living()) - set(run.before))
        run.killed = processes.kill_all_but(run.before, self._household, self._reap_next)
        while run.pid not in self._exits:  # it was killed; its end is certain and near
            pid, status = os.waitpid(root, 0)
            self._on_exit(pid, status)

    def _discard_output(self, fd: int) -> None:
        """Output of what a script left behind: nobody's, but its writer must not block or die."""
        try:
            if os.read(fd, _READ_SIZE):
                return
        except BlockingIOError:
            return
        self._poller.unregister(fd)
        self._adopted.discard(fd)
        os.close(fd)

    # -- requests --------------------------------------------------------------------------

    def _answer(self, request: wire.Received) -> None:
        fds: list[int] = []
        try:
            if not request.complete:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            operation = self.operations[request.body["op"]]
            self._check_not_frozen(request.body)
            answer = operation(self, request, fds)
        except OSError as error:
            answer = {
                "error": error.errno or 0,
                "text": error.strerror or str(error),
                "path": str(error.filename or ""),
            }
        except (ValueError, UnicodeError) as error:
            answer = {"error": errno.EINVAL, "text": str(error), "path": ""}
        except RecursionError:  # os.makedirs
            text = "too many directories below each other"
            answer = {"error": errno.ENAMETOOLONG, "text": text, "path": ""}
        finally:
            request.close()
        for fd in self._adopted:
            self._poller.register(fd, select.POLLIN)
        if answer is not None:
            wire.send(self._sock, answer, fds)
        for fd in fds:
            os.close(fd)

    def start(self, request: wire.Received, fds: list[int]) -> dict[str, Any] | None:
        """Start a program; the answer is sent when it has ended or was stopped."""
        body = request.body
        before = self._household.living()
        pid, started = self._spawn(request)
        deadline = _nanoseconds(body["deadline"])
        self._run = Awaited(pid, before, deadline, started, skips_time=not body["real_time"])
        return None

    def leave_alone(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Start a program that nobody stops; ``wait`` tells whether it has ended."""
        pid, started = self._spawn(request)
        self._left_alone.add(pid)
        return {"pid": pid, "started": started / SECOND}

    def _spawn(self, request: wire.Received) -> tuple[int, int]:
        """Start a program; returns its number, and when that was."""
        if request.body["begins"]:
            self._left.begin()
        with program_of(request) as program:
            started = self._time.now()
            by_itself = request.body["real_time"]
            self._layer.begin(unseen=by_itself)
            with self._with_fault(program, request.body) as first:
                pid = spawn_plainly(first) if by_itself else self._time.spawn(first)
            self._has_started(pid, program, request.body)
        self._exits.pop(pid, None)  # of one that had the same number, long ago
        self._label(pid, request.body["label"])
        return pid, started

    def wait(self, request: wire.Received, fds: list[int]) -> dict[str, Any] | None:
        """Let time pass until a moment, or until all of some programs have ended."""
        until = _nanoseconds(request.body["until"])
        others = frozenset(request.body["programs"])
        if others and others <= self._exits.keys():  # nothing more would wake this process
            return self._with_time({"ended": self._ended(others)})
        self._run = Awaited(NOBODY, [], until, self._time.now(), others=others)
        return None

    def left_behind(self, request: wire.Received, fds: list[int]) -> dict[str, Any] | None:
        """What the scripts have left running; if anything is, once it has had time to end."""
        others = frozenset(self._left.pids(self._let_run()))
        if not others:
            return self._with_time({"left": []})
        until = _nanoseconds(request.body["until"])
        self._run = Awaited(NOBODY, [], until, self._time.now(), others=others, looks=True)
        return None

    def adopt(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Take over the reading ends of pipes that a script's children still hold."""
        while request.fds:
            fd = request.take()
            os.set_blocking(fd, False)
            self._adopted.add(fd)
        return {}

    def pause(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Stop every process at one instant."""
        if self._pause is None:
            frozen = bool(self._volumes.frozen_devices())
            self._pause = pause.Pause(self._household, self._on_exit, self._wakeup, frozen=frozen)
            self._time.paused()
        self._pause.hold(self._kernel_deadline(request.body["deadline"]))
        return {"unpaused": list(self._pause.unpaused.values())}

    def resume(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Let every process go on."""
        if self._pause is not None:
            if (row := request.body["frozen"]) is not None:
                self._layer.flushed(FrozenMounts(*map(tuple, row)))
            self._pause.release()
            self._pause = None
        return {}


def _nanoseconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment * SECOND)


_Operation = Callable[[Any, wire.Received, list[int]], dict[str, Any] | None]

_OPERATIONS: dict[str, _Operation] = {
    **Agent.double_requests,
    **Agent.fault_requests,
    **Agent.file_requests,
    **Agent.volume_requests,
    "start": Agent.start,
    "leave_alone": Agent.leave_alone,
    "wait": Agent.wait,
    "left_behind": Agent.left_behind,
    "adopt": Agent.adopt,
    "pause": Agent.pause,
    "resume": Agent.resume,
}

Agent.operations = _OPERATIONS
