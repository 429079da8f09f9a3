"""What a backup amounts to: pure functions over facts. No file, process or clock is touched.

Source: ENGINE.md, and for the codes SHIPPED.md, sections 6 to 9. Where the documentation is
silent: a freeze that does not work is decided as a script failure with
``continueBackupOnFailure: false``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..backup import Consistency, ExtensionReport, Status
from .rules import RuleSet


class Precheck(enum.Enum):
    """What was found before any script was started."""

    PASSED = "passed"
    UNSUPPORTED = "unsupported"
    NOT_CONFIGURED = "not configured"
    REFUSED = "refused"
    SCRIPTS_REFUSED = "scripts refused"
    WORKLOAD = "workload"
    NOT_REACHED = "not reached"


class Outcome(enum.Enum):
    """What became of a script."""

    NOT_RUN = "not run"
    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    GIVEN_UP = "given up"
    UNDECIDABLE = "undecidable"

    @property
    def bad(self) -> bool:
        """Whether the script should have succeeded and did not."""
        return self not in (Outcome.NOT_RUN, Outcome.OK)


class Freeze(enum.Enum):
    """What became of the freeze."""

    OFF = "off"
    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    NOT_OPENED = "not opened"
    LOST = "lost"

    @property
    def bad(self) -> bool:
        """Whether the file systems should have been frozen and were not."""
        return self in (Freeze.FAILED, Freeze.TIMED_OUT, Freeze.NOT_OPENED)


class Snapshot(enum.Enum):
    """What became of the snapshot."""

    NOT_TAKEN = "not taken"
    OK = "ok"
    FAILED = "failed"


_FREEZE_CODES = {Freeze.FAILED: 121, Freeze.TIMED_OUT: 122, Freeze.NOT_OPENED: 123}
_SNAPSHOT_FAILED = 76
_UNEXPECTED = 2

_WORDS = {
    Outcome.FAILED: "failed",
    Outcome.TIMED_OUT: "timed out",
    Outcome.GIVEN_UP: "was given up",
    Outcome.UNDECIDABLE: "did not succeed",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """All a verdict depends on.

    Args:
        precheck: what was found before any script was started.
        precheck_code: its code; None where it did not come to that.
        other_code: a code that comes from elsewhere than the scripts, or 0.
        pre: what became of the pre-script.
        pre_code: its code, 0 for success.
        post: what became of the post-script.
        post_code: its code, 0 for success.
        continue_on_failure: the config's continueBackupOnFailure; true where no config counts.
        fs_freeze: whether the file systems are frozen; true where no config counts.
        fs_freeze_is_false: whether fsFreezeEnabled is false, and not just something like it.
        freeze: what became of the freeze.
        snapshot: what became of the snapshot.
        disks: how many disks the VM has, at least 1.
        platform_falls_back: whether the platform allows a crash-consistent fallback.
    """

    precheck: Precheck = Precheck.PASSED
    precheck_code: int | None = 0
    other_code: int = 0
    pre: Outcome = Outcome.NOT_RUN
    pre_code: int = 0
    post: Outcome = Outcome.NOT_RUN
    post_code: int = 0
    continue_on_failure: bool = True
    fs_freeze: bool = True
    fs_freeze_is_false: bool = False
    freeze: Freeze = Freeze.OFF
    snapshot: Snapshot = Snapshot.NOT_TAKEN
    disks: int = 2
    platform_falls_back: bool = False

    @property
    def undecidable(self) -> bool:
        """Whether the engine itself failed over the config once a script had failed."""
        return Outcome.UNDECIDABLE in (self.pre, self.post)


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
        extension: what the extension reports, in its own numbers.
    """

    status: Status
    consistency: Consistency
    rule: str
    extension: ExtensionReport


def plan(facts: Facts, rules: RuleSet) -> Plan:
    """Decide, once the pre-script has run (or was not started), about freeze and snapshot.

    Args:
        facts: ``precheck`` and ``pre`` and the settings; the rest does not count yet.
        rules: the rule set.
    """
    if facts.precheck is Precheck.NOT_REACHED or facts.undecidable:
        return Plan(False, False, "the extension failed")
    failure = _script_failure(facts)
    if not failure and _later_config_vetoes(facts, rules):
        return Plan(False, False, "a config was refused and continueBackupOnFailure is false")
    if not failure:
        return Plan(True, facts.fs_freeze, "no script failed")
    veto = _veto(facts, rules)
    if not veto:
        return Plan(True, facts.fs_freeze, failure)
    if rules.single_disk_falls_back and facts.disks == 1:
        return Plan(True, False, f"{failure}, {veto}, single-disk VM")
    return Plan(False, False, f"{failure} and {veto}")


