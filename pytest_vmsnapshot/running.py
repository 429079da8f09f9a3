"""Making VMs from settings: which session serves which guest, and what a VM is put together of."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from .errors import GuestDied, GuestUnavailable, UsageError
from .fault_checks import FaultOptions
from .guest.remote import RemoteGuest
from .guest.session import Session, VirtualTime, VmSpec, open_session
from .kept import Keep
from .machine import Origin, VirtualMachine
from .ordering import Order, clock_of
from .settings import Settings, Source, resolve
from .shells import set_shell

_NOTHING = Keep()

_HIDDEN = ("/tmp/", "/run/", "/dev/")
"""Places of the host that a VM has fresh ones of."""


class Workshop:
    """All that is needed to make VMs during one run of tests.

    Args:
        root: the project's root.
        invocation: the directory the run was started in.
        keep: what its VMs keep of each backup for reports.
    """

    def __init__(self, root: Path, invocation: Path, keep: Keep = _NOTHING) -> None:
        self._keep = keep
        self._root = root
        self._invocation = invocation
        self._sessions: dict[str, Session | GuestUnavailable] = {}
        self._opening = threading.Lock()

    def described(self, sources: Sequence[Source]) -> list[str]:
        """A sentence for each guest in effect."""
        clock = resolve(sources).settings.clock
        sessions = [found for found in self._sessions.values() if isinstance(found, Session)]
        return list(dict.fromkeys(description(session, clock) for session in sessions))

    def describe(self, sources: Sequence[Source]) -> str:
        """Find out which guest works, and say so in a sentence."""
        settings = resolve(sources).settings
        try:
            return description(self._session(settings.guest), settings.clock)
        except GuestUnavailable as error:
            return f"vmsnapshot: {error}"

    def make(
        self,
        sources: Sequence[Source],
        near: Path,
        on_budget: Callable[[float], None] | None = None,
        on_boot: Callable[[VirtualMachine], None] | None = None,
    ) -> VirtualMachine:
        """Make a VM.

        Args:
            sources: where settings come from, the weightiest first.
            near: a directory against which relative paths are looked up after the root.
            on_budget: told how many seconds a backup that starts may take at most.
            on_boot: told of each VM that is booted from a recovery point of this one.

        Raises:
            UsageError: settings no VM can have.
            GuestUnavailable: no VM can be made here, or none that is good enough.
            ShellMissing: its shell is not installed.
        """
        settings = resolve(sources).settings
        session = self._session(settings.guest)
        _check_requirements(session, settings)
        spec = VmSpec(
            settings.disk_size,
            settings.directories,
            self._shares(near),
            settings.network,
            clock=_virtual_time(session, settings),
            storage=_storage(session, settings),
        )
        clock = clock_of(spec)
        try:
            guest = RemoteGuest(session, spec, clock)
        except GuestDied:  # what makes VMs was killed during an earlier test: once more, afresh
            self._forget(settings.guest, session)
            session = self._session(settings.guest)
            guest = RemoteGuest(session, spec, clock)
        facts = settings.vm_facts()
        if settings.shell:
            try:
                set_shell(settings.shell, guest, clock, facts.agent.env)
            except BaseException:
                guest.close()
                raise
        bases = tuple(dict.fromkeys((self._root, near)))
        wall = time.time() if settings.clock_start is None else settings.clock_start
        virtual = spec.clock is not None
        order = Order(session, settings, bases, virtual, wall, on_budget, on_boot, self._keep)
        machine = order.machine(guest, clock, Origin(facts))
        try:
            machine.begin_with(settings.faults)
        except UsageError:
            machine.close()
            raise
        return machine

    def close(self) -> None:
        """End all sessions, and every VM with them."""
        for session in self._sessions.values():
            if isinstance(session, Session):
                session.close()
        self._sessions.clear()

    def _forget(self, guest: str, session: Session) -> None:
        session.close()
        with self._opening:
            if self._sessions.get(guest) is session:  # no other thread was here first
                del self._sessions[guest]

    def _session(self, guest: str) -> Session:
        with self._opening:
            if guest not in self._sessions:
                try:
                    self._sessions[guest] = open_session(guest)
                except GuestUnavailable as error:
                    self._sessions[guest] = error
            session = self._sessions[guest]
        if isinstance(session, GuestUnavailable):
            raise session
        return session

    def _shares(self, near: Path) -> tuple[str, ...]:
        """Directories of the project that a VM would hide: below a fresh directory of its own, or
        below one that this user may enter but not list, which is empty on the VM.
        """
        wanted = {path for path in (self._root, self._invocation, near) if path.is_dir()}
        hidden = sorted(
            str(path)
            for path in wanted
            if str(path).startswith(_HIDDEN)
            or not all(os.access(parent, os.R_OK) for parent in path.parents)
        )
        return tuple(
            path for path in hidden if not any(path.startswith(other + "/") for other in hidden)
        )


@contextlib.contextmanager
def virtual_machine(
    *,
    guest: str = "auto",
    rules: str = "documented",
    shell: str | None = None,
    clock: str = "auto",
    clock_start: str | datetime | None = None,
    storage: str = "pause-and-copy",
    disks: int | None = None,
    crash_seed: int = 1,
    allow: Sequence[str] = (),
    faults: FaultOptions | None = None,
) -> Iterator[VirtualMachine]:
    """A VM without pytest: for a script, a notebook, or to look around.

    Args:
        guest: where its processes run.
        rules: the rule set.
        shell: what ``/bin/sh`` is.
        clock: its clock: virtual, real, or auto.
        clock_start: the date at which a virtual clock starts.
        storage: what freezes and copies the disks.
        disks: how many disks Azure sees; by default two, or as many as the volumes need.
        crash_seed: decides what a snapshot without a freeze loses; 0 for nothing.
        allow: names of findings that are not told.
        faults: what goes wrong from the start, as for ``VirtualMachine.fault``.

    Raises:
        UsageError: settings no VM can have.
        GuestUnavailable: no VM can be made here.
        ShellMissing: its shell is not installed.
    """
    here = Path.cwd()
    workshop = Workshop(here, here)
    values = {
        "guest": guest,
        "rules": rules,
        "shell": shell,
        "clock": clock,
        "clock_start": clock_start,
        "storage": storage,
        "disks": disks,
        "crash_seed": crash_seed,
        "allow": allow,
        "faults": faults,
    }
    try:
        with workshop.make([Source("virtual_machine()", values)], here) as machine:
            yield machine
    finally:
        workshop.close()


def _clock_in_effect(session: Session, asked: str) -> str:
    if asked == "real":
        return "real"
    return (
        f"real (not virtual: {session.no_virtual_clock})" if session.no_virtual_clock else "virtual"
    )


def description(session: Session, asked: str) -> str:
    """Which VMs there are, and why no better ones, in a sentence.

    Args:
        session: what makes them.
        asked: the clock that is asked for.
    """
    kind = "in-place" if session.privilege == "in-place" else f"namespaces ({session.privilege})"
    text = f"vmsnapshot: guest {kind}"
    if not session.real_owners:
        text += ", owners other than root are modelled"
    text += f", clock {_clock_in_effect(session, asked)}"
    if session.refusals:
        text += "; not " + ", not ".join(str(refusal) for refusal in session.refusals)
    if session.shown_read_only:
        text += "; read-only on the VM: " + " ".join(session.shown_read_only)
    return text


def _virtual_time(session: Session, settings: Settings) -> VirtualTime | None:
    """The virtual clock of a VM; None for the machine's own.

    Raises:
        UsageError: it is asked for and cannot be had.
    """
    if settings.clock == "real":
        if settings.clock_start is not None:
            raise UsageError(
                ["clock_start is for the virtual clock; leave it out, or write clock='virtual'"]
            )
        return None
    if session.no_virtual_clock and (
        settings.clock == "virtual" or settings.clock_start is not None
    ):
        raise UsageError(
            [
                f"the virtual clock cannot be had here: {session.no_virtual_clock}; write "
                "clock='real', with limits of a few seconds"
            ]
        )
    return None if session.no_virtual_clock else VirtualTime(settings.clock_start)


def _storage(session: Session, settings: Settings) -> str:
    """What freezes and copies.

    Raises:
        UsageError: real file systems are asked for and cannot be had.
    """
    if settings.storage == "loop" and session.privilege not in ("root", "sudo"):
        raise UsageError(
            [
                f"storage='loop' needs root, and here the guest is {session.privilege}: only root "
                "may mount file systems from images, and freeze them; run pytest as root, take "
                "guest='sudo', or leave storage= out"
            ]
        )
    return settings.storage


def _check_requirements(session: Session, settings: Settings) -> None:
    missing = []
    if "clock" in settings.require and (session.no_virtual_clock or settings.clock == "real"):
        why = session.no_virtual_clock or "clock is set to real"
        missing.append(f"clock: time is not virtual: {why}")
    if "namespaces" in settings.require and session.privilege == "in-place":
        missing.append("namespaces: this run works in place")
    if "owners" in settings.require and not session.real_owners:
        missing.append(
            "owners: without subordinate ids files cannot belong to others than root; install "
            "newuidmap (Debian: uidmap) and add the user to /etc/subuid and /etc/subgid"
        )
    if missing:
        raise UsageError([f"required, but not to be had here: {text}" for text in missing])
