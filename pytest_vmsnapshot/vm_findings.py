"""What a test is told of its VM, besides the verdicts of its backups."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from . import inspection
from .backup import Backup
from .command_double import CommandDouble
from .errors import GuestDied
from .findings import Finding, FindingKind, Watched
from .kept import KeptBackup
from .vm_files import VmFiles
from .vm_path import FileGuest


class VmFindings(VmFiles):
    """The backups of a VM, and what was found after them.

    Args:
        guest: where its processes run.
        bases: local directories against which relative paths are looked up, in order.
        allow: names of findings that are not told.
    """

    def __init__(self, guest: FileGuest, bases: Sequence[Path], allow: Sequence[str]) -> None:
        super().__init__(guest, bases)
        self._allowed = frozenset(FindingKind(name) for name in allow)
        self._watched: list[Watched] = []
        self._backups: list[Backup] = []
        self._kept: list[KeptBackup] = []
        self._doubles: list[CommandDouble] = []
        self._of_doubles: tuple[Finding, ...] = ()

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All backups taken so far."""
        return tuple(self._backups)

    @property
    def kept(self) -> tuple[KeptBackup, ...]:
        """What was kept of each backup for reports; nothing unless a report is asked for."""
        return tuple(self._kept)

    @property
    def never_called(self) -> tuple[str, ...]:
        """Where command doubles lie that nobody has called so far, but for optional ones; none
        once the VM is closed.
        """
        with contextlib.suppress(GuestDied):
            return tuple(double.path for double in inspection.never_called(self._doubles))
        return ()

    @property
    def allowed(self) -> frozenset[FindingKind]:
        """Kinds of findings that are not told."""
        return self._allowed

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found so far, in all backups and of all command doubles, but for what is
        allowed.
        """
        found = [finding for backup in self._backups for finding in backup.findings]
        found += self.double_findings
        return tuple(finding for finding in found if finding.kind not in self._allowed)

    @property
    def double_findings(self) -> tuple[Finding, ...]:
        """What is to be said of the command doubles, allowed or not; the last word of a VM that is
        closed.
        """
        with contextlib.suppress(GuestDied):
            self._of_doubles = tuple(inspection.of_doubles(self._doubles))
        return self._of_doubles

    def watch_over(self, watched: Watched) -> None:
        """Ask something after each backup from now on what the scripts left behind.

        Args:
            watched: told before each backup, asked after it; its findings are those of the backup.
        """
        self._watched.append(watched)
