"""The VMs a test has used, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from .asked import BEGAN, MACHINES, QUIET, SESSION_VMS
from .backup import Backup
from .findings import Finding
from .kept import KeptBackup

if TYPE_CHECKING:
    from .machine import VirtualMachine


class Used(Protocol):
    """A VM, as far as a test has used it."""

    @property
    def backups(self) -> tuple[Backup, ...]:
        """The backups it took."""
        ...

    @property
    def kept(self) -> tuple[KeptBackup, ...]:
        """What was kept of each."""
        ...

    @property
    def sources(self) -> Mapping[str, Path]:
        """Local files, by where they lie on the VM."""
        ...

    @property
    def double_findings(self) -> tuple[Finding, ...]:
        """What is to be said of its command doubles."""
        ...


@dataclass(frozen=True, slots=True)
class _SinceItBegan:
    """A VM that outlives a test, with the backups that were taken while it ran.

    Args:
        machine: the VM.
        first: how many backups there were before.
    """

    machine: VirtualMachine
    first: int
    double_findings: tuple[Finding, ...] = ()

    @property
    def backups(self) -> tuple[Backup, ...]:
        """The backups."""
        return self.machine.backups[self.first :]

    @property
    def kept(self) -> tuple[KeptBackup, ...]:
        """What was kept of each."""
        return self.machine.kept[self.first :]

    @property
    def sources(self) -> Mapping[str, Path]:
        """Local files, by where they lie on the VM."""
        return self.machine.sources


def machines_of(item: pytest.Item) -> list[Used]:
    """All VMs a test has used: its own, those of checks of a contract, and those that outlive it.

    Args:
        item: the test.
    """
    there, began = item.config.stash.get(SESSION_VMS, []), item.stash.get(BEGAN, [])
    parts = [
        _SinceItBegan(machine, first)
        for machine, first in zip(there, (*began, *[0] * len(there)), strict=False)
        if machine.backups[first:]
    ]
    return [*item.stash.get(QUIET, ()), *item.stash.get(MACHINES, ()), *parts]
