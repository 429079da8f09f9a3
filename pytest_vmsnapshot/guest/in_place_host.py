"""The in-place guest's helper: it makes one VM at a time out of this very machine.

For a disposable container in which not even root may make namespaces. The helper forks an agent
that changes the real file system and writes down each change first (``journal.py``). When the VM
closes, when its agent dies and when pytest ends in any way, the helper ends every process of the
VM and puts everything back. If the helper itself is killed, the agent does so in its place.

What scripts write by themselves outside the directories the VM made is not undone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import shlex
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from .. import syscalls
from ..clock import make
from ..clock.probe import why_no_virtual_clock
from ..layout import CONFIG_DIRECTORY
from . import processes, wire
from .agent import Agent
from .changes import Record
from .in_place_agent import InPlaceAgent, Installed, NoLayer
from .journal import STORE, Journal, StoreTaken

_REAP_SECONDS = 0.05
"""How long to wait for a killed process to end before those that are left are looked for again."""

_REAP_ROUNDS = 200


class Refused(Exception):
    """A VM cannot be made in place here.

    Args:
        reason: why.
        remedy: what to do.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.answer = {"refused": reason, "remedy": remedy}


def serve(control: socket.socket, harness: int) -> None:
    """Answer the harness until it is gone, then put everything back.

    Args:
        control: where the harness asks.
        harness: pidfd of the test process.
    """
    with contextlib.suppress(wire.PeerGone):
        try:
            journal = _begin()
        except Refused as refused:
            wire.send(control, refused.answer)
            return
        host = _Host(control, harness, journal)
        try:
            host.serve()
        finally:
            host.end_vm()
            journal.end()


def _begin() -> Journal:
    if os.geteuid() != 0:
        raise Refused(
            "only root can work in place",
            "run pytest as root in a disposable container, or let it use namespaces "
            "(--vmsnapshot-guest=auto)",
        )
    try:
        journal = Journal.begin()
    except StoreTaken as taken:
        raise _explained(taken.records) from None
    except OSError as error:
        raise Refused(
            f"{STORE} cannot be made: {error.strerror}",
            "give root a /var/lib that can be written: originals are kept there",
        ) from None
    try:
        _refuse_config_directory()
    except Refused:
        journal.end()
        raise
    return journal


def _explained(records: tuple[Record, ...]) -> Refused:
    if not records:
        return Refused(
            "another run works in place on this machine",
            "run such tests one after another (with pytest-xdist: -n 0)",
        )
    left = ", ".join(f"{record.path} ({record.change.value})" for record in records)
    python = shlex.quote(sys.executable)
    return Refused(
        f"a run before this one was killed together with all its helpers and left: {left}",
        f"put everything back: {python} -m pytest_vmsnapshot.guest.put_back "
        f"(originals are kept in {STORE})",
    )


def _refuse_config_directory() -> None:
    if os.path.lexists(CONFIG_DIRECTORY):
        raise Refused(
            f"{CONFIG_DIRECTORY} exists: this seems to be a VM that is really backed up, and its "
            "config would be replaced",
            f"use a disposable container without {CONFIG_DIRECTORY}",
        )


@dataclass(frozen=True, slots=True)
class _Vm:
    """The VM that is open.

    Args:
        number: names its directory of recovery points.
        pid: its agent.
        ended: pidfd of its agent.
    """

    number: int
    pid: int
    ended: int


