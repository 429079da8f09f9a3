"""What a backup amounts to: pure functions over facts. No file, process or clock is touched.

Source: the documented column of ENGINE.md. Where the documentation is silent the functions say
so: a freeze that fails is decided as a script failure with ``continueBackupOnFailure: false``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..backup import Consistency, Status


class Precheck(enum.Enum):
    """What was found before any script was started."""

    PASSED = "passed"
    UNSUPPORTED = "unsupported"
    NOT_CONFIGURED = "not configured"
    REFUSED = "refused"
    SCRIPTS_REFUSED = "scripts refused"


class Outcome(enum.Enum):
    """What became of a script."""

    NOT_RUN = "not run"
    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed out"

    @property
    def bad(self) -> bool:
        """Whether the script was run and did not succeed."""
        return self in (Outcome.FAILED, Outcome.TIMED_OUT)


class Freeze(enum.Enum):
    """What became of the freeze."""

    OFF = "off"
    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed out"

    @property
    def bad(self) -> bool:
        """Whether the file systems should have been frozen and were not."""
        return self in (Freeze.FAILED, Freeze.TIMED_OUT)


class Snapshot(enum.Enum):
    """What became of the snapshot."""

    NOT_TAKEN = "not taken"
    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Facts:
    """All a verdict depends on.

    Args:
        precheck: what was found before any script was started.
        pre: what became of the pre-script.
        post: what became of the post-script.
        continue_on_failure: the config's continueBackupOnFailure; true where no config counts.
        fs_freeze: the config's fsFreezeEnabled; true where no config counts.
        freeze: what became of the freeze.
        snapshot: what became of the snapshot.
        disks: how many disks the VM has, at least 1.
    """

    precheck: Precheck = Precheck.PASSED
    pre: Outcome = Outcome.NOT_RUN
    post: Outcome = Outcome.NOT_RUN
    continue_on_failure: bool = True
    fs_freeze: bool = True
    freeze: Freeze = Freeze.OFF
    snapshot: Snapshot = Snapshot.NOT_TAKEN
    disks: int = 2

    @property
    def single_disk(self) -> bool:
        """Whether the single-disk fallback applies."""
        return self.disks == 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done after the pre-script.

    Args:
        snapshot: whether a snapshot is taken.
        freeze: whether the file systems are frozen for it.
        reason: why, as a phrase.
    """

    snapshot: bool
    freeze: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the backup amounts to.

    Args:
        status: how the job is reported.
        consistency: what the recovery point is worth.
        rule: what decided, as a phrase.
    """

    status: Status
    consistency: Consistency
    rule: str


def plan(facts: Facts) -> Plan:
    """Decide, once the pre-script has run (or was not started), about freeze and snapshot.

    Args:
        facts: ``precheck`` and ``pre`` and the settings; the rest does not count yet.
    """
    failure = _script_failure(facts)
    if not failure or facts.continue_on_failure:
        return Plan(True, facts.fs_freeze, failure or "no script failed")
    if facts.single_disk:
        return Plan(True, False, f"{failure}, continueBackupOnFailure is false, single-disk VM")
    return Plan(False, False, f"{failure} and continueBackupOnFailure is false")


def plan_after_bad_freeze(facts: Facts) -> Plan:
    """Decide what is done when the file systems could not be frozen, or not long enough."""
    if facts.single_disk:
        return Plan(True, False, "the freeze did not work, single-disk VM")
    return Plan(False, False, f"the freeze did not work on a VM with {facts.disks} disks")


def decide(facts: Facts) -> Verdict:
    """Decide what the backup amounts to."""
    if facts.snapshot is not Snapshot.OK:
        return Verdict(Status.FAILED, Consistency.NONE, _why_no_snapshot(facts))
    failure = _script_failure(facts)
    if failure and not facts.continue_on_failure and not facts.single_disk:
        rule = f"{failure} and continueBackupOnFailure is false"
        return Verdict(Status.FAILED, Consistency.NONE, rule)
    if facts.freeze.bad:
        rule = "the freeze did not work, and a single-disk VM falls back to crash-consistent"
        return Verdict(Status.COMPLETED_WITH_WARNINGS, Consistency.CRASH, rule)
    if failure and not facts.continue_on_failure:
        rule = f"{failure}, and a single-disk VM falls back whatever continueBackupOnFailure says"
        return Verdict(Status.COMPLETED_WITH_WARNINGS, Consistency.CRASH, rule)
    if failure:
        rule = f"{failure} and continueBackupOnFailure is true"
        if facts.freeze is Freeze.OFF:
            rule += "; without a freeze that is crash-consistent"
        return Verdict(Status.COMPLETED_WITH_WARNINGS, _without_scripts(facts), rule)
    match facts.precheck:
        case Precheck.PASSED:
            rule = "both scripts succeeded"
            return Verdict(Status.COMPLETED, Consistency.APPLICATION, rule)
        case Precheck.REFUSED:
            rule = "no script can run with a config or Pluginhost file that is refused"
            return Verdict(Status.COMPLETED_WITH_WARNINGS, _without_scripts(facts), rule)
        case Precheck.UNSUPPORTED:
            rule = "scripts run only on Linux VMs of the Resource Manager deployment model"
            return Verdict(Status.COMPLETED, _without_scripts(facts), rule)
        case _:
            rule = "there is no config, so the framework is off"
            return Verdict(Status.COMPLETED, _without_scripts(facts), rule)


def _without_scripts(facts: Facts) -> Consistency:
    return Consistency.FILE_SYSTEM if facts.freeze is Freeze.OK else Consistency.CRASH


def _script_failure(facts: Facts) -> str:
    """The script failure that decides, as a phrase; empty when there is none."""
    if facts.precheck is Precheck.SCRIPTS_REFUSED:
        return "a script was refused before it ran"
    words = {Outcome.FAILED: "failed", Outcome.TIMED_OUT: "timed out"}
    if facts.pre.bad:
        return f"the pre-script {words[facts.pre]}"
    if facts.post.bad:
        return f"the post-script {words[facts.post]}"
    return ""


def _why_no_snapshot(facts: Facts) -> str:
    if facts.snapshot is Snapshot.FAILED:
        return "the snapshot of every disk failed"
    if facts.freeze.bad:
        return plan_after_bad_freeze(facts).reason
    return plan(facts).reason
