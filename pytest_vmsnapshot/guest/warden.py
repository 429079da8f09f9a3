"""The session's helper process: it makes VMs and outlives none of them, nor the test process.

Two processes: an outer one that holds the namespaces' door, and the warden proper, PID 1 of the
session's PID namespace. Each VM is one fork of the warden with namespaces of its own. When the
test process ends in any way, both notice through its pidfd and end; the kernel then ends every
VM and drops every mount with them. Nothing of a VM is ever visible in the host's file system.

Started as a bare interpreter (``-I -S``), so this module and what it imports use the standard
library only, and everything is imported before the root changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import itertools
import os
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from .. import syscalls
from ..clock import make
from ..clock.kernel import Kernel
from . import image_store, processes, thawer, wire
from .agent import Agent
from .assemble import UPTIME, TreeSpec, assemble
from .crash_layer import CrashLayer
from .disk_files import DiskFiles
from .durable import Durable
from .image_store import Store
from .layer import Layer
from .loop_volumes import LoopVolumes
from .lower_files import LowerFiles
from .own_files import OwnFiles
from .probe import try_namespaces, try_virtual_clock
from .steps import StepFailed, step
from .template import DISK, HOST, IMAGES, NODES, POINTS, Template, prepare
from .thawer import Thawer
from .trees import remove_tree
from .volumes import Volumes

_SIOCSIFFLAGS = 0x8914  # linux/sockios.h
_IFF_UP, _IFF_RUNNING = 0x1, 0x40  # linux/if.h
_STORE_SIZE = 1 << 40
"""Bytes of images at most: as much as there is memory for, which is taken as it is written."""

_OWN_NAMESPACES = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS


def main(arguments: list[str]) -> None:
    """Run the outer process.

    Args:
        arguments: ``privilege`` (root, subids, rootless, in-place) and where the harness is:
            ``-`` for a socket at descriptor 0, or the name of an abstract socket.
    """
    privilege, place = arguments
    control = _control_socket(place)
    harness = os.pidfd_open(_peer(control))
    os.set_inheritable(harness, False)
    _forget_caller()
    try:
        if privilege == "in-place":
            from . import in_place_host  # what a session does not need, it does not import

            in_place_host.serve(control, harness)
        else:
            _outer(control, harness, privilege)
    except StepFailed as failed:
        _report(control, failed)


def _forget_caller() -> None:
    """Undo what the test process inherited or set for itself: no VM may depend on it."""
    os.umask(0o022)
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) == signal.SIG_IGN:  # by nohup, say: not for scripts
            signal.signal(number, signal.SIG_DFL)  # SIGCHLD, ignored, would keep exit statuses
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _control_socket(place: str) -> socket.socket:
    if place == "-":
        return socket.socket(fileno=os.dup(0))
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect("\0" + place)
    return control


def _peer(control: socket.socket) -> int:
    credentials = control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], sys.byteorder)


def _report(sock: socket.socket, failed: StepFailed) -> None:
    with contextlib.suppress(wire.PeerGone):
        wire.send(sock, {"failed": failed.name, "error": failed.number, "call": failed.call})


def _outer(control: socket.socket, harness: int, privilege: str) -> None:
    rootless = privilege != "root"
    if rootless:
        from . import user_namespace

        user_namespace.enter(subordinate=privilege == "subids")
    door = None if rootless else thawer.start(harness)
    with step("unshare the PID namespace"):
        syscalls.unshare(syscalls.CLONE_NEWPID)
    with step("fork the warden"):
        pid = os.fork()
    if pid == 0:
        _run_child(control, lambda: Warden(control, harness, door, rootless=rootless).serve())
    if door is not None:
        door.close()
    control.close()
    child = os.pidfd_open(pid)
    select.select([harness, child], [], [])
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _run_child(sock: socket.socket, work: Callable[[], None]) -> NoReturn:
    """The whole life of a forked process: it never returns into its parent's code."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        work()
    except StepFailed as failed:
        _report(sock, failed)
    except wire.PeerGone:
        pass
    except BaseException:
        with contextlib.suppress(BaseException):
            wire.send(sock, {"crashed": traceback.format_exc()})
    os._exit(0)