class _Host:
    """Makes the VM, reads its recovery points, and puts everything back.

    Args:
        control: where the harness asks.
        harness: pidfd of the test process.
        journal: what the VM changes.
    """

    def __init__(self, control: socket.socket, harness: int, journal: Journal) -> None:
        self._control = control
        self._harness = harness
        self._journal = journal
        self._vm: _Vm | None = None
        self._numbers = itertools.count(1)
        self._failures: list[str] = []  # of a VM that ended by itself, until somebody asks
        self._own = os.pidfd_open(os.getpid())
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])

    def serve(self) -> None:
        """Answer requests until the harness is gone."""
        no_clock = why_no_virtual_clock()
        ready = {"ready": True, "shown_read_only": [], "no_virtual_clock": no_clock}
        wire.send(self._control, ready)
        while True:
            agent = [] if self._vm is None else [self._vm.ended]
            waited: list[Any] = [self._control, self._harness, *agent]
            readable, _, _ = select.select(waited, [], [])
            if self._harness in readable:
                return
            if self._control not in readable:
                self._failures += self.end_vm()
                continue
            self._answer(wire.receive(self._control).body)

    def _answer(self, request: dict[str, Any]) -> None:
        if request["op"] == "create":
            try:
                self._create(request["spec"])
            except Refused as refused:
                wire.send(self._control, refused.answer)
            return
        left = []
        if self._vm is not None and request["id"] == self._vm.number:
            left = self.end_vm()
        left, self._failures = self._failures + left, []
        wire.send(self._control, {"left": left} if left else {})

    def _create(self, spec: dict[str, Any]) -> None:
        number = next(self._numbers)
        if spec["layer"]:
            pid, sock = self._fork(lambda theirs: self._be_reader(theirs, spec["layer"]))
        else:
            self._refuse(spec)
            os.mkdir(f"{self._journal.store}/points/{number}", 0o700)
            pid, sock = self._fork(lambda theirs: self._be_agent(theirs, number, spec))
            self._vm = _Vm(number, pid, os.pidfd_open(pid))
        with sock:
            wire.send(self._control, {"id": number}, [sock.fileno()])

    def _refuse(self, spec: dict[str, Any]) -> None:
        if self._vm is not None:
            raise Refused(
                "one VM is open already, and in place there is only this machine",
                "close it first (vm.close()), or use a guest in namespaces for several VMs at once",
            )
        if left := self._journal.left():
            paths = ", ".join(record.path for record in left)
            raise Refused(
                f"the VM before could not be put back: {paths}",
                f"look into {self._journal.store}, where the originals are kept",
            )
        _refuse_config_directory()
        for directory in spec["directories"]:
            if STORE.startswith(directory.rstrip("/") + "/"):
                raise Refused(
                    f"the VM cannot have the directory {directory}: {STORE} is in it",
                    "name the directory below it that your scripts use",
                )

    def _fork(self, work: Callable[[socket.socket], None]) -> tuple[int, socket.socket]:
        ours, theirs = wire.socket_pair()
        with theirs:
            pid = os.fork()
            if pid == 0:
                ours.close()
                self._control.close()
                _run_child(theirs, work)
        return pid, ours

    def _be_agent(self, sock: socket.socket, number: int, spec: dict[str, Any]) -> None:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        points = f"{self._journal.store}/points/{number}"
        directories = (CONFIG_DIRECTORY, *spec["directories"])
        installed = Installed(self._journal, directories, points)
        household = processes.Descendants()
        vm = make.Surroundings(household.members, shares_machine=True, shares_network=True)
        keeper = make.keeper(spec["clock"], vm)
        agent = InPlaceAgent(sock, self._own, household, installed, self._journal, keeper)
        with contextlib.suppress(wire.PeerGone):
            agent.provide(spec["directories"])
            wire.send(sock, {"ready": True})
            agent.serve()
        # The helper ends this process before it puts things back. It may be killed just now, with
        # the test process: so the turn is ours only when it is seen to be dead.
        select.select([self._own], [], [])
        agent.kill_all()
        self._journal.put_back()
        self._journal.end()

    def _be_reader(self, sock: socket.socket, layer: str) -> None:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        os.chroot(f"{self._journal.store}/points/{layer}")
        os.chdir("/")
        agent = Agent(sock, self._own, processes.Descendants(), NoLayer())
        wire.send(sock, {"ready": True})
        agent.serve()

    def end_vm(self) -> list[str]:
        """End every process of the VM and put everything back.

        Returns:
            What could not be put back, each a sentence.
        """
        if self._vm is None:
            return []
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._vm.pid, signal.SIGKILL)
        os.close(self._vm.ended)
        self._vm = None
        _end_descendants()
        return self._journal.put_back()


def _end_descendants() -> None:
    """Kill all below this process, which inherits every orphan: no child left means none at all."""
    for _ in range(_REAP_ROUNDS):
        processes.kill_all_but((), processes.Descendants(), lambda: None)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        signal.sigtimedwait([signal.SIGCHLD], _REAP_SECONDS)


def _run_child(sock: socket.socket, work: Callable[[socket.socket], None]) -> NoReturn:
    """The whole life of a forked process: it never returns into its parent's code."""
    try:
        os.setsid()
        work(sock)
    except wire.PeerGone:
        pass
    except OSError as error:
        with contextlib.suppress(BaseException):
            where = f"{error.filename}: " if error.filename else ""
            wire.send(sock, Refused(f"{where}{error.strerror}", "").answer)
    except BaseException:
        with contextlib.suppress(BaseException):
            wire.send(sock, {"crashed": traceback.format_exc()})
    os._exit(0)