def falls_back(facts: Facts, rules: RuleSet) -> bool:
    """Whether a freeze that did not work is done without."""
    if rules.platform_falls_back and facts.platform_falls_back:
        return True
    return rules.single_disk_falls_back and facts.disks == 1


def plan_after_bad_freeze(facts: Facts, rules: RuleSet) -> Plan:
    """Decide what is done when the file systems could not be frozen, or not long enough."""
    if falls_back(facts, rules):
        which = "single-disk VM" if rules.single_disk_falls_back else "the platform allows that"
        return Plan(True, False, f"the freeze did not work, {which}")
    if rules.single_disk_falls_back:
        return Plan(False, False, f"the freeze did not work on a VM with {facts.disks} disks")
    return Plan(False, False, "the freeze did not work, and the platform allows no fallback")


def decide(facts: Facts, rules: RuleSet) -> Verdict:
    """Decide what the backup amounts to."""
    if facts.precheck is Precheck.NOT_REACHED:
        why = "the extension failed before it looked at any config"
        return _failed(facts, rules, facts.other_code, why)
    if facts.undecidable:
        why = "the extension failed over continueBackupOnFailure once a script had failed"
        return _failed(facts, rules, _UNEXPECTED, why)
    saved = _is_saved(facts, rules)
    if not saved and facts.snapshot is Snapshot.FAILED:
        why = "the snapshot failed"
        success = rules.failed_snapshot_succeeds
        return _failed(facts, rules, _SNAPSHOT_FAILED, why, success=success)
    if not saved and facts.freeze is Freeze.LOST:
        why = "the file systems did not stay frozen until the snapshot was complete"
        return _failed(facts, rules, _UNEXPECTED, why)
    if not saved and facts.freeze.bad:
        why = plan_after_bad_freeze(facts, rules).reason
        return _failed(facts, rules, _FREEZE_CODES[facts.freeze], why)
    if facts.snapshot is Snapshot.NOT_TAKEN:
        return _failed(facts, rules, _first_code(facts), plan(facts, rules).reason)
    failure = _script_failure(facts)
    veto = _veto(facts, rules) if failure else ""
    single_disk = rules.single_disk_falls_back and facts.disks == 1
    if veto and not single_disk:
        return _failed(facts, rules, _first_code(facts), f"{failure} and {veto}")
    if veto:
        rule = f"{failure}, and a single-disk VM falls back whatever continueBackupOnFailure says"
        return _reported(facts, rules, 1, Consistency.CRASH, rule)
    result = 0 if facts.precheck is Precheck.PASSED and not failure else 1
    if saved:
        return _reported(facts, rules, result, Consistency.CRASH, _why_saved(facts, rules))
    frozen = facts.freeze is Freeze.OK
    without_scripts = Consistency.FILE_SYSTEM if frozen else Consistency.CRASH
    if failure:
        rule = f"{failure} and continueBackupOnFailure is true"
        if facts.pre is Outcome.GIVEN_UP or facts.post is Outcome.GIVEN_UP:
            rule = f"{failure}, which counts as if continueBackupOnFailure were true"
        if facts.freeze is Freeze.OFF:
            rule += "; without a freeze that is crash-consistent"
        return _reported(facts, rules, 1, without_scripts, rule)
    if facts.precheck is Precheck.PASSED:
        rule = "both scripts succeeded"
        if facts.pre is Outcome.NOT_RUN:
            rule = "the Pluginhost file names no config, which counts as success"
        return _reported(facts, rules, 0, Consistency.APPLICATION, rule)
    return _reported(facts, rules, 1, without_scripts, _WITHOUT_SCRIPTS[facts.precheck])


_WITHOUT_SCRIPTS = {
    Precheck.REFUSED: "no script can run with a config or Pluginhost file that is refused",
    Precheck.UNSUPPORTED: "scripts run only on Linux VMs of the Resource Manager deployment model",
    Precheck.WORKLOAD: "a database is backed up by the extension itself, without scripts",
    Precheck.NOT_CONFIGURED: "there is no config, so the framework is off",
}


