"""What a scenario expects of its backup, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..declared.toml_file import Key
from .expected_text import ExpectedText

ErrorGiven = str | int
"""An error: its name, or the extension's number."""


@dataclass(frozen=True, slots=True)
class ExpectedRun:
    """What is expected of a script; None where anything goes.

    Args:
        run: whether it was started.
        attempts: how often.
        exit_status: how its last attempt ended.
        signal: the number of the signal that ended it.
        timed_out: whether it reached its limit.
        stdout: what it printed.
        stderr: what it printed as errors.
    """

    run: bool | None = None
    attempts: int | None = None
    exit_status: int | None = None
    signal: int | None = None
    timed_out: bool | None = None
    stdout: ExpectedText | None = None
    stderr: ExpectedText | None = None


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """What is expected of a file.

    Args:
        exists: whether there is one.
        text: its content; None where that does not matter.
        mode: its permission bits; None where they do not matter.
        owner: its owner's name or number; None where that does not matter.
    """

    exists: bool = True
    text: ExpectedText | None = None
    mode: int | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedCalls:
    """What is expected of the calls of a command.

    Args:
        count: how many there are; None where a list says it.
        calls: each call's arguments: a pattern for each of them, or one for all, joined by blanks.
    """

    count: int | None = None
    calls: tuple[tuple[str, ...] | str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExpectedHeld:
    """What is expected to be held, frozen or stopped while the snapshot is taken.

    Args:
        mysql: whether a session holds the read lock; None where that does not matter.
        postgresql: whether the server is in backup mode; None where that does not matter.
        fsfreeze: what scripts have frozen, exactly; None where that does not matter.
        systemctl: the state of units.
    """

    mysql: bool | None = None
    postgresql: bool | None = None
    fsfreeze: tuple[str, ...] | None = None
    systemctl: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExpectedReport:
    """What the extension is expected to report; None where anything goes.

    Args:
        precheck: the code of its look at config and scripts.
        status: ``success`` or ``error``.
        result: the code of the whole.
        error: the first error code that was set, or the result.
        consistency: what the recovery point is worth.
    """

    precheck: int | None = None
    status: str | None = None
    result: int | None = None
    error: int | None = None
    consistency: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a backup; None where anything goes.

    Args:
        status: how Azure Backup reports the job.
        consistency: what the recovery point is worth.
        error: an error it has, perhaps among others; empty text for none at all.
        errors: its errors, exactly and in their order.
        unreported: the errors that Azure is not told, exactly and in their order.
        decided_by: what is in the sentence that says which rule decided.
        pre: about the pre-script.
        post: about the post-script.
        calls: about the calls of command doubles, by their names.
        held: about the moment of the snapshot.
        recovery_point: about files of the recovery point, by their paths.
        files: about files of the VM after the backup, by their paths.
        frozen: where file systems were frozen, in this order; none where nothing was.
        findings: the kinds of findings, exactly.
        differences: the rules by which the other rule set would decide otherwise, exactly.
        extension: about the extension's report.
        ways: the way to each expectation in the file, by its name.
    """

    status: str | None = None
    consistency: str | None = None
    error: ErrorGiven | None = None
    errors: tuple[ErrorGiven, ...] | None = None
    unreported: tuple[ErrorGiven, ...] | None = None
    decided_by: ExpectedText | None = None
    pre: ExpectedRun = ExpectedRun()
    post: ExpectedRun = ExpectedRun()
    calls: Mapping[str, ExpectedCalls] = field(default_factory=dict)
    held: ExpectedHeld = field(default_factory=ExpectedHeld)
    recovery_point: Mapping[str, ExpectedFile] = field(default_factory=dict)
    files: Mapping[str, ExpectedFile] = field(default_factory=dict)
    frozen: tuple[str, ...] | None = None
    findings: tuple[str, ...] | None = None
    differences: tuple[str, ...] | None = None
    extension: ExpectedReport = ExpectedReport()
    ways: Mapping[str, tuple[Key, ...]] = field(default_factory=dict, compare=False)
