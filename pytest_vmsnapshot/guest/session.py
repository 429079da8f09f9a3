"""The harness's side of the warden: starting it, trying one privilege after another, ending it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import GuestDied, GuestUnavailable
from . import wire
from .steps import Refusal, explain

_START_LIMIT = 60.0
"""Seconds for the warden's first word: it surveys the host's tree, which may be on a slow disk."""

_END_LIMIT = 10.0
"""Seconds for the warden to end by itself once its socket is closed; then it is killed."""

_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from pytest_vmsnapshot.guest.warden import main; main(sys.argv[1:])"
)

PRIVILEGES = ("root", "subids", "rootless", "sudo")
"""Ways to make namespaces, best first."""


@dataclass(frozen=True, slots=True)
class VmSpec:
    """What a VM's tree and namespaces shall be like.

    Args:
        disk_bytes: size of the private layer.
        directories: directories that exist from the start.
        shares: directories of the project that must be readable.
        network: whether the host's network is shared.
        layer: the recovery point to show, as VM number and name, or empty.
    """

    disk_bytes: int
    directories: tuple[str, ...]
    shares: tuple[str, ...]
    network: bool
    layer: str = ""


@dataclass(slots=True)
class Handle:
    """One VM: its number at the warden, and the socket of its agent."""

    number: int
    sock: socket.socket


class Session:
    """One warden and the VMs it makes.

    Args:
        privilege: the way that works here.
        process: the warden's outer process.
        control: the socket on which it is asked.
        shown_read_only: directories of the host that VMs can read but not change.
        refusals: better ways that were tried before, and why they do not work here.
    """

    def __init__(
        self,
        privilege: str,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        shown_read_only: tuple[str, ...],
        refusals: tuple[Refusal, ...],
    ) -> None:
        self.privilege = privilege
        self.refusals = refusals
        self.shown_read_only = shown_read_only
        self._process = process
        self._control = control

    @property
    def real_owners(self) -> bool:
        """Whether files on the VM can belong to somebody else than root."""
        return self.privilege != "rootless"

    def create(self, spec: VmSpec) -> Handle:
        """Make a VM.

        Raises:
            GuestUnavailable: it could not be made; says which step was refused.
            GuestDied: the warden is gone.
        """
        request = {
            "disk_bytes": spec.disk_bytes,
            "directories": spec.directories,
            "shares": spec.shares,
            "network": spec.network,
            "layer": spec.layer,
        }
        answer = self._ask({"op": "create", "spec": request})
        self._raise_if_failed(answer)
        handle = Handle(answer.body["id"], socket.socket(fileno=answer.take()))
        try:
            self._raise_if_failed(wire.receive(handle.sock))
        except wire.PeerGone:
            self.destroy(handle)
            raise GuestDied("a new VM ended before it was ready") from None
        except BaseException:
            self.destroy(handle)
            raise
        return handle

    def destroy(self, handle: Handle) -> None:
        """End a VM and everything in it."""
        handle.sock.close()
        with contextlib.suppress(GuestDied):
            self._ask({"op": "close", "id": handle.number})

    def close(self) -> None:
        """End the warden, and with it every VM that is left."""
        self._control.close()
        try:
            self._process.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, body: dict[str, object]) -> wire.Received:
        try:
            wire.send(self._control, body)
            return wire.receive(self._control)
        except (wire.PeerGone, OSError) as gone:
            raise GuestDied("the process that makes VMs has ended") from gone

    def _raise_if_failed(self, answer: wire.Received) -> None:
        body = answer.body
        if "crashed" in body:
            raise GuestUnavailable(f"a VM could not be made:\n{body['crashed']}")
        if "failed" in body:
            refusal = explain(self.privilege, body["failed"], body["error"])
            raise GuestUnavailable(f"a VM could not be made. {refusal}; {refusal.remedy}")


def open_session(privilege: str) -> Session:
    """Start a warden.

    Args:
        privilege: one of ``PRIVILEGES``, ``in-place``, or ``auto`` for the best that works.

    Raises:
        GuestUnavailable: none works; says what was tried, what refused it, and the ways out.
    """
    refusals: list[Refusal] = []
    for name in _candidates() if privilege == "auto" else (privilege,):
        found = _try(name, tuple(refusals))
        if isinstance(found, Session):
            return found
        refusals.append(found)
    raise GuestUnavailable(_unavailable(refusals, asked=privilege))


def _candidates() -> list[str]:
    if os.geteuid() == 0:
        return ["root", "rootless"]
    names = ["rootless", "sudo"]
    if shutil.which("newuidmap") and shutil.which("newgidmap"):
        names.insert(0, "subids")
    if not shutil.which("sudo"):
        names.remove("sudo")
    return names


def _unavailable(refusals: Sequence[Refusal], *, asked: str) -> str:
    lines = ["no VM can be made on this machine:"]
    lines += [f"  {refusal}" for refusal in refusals]
    remedies = list(dict.fromkeys(refusal.remedy for refusal in refusals if refusal.remedy))
    if asked == "in-place":
        return "\n".join([*lines, *(f"  {remedy}" for remedy in remedies)])
    lines.append("ways out:")
    lines += [f"  - {remedy}" for remedy in remedies]
    lines.append(
        "  - in a disposable container, as root: pytest --vmsnapshot-guest=in-place "
        "(it works on the real /etc/azure and puts everything back)"
    )
    return "\n".join(lines)


def _try(privilege: str, before: tuple[Refusal, ...]) -> Session | Refusal:
    control, process = _spawn(privilege)
    if isinstance(control, Refusal):
        return control
    try:
        body = _first_word(control)
    except BaseException:
        control.close()
        process.kill()
        process.wait()
        raise
    if "ready" in body:
        return Session(privilege, process, control, tuple(body["shown_read_only"]), before)
    control.close()
    code = process.wait()
    if "failed" in body:
        return explain(privilege, body["failed"], body["error"])
    reason = body.get("crashed") or f"the helper process ended with exit status {code}"
    return Refusal(privilege, "start the warden", 0, reason, "")


def _first_word(control: socket.socket) -> dict[str, object]:
    readable, _, _ = select.select([control], [], [], _START_LIMIT)
    if not readable:
        return {"crashed": f"the helper process said nothing for {_START_LIMIT:g} s"}
    try:
        return wire.receive(control).body
    except wire.PeerGone:
        return {}


def _spawn(privilege: str) -> tuple[socket.socket | Refusal, subprocess.Popen[bytes]]:
    package_parent = str(Path(__file__).resolve().parents[2])
    python = [sys.executable, "-I", "-S", "-c", _PROGRAM, package_parent]
    if privilege == "sudo":
        return _spawn_with_sudo(python)
    ours, theirs = wire.socket_pair()
    with theirs:
        process = subprocess.Popen(
            [*python, privilege, "-"],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return ours, process


def _spawn_with_sudo(
    python: list[str],
) -> tuple[socket.socket | Refusal, subprocess.Popen[bytes]]:
    """sudo closes descriptors and may put a pipe in between, so the warden connects to us."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind("")  # Linux picks a free abstract name: nothing in the file system
        listener.listen(1)
        name = listener.getsockname()[1:].decode("ascii")
        process = subprocess.Popen(
            ["sudo", "-n", "--", *python, "root", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        ended = os.pidfd_open(process.pid)
        try:
            readable, _, _ = select.select([listener, ended], [], [], _START_LIMIT)
            if listener in readable:
                connection, _ = listener.accept()
                return connection, process
        finally:
            os.close(ended)
        process.kill()
        said = process.stderr.read().decode("utf-8", "backslashreplace").strip()
        process.wait()
        refusal = Refusal("sudo", "sudo -n", 0, said or "it did not start", "configure sudo")
        return refusal, process