def _is_saved(facts: Facts, rules: RuleSet) -> bool:
    """Whether what failed about freeze or snapshot becomes a crash-consistent fallback."""
    if rules.platform_falls_back and facts.platform_falls_back:
        lost = facts.freeze is Freeze.LOST or facts.snapshot is Snapshot.FAILED
        return lost or (facts.freeze.bad and facts.snapshot is Snapshot.OK)
    went_on = facts.snapshot is Snapshot.OK and (facts.freeze.bad or facts.freeze is Freeze.LOST)
    return went_on and falls_back(facts, rules)


def _why_saved(facts: Facts, rules: RuleSet) -> str:
    if rules.single_disk_falls_back:
        return "the freeze did not work, and a single-disk VM falls back to crash-consistent"
    if facts.snapshot is Snapshot.FAILED:
        return (
            "the snapshot did not work, and where the platform allows a crash-consistent fallback "
            "the extension reports a success without one"
        )
    return "the freeze did not work, and the platform allows a crash-consistent fallback"


def _script_failure(facts: Facts) -> str:
    """The script failure that decides, as a phrase; empty when there is none."""
    if facts.precheck is Precheck.SCRIPTS_REFUSED:
        return "a script was refused before it ran"
    if facts.pre.bad:
        return f"the pre-script {_WORDS[facts.pre]}"
    if facts.post.bad:
        return f"the post-script {_WORDS[facts.post]}"
    return ""


def _veto(facts: Facts, rules: RuleSet) -> str:
    """Which setting lets a script failure fail the backup, as a phrase; empty when none does."""
    given_up = Outcome.GIVEN_UP in (facts.pre, facts.post)
    only_given_up = given_up and not {facts.pre, facts.post} & {Outcome.FAILED, Outcome.TIMED_OUT}
    if not facts.continue_on_failure and not only_given_up:
        return "continueBackupOnFailure is false"
    was_run = facts.precheck is Precheck.PASSED
    if rules.freeze_off_vetoes and facts.fs_freeze_is_false and was_run:
        return "fsFreezeEnabled is false"
    return ""


def _later_config_vetoes(facts: Facts, rules: RuleSet) -> bool:
    """Whether a config was refused after another had been read that says not to go on.

    Source: SHIPPED.md, section 6, its only exception.
    """
    refused = facts.precheck is Precheck.REFUSED
    return refused and rules.plugin_host_decides and not facts.continue_on_failure


def _first_code(facts: Facts) -> int:
    """The first code that is none of success."""
    codes = (facts.precheck_code, facts.pre_code, facts.post_code)
    return next((code for code in codes if code), _UNEXPECTED)


def _failed(
    facts: Facts, rules: RuleSet, result: int, rule: str, *, success: bool = False
) -> Verdict:
    saved = _is_saved(facts, rules) and facts.snapshot is not Snapshot.NOT_TAKEN
    reported = ExtensionReport(
        facts.precheck_code,
        "success" if success else "error",
        result,
        _error_code(facts, rules, result),
        Consistency.CRASH if saved else Consistency.NONE,
    )
    return Verdict(Status.FAILED, Consistency.NONE, rule, reported)


def _reported(
    facts: Facts, rules: RuleSet, result: int, consistency: Consistency, rule: str
) -> Verdict:
    error = _error_code(facts, rules, result)
    reported = ExtensionReport(facts.precheck_code, "success", result, error, consistency)
    nothing_to_run = facts.precheck is not Precheck.PASSED and not _is_saved(facts, rules)
    if consistency is Consistency.APPLICATION or (nothing_to_run and error == result):
        return Verdict(Status.COMPLETED, consistency, rule, reported)
    return Verdict(Status.COMPLETED_WITH_WARNINGS, consistency, rule, reported)


def _error_code(facts: Facts, rules: RuleSet, result: int) -> int:
    """The error code the extension reports beside the result: the first one that was set.

    A freeze that was lost sets none (vector ``crash-ok-freeze-thaw_fail``).
    """
    if facts.precheck is Precheck.NOT_REACHED or facts.undecidable:
        return result
    codes = [
        _FREEZE_CODES.get(facts.freeze, 0),
        _SNAPSHOT_FAILED if facts.snapshot is Snapshot.FAILED else 0,
        0 if facts.precheck_code in rules.unreported else facts.precheck_code or 0,
        facts.pre_code,
        facts.post_code,
        facts.other_code,
    ]
    return next((code for code in codes if code), result)