@dataclass(slots=True)
class _Vm:
    """One VM the warden has forked.

    Args:
        number: names its directory of recovery points.
        pid: its agent.
        sock: the harness's end of the agent's socket, until the harness has it.
    """

    number: int
    pid: int
    sock: socket.socket


@dataclass(frozen=True, slots=True)
class _Dying:
    """One VM that was ended, of which something may be left.

    Args:
        number: names its directory of recovery points.
        pid: its agent.
    """

    number: int
    pid: int


class Warden:
    """Makes and ends the VMs of one session.

    A spare VM like the last one is kept ready: it is made while the test uses the one before.

    Args:
        control: where the harness asks.
        harness: pidfd of the test process.
        door: where agents find the watchdog that thaws; None where nothing can be frozen.
        rootless: whether a user namespace is in force.
    """

    def __init__(
        self,
        control: socket.socket,
        harness: int,
        door: socket.socket | None,
        *,
        rootless: bool,
    ) -> None:
        self._control = control
        self._harness = harness
        self._door = door
        self._store: Store | None = None
        with step("unshare the mount namespace"):
            syscalls.unshare(syscalls.CLONE_NEWNS)
        self._template: Template = prepare(rootless=rootless)
        try_namespaces(DISK)
        self._no_virtual_clock = try_virtual_clock()
        self._own_pids = os.open("/host/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._pids: dict[int, int] = {}
        self._dying: dict[int, _Dying] = {}
        self._numbers = itertools.count(1)
        self._spare: tuple[dict[str, Any], _Vm] | None = None
        if not self._no_virtual_clock:
            Kernel.here()
        gc.freeze()  # the collector would write to pages the agents share with us

    def serve(self) -> None:
        """Answer the harness until it is gone."""
        hidden = list(self._template.shown_read_only)
        ready = {"ready": True, "shown_read_only": hidden}
        wire.send(self._control, {**ready, "no_virtual_clock": self._no_virtual_clock})
        control = self._control.fileno()
        while True:
            readable, _, _ = select.select([control, self._harness, *self._dying], [], [])
            if self._harness in readable:
                return
            if control in readable:
                self._answer(wire.receive(self._control).body)
            for fd in self._dying.keys() & readable:
                os.close(fd)
                self._bury(self._dying.pop(fd))

    def _answer(self, request: dict[str, Any]) -> None:
        if request["op"] == "create":
            self._create(request["spec"])
            return
        dying = self._end(request["id"])
        if dying is not None and request["wait"]:
            self._bury(dying)
        elif dying is not None:
            self._dying[os.pidfd_open(dying.pid)] = dying
        wire.send(self._control, {})

    def _create(self, spec: dict[str, Any]) -> None:
        try:
            if spec["storage"] == "loop" and self._store is None:
                with step("make a place for images"):
                    self._store = image_store.make(IMAGES, NODES, _STORE_SIZE, HOST)
            vm = self._take_spare(spec) or self._fork(spec)
        except StepFailed as failed:
            _report(self._control, failed)
            return
        wire.send(self._control, {"id": vm.number}, [vm.sock.fileno()])
        vm.sock.close()
        if not spec["layer"]:
            with contextlib.suppress(StepFailed):  # the next request will meet it and report it
                self._spare = spec, self._fork(spec)

    def _take_spare(self, spec: dict[str, Any]) -> _Vm | None:
        if self._spare is None or spec["layer"]:
            return None
        made_for, vm = self._spare
        self._spare = None
        # It may have been killed, or have met what is over by now.
        ended = os.waitid(os.P_PID, vm.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if made_for == spec and ended is None:
            return vm
        vm.sock.close()
        if (dying := self._end(vm.number)) is not None:
            self._bury(dying)
        return None

    def _fork(self, spec: dict[str, Any]) -> _Vm:
        ours, theirs = wire.socket_pair()
        number = next(self._numbers)
        with theirs:
            # Only children are moved; going back to our own namespace allows the next one.
            with step("unshare the PID namespace"):
                syscalls.unshare(syscalls.CLONE_NEWPID)
            try:
                with step("fork an agent"):
                    pid = os.fork()
            except StepFailed:
                syscalls.setns(self._own_pids, syscalls.CLONE_NEWPID)
                ours.close()
                raise
            if pid == 0:
                ours.close()
                self._control.close()
                _run_child(theirs, lambda: self._be_agent(theirs, number, spec))
            syscalls.setns(self._own_pids, syscalls.CLONE_NEWPID)
        self._pids[number] = pid
        return _Vm(number, pid, ours)

    def _be_agent(self, sock: socket.socket, number: int, spec: dict[str, Any]) -> None:
        network = spec["network"]
        with step("unshare the VM's namespaces"):
            syscalls.unshare(_OWN_NAMESPACES | (0 if network else syscalls.CLONE_NEWNET))
        if not network:
            _loopback_up()
        points = f"{POINTS}/{number}"
        os.mkdir(points, 0o700)
        points_fd = os.open(points, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        shown = spec["layer"] and f"{POINTS}/{spec['layer']}"
        tree = TreeSpec(
            spec["disk_bytes"],
            tuple(spec["directories"]),
            tuple(spec["shares"]),
            shown,
            booted=spec["booted"],
            volumes=spec["volumes"],
            own_uptime=spec["clock"] is not None,
        )
        devices: set[int] = set()
        volumes: Volumes
        if spec["storage"] == "loop" and self._store is not None and self._door is not None:
            way = Thawer(self._door, number)
            images = self._store.directory
            volumes = LoopVolumes(images, number, NODES, way, spec["layer"], shown, devices.add)
        else:
            volumes = Volumes(shown, devices.add)
        lower = LowerFiles.of(self._template.entries)
        disk = assemble(self._template, tree, volumes)
        uptime = f"/proc/self/fd/{disk}/{UPTIME}" if spec["clock"] is not None else None
        skipped = self._template.skipped()
        private = Layer(
            f"/proc/self/fd/{disk}",
            f"/proc/self/fd/{points_fd}",
            skipped,
            volumes,
            lower,
            booted=spec["booted"],
        )
        is_own = OwnFiles(disk, self._template.layers(), devices)
        on_disk = DiskFiles(disk, skipped, is_own, devices, lower, volumes.in_memory)
        layer = CrashLayer(private, f"/proc/self/fd/{points_fd}", lambda now: Durable(on_disk, now))
        household = processes.Namespace()
        vm = make.Surroundings(
            household.members,
            shares_machine=False,
            shares_network=network,
            # Who writes to a frozen file system hangs, and PID 1 must not.
            is_own_file=lambda status, path: (
                status.st_dev not in volumes.frozen_devices() and is_own(status, path)
            ),
            written=layer.watched,
            uptime=None if uptime is None else os.open(uptime, os.O_WRONLY | os.O_CLOEXEC),
        )
        keeper = make.keeper(spec["clock"], vm)
        agent = Agent(sock, self._harness, household, layer, keeper, volumes)
        syscalls.name_process("vm-agent")  # a script that kills every python must not mean us
        wire.send(sock, {"ready": True})
        agent.serve()

    def _end(self, number: int) -> _Dying | None:
        """End a VM: the death of its PID 1 is the death of every process in it."""
        pid = self._pids.pop(number, 0)
        if not pid:
            return None
        if self._door is not None:
            thawer.end(self._door, number)  # or what hangs in a write could not be killed
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return _Dying(number, pid)

    def _bury(self, dying: _Dying) -> None:
        """Wait until nothing is left of a VM that was ended."""
        os.waitpid(dying.pid, 0)
        with contextlib.suppress(OSError):
            remove_tree(f"{POINTS}/{dying.number}")
        if self._store is not None:
            with contextlib.suppress(OSError):
                remove_tree(f"{self._store.directory}/{dying.number}")


def _loopback_up() -> None:
    """Bring the VM's own loopback interface up."""
    with contextlib.suppress(OSError), socket.socket() as probe:
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP | _IFF_RUNNING))
