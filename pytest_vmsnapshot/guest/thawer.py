"""The watchdog that thaws when nobody else does: after any death, and when the time is over.

What freezes a file system may be killed before it has thawed it, and then every writer on it would
hang for ever, deaf to signals. So before an agent freezes anything it hands the directories to a
process that lies outside the VM and writes nowhere. That one thaws when

* the agent dies: the kernel closes the agent's end of a socket that nobody else holds,
* the harness dies: its pidfd says so, even while the agent is held up in the middle of a freeze,
* the VM is about to be ended: the warden says so,
* the time is over for which file systems may be frozen.

One process waits for agents; for each of them it forks a guard, for a thaw may itself have to wait
for a freeze that is under way, which must not keep other VMs frozen. While a guard holds the
directories, no file system can be unmounted frozen, which the kernel would do without a word.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from .. import syscalls
from . import wire
from .frozen import Thaw, Volume, thaw

NAME = "vm-thaw"
"""What ``ps`` shows."""

LIMIT = 60.0
"""Seconds that file systems may be frozen."""

_ANSWER_LIMIT = 10.0
"""Seconds for an answer: it takes a millisecond, but the machine may be busy."""

_FDS_AT_ONCE = 16
"""Directories sent in one message; one message takes twice as many descriptors."""


class ThawerGone(Exception):
    """The watchdog has ended or does not answer: nothing may be frozen without it."""

    def __init__(self) -> None:
        super().__init__(
            f"the process {NAME}, which thaws file systems if this run is killed, is gone, so "
            "nothing may be frozen; somebody or something (the out-of-memory killer?) has ended it"
        )


def start(harness: int) -> socket.socket:
    """Start the watchdog. It ends when the harness does, or nobody can ask it any more.

    To be called outside the PID namespaces of VMs, whose end it must outlive.

    Args:
        harness: pidfd of the test process.

    Returns:
        The door: a socket for all agents to share. Who does not freeze should close it.

    Raises:
        OSError: no process can be made.
    """
    ours, theirs = wire.socket_pair()
    with theirs:
        _fork(lambda: serve(theirs, harness))
    return ours


def serve(door: socket.socket, harness: int) -> None:
    """Be the watchdog.

    Args:
        door: where agents knock, sending a socket.
        harness: pidfd of the test process.
    """
    _leave_all_but(door.fileno(), harness)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then buries the guards
    _Watchdog(door, harness).serve()


def end(door: socket.socket, vm: int) -> None:
    """Have everything of a VM thawed that is about to be ended.

    Its agent may itself hang in a write to what a script has frozen. Then it could not be killed.

    Args:
        door: of the watchdog.
        vm: number of the VM; one that has frozen nothing is no matter.
    """
    with contextlib.suppress(wire.PeerGone):
        wire.send(door, {"op": "end", "vm": vm})


class _Watchdog:
    """Gives each agent that knocks a guard of its own, and a bell to each guard.

    Args:
        door: where agents knock.
        harness: pidfd of the test process.
    """

    def __init__(self, door: socket.socket, harness: int) -> None:
        self._door = door
        self._harness = harness
        self._poller = select.poll()
        self._bells: dict[int | str, socket.socket] = {}
        self._unnumbered = itertools.count(1)

    def serve(self) -> None:
        """Answer until the harness is gone, or nobody can knock any more."""
        self._poller.register(self._door, select.POLLIN)
        self._poller.register(self._harness, select.POLLIN)
        while True:
            ready = {fd for fd, _ in self._poller.poll()}
            if self._harness in ready:  # each guard sees that by itself
                return
            for vm in [vm for vm, bell in self._bells.items() if bell.fileno() in ready]:
                self._ring(vm)  # its guard has ended
            if self._door.fileno() in ready:
                try:
                    self._answer(wire.receive(self._door))
                except wire.PeerGone:
                    return

    def _answer(self, knock: wire.Received) -> None:
        vm = knock.body["vm"]
        if vm is None:
            vm = f"unnumbered {next(self._unnumbered)}"
        if vm in self._bells:
            self._ring(vm)
        if knock.fds:
            self._bells[vm] = _give_guard(socket.socket(fileno=knock.take()), self._harness)
            self._poller.register(self._bells[vm], select.POLLIN)
        knock.close()

    def _ring(self, vm: int | str) -> None:
        bell = self._bells.pop(vm)
        self._poller.unregister(bell)
        bell.close()


def _give_guard(line: socket.socket, harness: int) -> socket.socket:
    """Fork a guard; returns the bell, which rings when it is closed."""
    ours, theirs = wire.socket_pair()
    with line, theirs, contextlib.suppress(OSError):  # no process: the agent sees the line closed
        _fork(lambda: _be_guard(line, theirs, harness))
    return ours


def _be_guard(line: socket.socket, bell: socket.socket, harness: int) -> None:
    _leave_all_but(line.fileno(), bell.fileno(), harness)
    _Guard(line, bell, harness).watch()


class _Guard:
    """Watches over the file systems of one VM.

    Args:
        line: its agent holds the other end, and nobody else.
        bell: of which the other end is closed when the VM is about to be ended.
        harness: pidfd of the test process.
    """

    def __init__(self, line: socket.socket, bell: socket.socket, harness: int) -> None:
        self._line = line
        self._bell = bell
        self._harness = harness
        self._volumes: list[Volume] = []
        self._kept: list[Volume] = []
        self._deadline: float | None = None
        self._orphaned = False
        self._thawed = 0

    def watch(self) -> None:
        """Watch until the agent is gone."""
        poller = select.poll()
        poller.register(self._line, select.POLLIN)
        poller.register(self._bell, select.POLLIN)
        poller.register(self._harness, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poller.poll(self._milliseconds_left())}
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._deadline = None
                self._thaw()
            for fd in ready & {self._harness, self._bell.fileno()}:
                poller.unregister(fd)
                self._orphaned = True
                self._thaw()
                thaw(self._kept)
            if self._line.fileno() in ready:
                try:
                    self._hear()
                except wire.PeerGone:
                    break
        # Whatever was being frozen when the agent was killed is frozen by now, if ever: a process
        # ends only when its system call has.
        self._thaw()
        thaw(self._kept)

    def _milliseconds_left(self) -> float | None:
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic()) * 1000

    def _thaw(self) -> None:
        """Thaw in the order of freezing: only the last may still be in the middle of it, for which
        the kernel lets us wait.
        """
        outcomes = [thaw([volume])[0].outcome for volume in self._volumes]
        self._thawed += outcomes.count(Thaw.THAWED)

    def _hear(self) -> None:
        request = wire.receive(self._line)
        try:
            answer = self._answer(request)
        finally:
            request.close()
        if answer is not None:
            wire.send(self._line, answer)

    def _answer(self, request: wire.Received) -> dict[str, Any] | None:
        match request.body["op"]:
            case "add":
                while request.fds:
                    self._volumes.append(Volume("", request.take()))
                return None
            case "keep":
                kept = len(request.fds)
                while request.fds:
                    self._kept.append(Volume("", request.take()))
                return {"kept": kept}
            case "arm":
                # Nobody waits for a snapshot any more when the harness is gone, or the VM ends.
                if not self._orphaned:
                    self._deadline = time.monotonic() + request.body["seconds"]
                return {"armed": len(self._volumes), "orphaned": self._orphaned}
            case _:
                thawed, self._thawed = self._thawed, 0
                self._deadline = None
                while self._volumes:
                    os.close(self._volumes.pop().directory)
                return {"thawed": thawed}


class Thawer:
    """An agent's way to the watchdog, who takes its loss for the death of the agent.

    Args:
        door: of the watchdog; stays open.
        vm: number of the VM, by which its end is announced; no other has the same. None if nobody
            announces it.
    """

    def __init__(self, door: socket.socket, vm: int | None = None) -> None:
        self._door = door
        self._vm = vm
        self._line: socket.socket | None = None

    def keep(self, volume: Volume) -> None:
        """Have a file system thawed when the VM ends, whoever has frozen it: a script, say.

        It cannot be unmounted before. No limit of time holds for it.

        Raises:
            ThawerGone: nobody watches.
            OSError: EMFILE: the watchdog may not hold so many directories.
        """
        if not self._ask(self._open_line(), {"op": "keep"}, [volume.directory])["kept"]:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def arm(self, volumes: Sequence[Volume], seconds: float = LIMIT) -> float:
        """Have file systems watched over. To be called before the first of them is frozen.

        Args:
            volumes: in the order in which they will be frozen.
            seconds: after which they are thawed.

        Returns:
            Reading of the monotonic clock after which nothing may be frozen any more.

        Raises:
            ThawerGone: nobody watches, and nothing may be frozen.
            OSError: EMFILE: the watchdog may not hold so many directories.
        """
        deadline = time.monotonic() + seconds
        line = self._open_line()
        directories = [volume.directory for volume in volumes]
        for start in range(0, len(directories), _FDS_AT_ONCE):
            self._send(line, {"op": "add"}, directories[start : start + _FDS_AT_ONCE])
        answer = self._ask(line, {"op": "arm", "seconds": seconds})
        if answer["orphaned"]:
            self.close()
            raise ThawerGone
        if answer["armed"] < len(volumes):
            self.close()
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return deadline

    def release(self) -> int:
        """Have nothing watched any more, so that nothing keeps it from being unmounted.

        Returns:
            How many file systems the watchdog had to thaw: 0 unless the time was over.

        Raises:
            ThawerGone: it has ended meanwhile. Nothing is watched then either.
        """
        if self._line is None:
            return 0
        thawed: int = self._ask(self._line, {"op": "release"})["thawed"]
        return thawed

    def close(self) -> None:
        """Part with the watchdog; what is frozen and watched over is thawed."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _open_line(self) -> socket.socket:
        if self._line is None:
            self._line, theirs = wire.socket_pair()
            with theirs:
                self._send(self._door, {"op": "guard", "vm": self._vm}, [theirs.fileno()])
        return self._line

    def _send(self, sock: socket.socket, body: dict[str, Any], fds: Sequence[int] = ()) -> None:
        try:
            wire.send(sock, body, fds)
        except wire.PeerGone as gone:
            self.close()
            raise ThawerGone from gone

    def _ask(
        self, line: socket.socket, body: dict[str, Any], fds: Sequence[int] = ()
    ) -> dict[str, Any]:
        self._send(line, body, fds)
        readable, _, _ = select.select([line], [], [], _ANSWER_LIMIT)
        try:
            if readable:
                return wire.receive(line).body
        except wire.PeerGone as gone:
            self.close()
            raise ThawerGone from gone
        self.close()
        raise ThawerGone


def _fork(work: Callable[[], None]) -> None:
    """Do work in a child, which never returns into its parent's code."""
    if os.fork() == 0:
        try:
            work()
        finally:
            os._exit(0)


def _leave_all_but(*kept: int) -> None:
    """Belong to nobody and hold nothing: no terminal, signal or closing of files concerns us."""
    with contextlib.suppress(PermissionError):  # it is the first of a session already
        os.setsid()
    syscalls.name_process(NAME)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 0)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")  # memory is needed least of all here
    with contextlib.suppress(OSError):  # it sleeps, and must not wait for a CPU when it is needed
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for standard in (0, 1, 2):
        if standard not in kept:
            os.dup2(null, standard)
    first = 3
    for fd in sorted(fd for fd in kept if fd >= first):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
