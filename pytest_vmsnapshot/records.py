"""What reports are made of: each test, with the backups it took."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from . import explain, serialise
from .backup import Backup, Consistency, Status
from .findings import Finding


class TestOutcome(enum.Enum):
    """How a test ended."""

    __test__ = False

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"


@dataclass(frozen=True, slots=True)
class FileText:
    """A file of the VM, as text.

    Args:
        path: where it lay on the VM.
        text: what it held; bytes that are not UTF-8 are shown as escapes.
        local: the project's file it was copied from, seen from the root directory; or empty.
    """

    path: str
    text: str
    local: str = ""


@dataclass(frozen=True, slots=True)
class CoveredLines:
    """The lines of one script that a backup executed.

    Args:
        path: where it lay on the VM.
        executable: numbers of the lines that can be executed, from 1.
        executed: those of them that were.
    """

    path: str
    executable: tuple[int, ...]
    executed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BackupRecord:
    """One backup of a test.

    Args:
        vm: which VM of the test, from 1.
        backup: the result.
        config: the config it was taken with; None where there was none, or where nobody asked for
            texts.
        scripts: its scripts; none where nobody asked for texts.
        measured: what measured which lines it executed, as sentences.
        lines: of each file that was measured, which lines were executed.
        shell: what ``/bin/sh`` was; empty where there was none.
    """

    vm: int
    backup: Backup
    config: FileText | None = None
    scripts: tuple[FileText, ...] = ()
    measured: tuple[str, ...] = ()
    lines: tuple[CoveredLines, ...] = ()
    shell: str = ""


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """One backup in short.

    Args:
        vm: which VM of the test, from 1.
        number: which backup of that VM, from 1.
        status: how Azure Backup reports it.
        consistency: what the recovery point is worth.
        errors: names of the errors Azure is told.
        rules: the rule set in effect.
        guest: the guest in effect.
        duration: seconds on the VM's clock.
        real_duration: seconds of real time.
        verdict: what it amounts to, what decided it and what to do, in lines; empty where it is
            application-consistent.
    """

    vm: int
    number: int
    status: Status
    consistency: Consistency
    errors: tuple[str, ...]
    rules: str
    guest: str
    duration: float
    real_duration: float
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class TestSummary:
    """One test that used VMs, in short.

    Args:
        test: its id.
        outcome: how it ended.
        backups: what it took.
        path: its file, seen from the root directory.
        line: its line there, from 1; 0 where it has none.
        message: why it failed, or was skipped, as short as pytest has it.
    """

    __test__ = False

    test: str
    outcome: TestOutcome
    backups: tuple[BackupSummary, ...]
    path: str = ""
    line: int = 0
    message: str = ""

    def to_json(self) -> str:
        """All facts as JSON."""
        return serialise.dump(self)

    @classmethod
    def from_json(cls, text: str) -> TestSummary:
        """The summary that ``to_json`` wrote.

        Raises:
            UsageError: the text is none.
        """
        return serialise.load(cls, text)


@dataclass(frozen=True, slots=True)
class TestRecord:
    """One test that used VMs.

    Args:
        test: its id.
        path: its file, seen from the root directory.
        line: its line there, from 1; 0 where it has none.
        outcome: how it ended.
        message: why it failed, or was skipped, as short as pytest has it.
        duration: seconds of real time of its set-up, call and teardown.
        backups: what it took, by VM, in order.
        findings: what is to be said of command doubles, allowed or not.
        worker: which process of pytest-xdist ran it, or empty.
    """

    __test__ = False

    test: str
    path: str
    line: int
    outcome: TestOutcome
    message: str
    duration: float
    backups: tuple[BackupRecord, ...]
    findings: tuple[Finding, ...] = ()
    worker: str = ""

    def to_json(self) -> str:
        """All facts as JSON."""
        return serialise.dump(self)

    def short(self) -> TestSummary:
        """What a terminal shows of it."""
        return TestSummary(
            self.test,
            self.outcome,
            tuple(summary_of(record.vm, record.backup) for record in self.backups),
            self.path,
            self.line,
            self.message,
        )

    @classmethod
    def from_json(cls, text: str) -> TestRecord:
        """The record that ``to_json`` wrote.

        Raises:
            UsageError: the text is none.
        """
        return serialise.load(cls, text)


def summary_of(vm: int, backup: Backup) -> BackupSummary:
    """A backup in short.

    Args:
        vm: which VM of the test, from 1.
        backup: the result.
    """
    is_good = backup.consistency is Consistency.APPLICATION
    return BackupSummary(
        vm,
        backup.number,
        backup.status,
        backup.consistency,
        tuple(error.name for error in backup.errors),
        backup.rules,
        backup.guest,
        backup.duration,
        backup.real_duration,
        "" if is_good else explain.verdict(backup),
    )
