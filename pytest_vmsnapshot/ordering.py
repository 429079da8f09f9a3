"""Putting a VM together: a new one, or one that is booted from a recovery point."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from . import engine
from .clock import RealClock, VirtualClock
from .errors import UsageError
from .guest.point_reader import PointReader
from .guest.remote import RemoteGuest
from .guest.session import Session, VirtualTime, VmSpec
from .kept import Keep
from .machine import Origin, VirtualMachine
from .protocols import PointFiles, Storage
from .settings import Settings
from .storage import LoopStorage, PauseAndCopy
from .volumes import Disks


def clock_of(spec: VmSpec) -> RealClock:
    """The harness's side of a VM's clock."""
    return RealClock() if spec.clock is None else VirtualClock()


def _shell_here() -> str:
    """What ``/bin/sh`` is on this machine, and so on a VM of which nothing else was asked."""
    return os.path.basename(os.path.realpath("/bin/sh"))


@dataclass(frozen=True, slots=True)
class Order:
    """What a VM is like, and all that are booted from its recovery points.

    Args:
        session: what makes VMs.
        settings: what was asked for.
        bases: local directories against which relative paths are looked up, in order.
        virtual: whether they have a virtual clock.
        wall: what the VM's wall clock shows at second 0 of its clock, in seconds since 1970.
        on_budget: told how many seconds a backup that starts may take at most.
        on_boot: told of each VM that is booted.
        keep: what they keep of each backup for reports.
    """

    session: Session
    settings: Settings
    bases: tuple[Path, ...]
    virtual: bool
    wall: float
    on_budget: Callable[[float], None] | None = None
    on_boot: Callable[[VirtualMachine], None] | None = None
    keep: Keep = Keep()  # noqa: RUF009  # it is frozen

    def machine(self, guest: RemoteGuest, clock: RealClock, origin: Origin) -> VirtualMachine:
        """A VM on a guest that was made.

        Args:
            guest: where its processes run.
            clock: its clock.
            origin: what it begins with.
        """
        return VirtualMachine(
            guest,
            self._storage(guest),
            clock,
            engine.RULE_SETS[self.settings.rules],
            origin.facts,
            self.bases,
            self.on_budget,
            self.settings.allow,
            Disks(self.settings.disks, self.settings.mounts),
            origin.volumes,
            self.boot,
            replace(self.keep, shell=self.settings.shell or _shell_here()),
            self.twin,
        )

    def _storage(self, guest: RemoteGuest) -> Storage:
        seed = self.settings.crash_seed
        if self.settings.storage == "loop":
            return LoopStorage(guest, PauseAndCopy(guest, seed, simulates=False))
        return PauseAndCopy(guest, seed)

    def twin(self, point: PointFiles, origin: Origin) -> VirtualMachine:
        """A VM in which a backup is made a second time; nobody is told of it.

        Args:
            point: the files the VM had before the backup.
            origin: that VM, and when the backup began.

        Raises:
            GuestUnavailable: no VM can be made.
        """
        return replace(self, on_boot=None, keep=Keep()).boot(point, origin)

    def boot(self, point: PointFiles, origin: Origin) -> VirtualMachine:
        """A VM whose disks are a recovery point.

        Args:
            point: the recovery point.
            origin: the VM that had it, and when it is booted.

        Raises:
            GuestDied: the VM that had it is closed.
            GuestUnavailable: no VM can be made.
            UsageError: not in place.
        """
        __tracebackhide__ = True
        if self.session.privilege == "in-place":
            raise UsageError(
                "a recovery point cannot be booted in place, where the only VM is this machine; "
                "look at its files with read_text(), or use a guest in namespaces"
            )
        assert isinstance(point, PointReader), "it is of a guest of ours"
        wall = self.wall + origin.at
        spec = point.booted(VirtualTime(int(wall)) if self.virtual else None)
        clock = clock_of(spec)
        guest = RemoteGuest(self.session, spec, clock)
        machine = replace(self, wall=wall).machine(guest, clock, origin)
        if self.on_boot is not None:
            self.on_boot(machine)
        return machine
