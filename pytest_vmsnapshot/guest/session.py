"""The harness's side of the warden: starting it, trying one privilege after another, ending it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import GuestDied, GuestUnavailable, NotPutBack
from . import launch, wire
from .launch import Helper
from .steps import Refusal, explain


@dataclass(frozen=True, slots=True)
class VmSpec:
    """What a VM's tree and namespaces shall be like.

    Args:
        disk_bytes: size of the private layer.
        directories: directories that exist from the start.
        shares: directories of the project that must be readable.
        network: whether the host's network is shared.
        layer: the recovery point it starts from, as VM number and name, or empty.
        booted: whether that is its own from now on; otherwise it is shown read-only.
        volumes: what the VM of the recovery point had mounted, as its agent was told.
        clock: a virtual clock, or None for the machine's own.
        storage: ``pause-and-copy`` or ``loop``.
    """

    disk_bytes: int
    directories: tuple[str, ...]
    shares: tuple[str, ...]
    network: bool
    layer: str = ""
    booted: bool = False
    volumes: tuple[Mapping[str, Any], ...] = ()
    clock: VirtualTime | None = None
    storage: str = "pause-and-copy"


@dataclass(frozen=True, slots=True)
class VirtualTime:
    """A virtual clock.

    Args:
        start: where the VM's wall clock starts, in seconds since 1970, or None for now.
    """

    start: int | None = None


@dataclass(slots=True)
class Handle:
    """One VM: its number at the warden, and the socket of its agent."""

    number: int
    sock: socket.socket


class Session:
    """One warden and the VMs it makes.

    Args:
        privilege: the way that works here.
        helper: the warden's outer process.
        shown_read_only: directories of the host that VMs can read but not change.
        refusals: better ways that were tried before, and why they do not work here.
        no_virtual_clock: why no VM can have a virtual clock here, or empty.
    """

    def __init__(
        self,
        privilege: str,
        helper: Helper,
        shown_read_only: tuple[str, ...],
        refusals: tuple[Refusal, ...],
        no_virtual_clock: str = "",
    ) -> None:
        self.privilege = privilege
        self.refusals = refusals
        self.no_virtual_clock = no_virtual_clock
        self.shown_read_only = shown_read_only
        self._helper = helper
        self._dialogue = threading.Lock()

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
            "booted": spec.booted,
            "storage": spec.storage,
            "volumes": spec.volumes,
            "clock": None if spec.clock is None else {"start": spec.clock.start},
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

    def destroy(self, handle: Handle, *, wait: bool = True) -> None:
        """End a VM and everything in it.

        Args:
            handle: the VM.
            wait: whether nothing may be left of it when this returns. Otherwise it dies while the
                caller goes on. A VM in place is always waited for.

        Raises:
            NotPutBack: a VM in place has left something behind.
        """
        handle.sock.close()
        try:
            body = self._ask({"op": "close", "id": handle.number, "wait": wait}).body
        except GuestDied:
            return
        if left := body.get("left"):
            raise NotPutBack("this machine is not as it was before the VM:\n  " + "\n  ".join(left))

    def close(self) -> None:
        """End the warden, and with it every VM that is left."""
        self._helper.end()

    def _ask(self, body: dict[str, object]) -> wire.Received:
        with self._dialogue:
            try:
                wire.send(self._helper.control, body)
                return wire.receive(self._helper.control)
            except (wire.PeerGone, OSError) as gone:
                raise GuestDied("the process that makes VMs has ended") from gone
            except BaseException:  # Ctrl-C, say: the answer would be taken for the next one
                self._helper.control.close()
                raise

    def _raise_if_failed(self, answer: wire.Received) -> None:
        body = answer.body
        if "crashed" in body:
            raise GuestUnavailable(f"a VM could not be made:\n{body['crashed']}")
        refusal = None
        if "refused" in body:
            refusal = Refusal(self.privilege, "", 0, body["refused"], body["remedy"])
        elif "failed" in body:
            refusal = explain(self.privilege, body["failed"], body["error"], said=body["call"])
        if refusal is not None:
            remedy = f"; {refusal.remedy}" if refusal.remedy else ""
            raise GuestUnavailable(f"a VM could not be made. {refusal}{remedy}")


def open_session(privilege: str) -> Session:
    """Start a warden.

    Args:
        privilege: one way (root, subids, rootless, sudo, in-place), or ``auto`` for the best
            that works.

    Raises:
        GuestUnavailable: none works; says what was tried, what refused it, and the ways out.
    """
    refusals: list[Refusal] = []
    for name in launch.candidates() if privilege == "auto" else (privilege,):
        found = name if isinstance(name, Refusal) else attempt(name, tuple(refusals))
        if isinstance(found, Session):
            return found
        refusals.append(found)
    raise GuestUnavailable(launch.unavailable(refusals, asked=privilege))


def attempt(privilege: str, before: tuple[Refusal, ...] = ()) -> Session | Refusal:
    """Start a warden in one way.

    Args:
        privilege: the way.
        before: better ways that were refused.

    Returns:
        What makes VMs, or why it cannot be had, with the remedy.
    """
    helper = launch.start(privilege)
    if isinstance(helper, Refusal):
        return helper
    try:
        body = helper.first_word()
    except BaseException:
        helper.end()
        raise
    if "ready" in body:
        shown = tuple(body["shown_read_only"])
        return Session(privilege, helper, shown, before, body["no_virtual_clock"])
    helper.end()
    if "refused" in body:
        return Refusal(privilege, "", 0, body["refused"], body["remedy"])
    if "failed" in body:
        return explain(privilege, body["failed"], body["error"], said=body["call"])
    reason = body.get("crashed") or "the helper process ended without a word"
    return Refusal(privilege, "start the helper process", 0, reason, "")
