"""The pure decision against tables written by hand from the documented column of ENGINE.md."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_vmsnapshot.backup import Consistency, Status
from pytest_vmsnapshot.engine.rules import DOCUMENTED
from pytest_vmsnapshot.engine.verdict import (
    Facts,
    Freeze,
    Outcome,
    Precheck,
    Snapshot,
    Verdict,
    decide,
    plan,
    plan_after_bad_freeze,
)

# The lifecycle's table. Read a row as a sentence: "pre-script ok, post-script ok, whatever
# continueBackupOnFailure says, ...: a snapshot is taken, with a freeze, and so on".
#
#   pre, post      ok, bad (failed or timed out), failed, late (timed out)
#   continue       continueBackupOnFailure
#   fsfreeze       fsFreezeEnabled
#   freeze         what becomes of a freeze that is tried: ok or bad
#   snapshot       what becomes of a snapshot that is tried: ok or failed
#   disks          1 or 2
#   -              does not matter
#
#   try            none: no snapshot is tried; bare: one without a freeze; frozen: one with a
#                  freeze; again: one after a freeze that did not work
TABLE = """
pre post continue fsfreeze freeze snapshot disks | try    status   consistency

# both succeed: application-consistent
ok  ok   -        yes      ok     ok       -     | frozen completed application
ok  ok   -        no       -      ok       -     | bare   completed application

# pre failed or timed out, continue true: file-system-consistent (crash-consistent without freeze)
bad -    yes      yes      ok     ok       -     | frozen warnings  file-system
bad -    yes      no       -      ok       -     | bare   warnings  crash

# pre failed or timed out, continue false: no snapshot, backup fails ...
bad -    no       -        -      -        2     | none   failed    none
# ... single-disk VM: crash-consistent
bad -    no       -        -      ok       1     | bare   warnings  crash
bad -    no       -        -      failed   1     | bare   failed    none

# post failed, continue true: the recovery point stands, not application-consistent
ok  bad  yes      yes      ok     ok       -     | frozen warnings  file-system
ok  bad  yes      no       -      ok       -     | bare   warnings  crash

# post failed, continue false: backup fails; single-disk VM: crash-consistent
ok  bad  no       yes      ok     ok       2     | frozen failed    none
ok  bad  no       no       -      ok       2     | bare   failed    none
ok  bad  no       yes      ok     ok       1     | frozen warnings  crash
ok  bad  no       no       -      ok       1     | bare   warnings  crash

# a freeze that does not work: the documentation is silent. It fails the backup, or falls back to
# crash-consistent on a single-disk VM
ok  -    -        yes      bad    -        2     | none   failed    none
ok  -    -        yes      bad    ok       1     | again  warnings  crash
ok  -    -        yes      bad    failed   1     | again  failed    none
bad -    yes      yes      bad    -        2     | none   failed    none
bad -    yes      yes      bad    ok       1     | again  warnings  crash
bad -    yes      yes      bad    failed   1     | again  failed    none

# every disk's snapshot failed: there is nothing to fall back to
ok  -    -        yes      ok     failed   -     | frozen failed    none
ok  -    -        no       -      failed   -     | bare   failed    none
bad -    yes      yes      ok     failed   -     | frozen failed    none
bad -    yes      no       -      failed   -     | bare   failed    none
"""

# The table of prechecks after which no script runs, neither pre nor post.
PRECHECK_TABLE = """
precheck        continue fsfreeze freeze snapshot disks | try    status    consistency

# the framework is off, or the VM is of a kind that runs no script: a plain backup, no error
unsupported     -        yes      ok     ok       -     | frozen completed file-system
not_configured  -        yes      ok     ok       -     | frozen completed file-system
unsupported     -        no       -      ok       -     | bare   completed crash
not_configured  -        no       -      ok       -     | bare   completed crash

# config or Pluginhost file wrong: no script, fall back
refused         -        yes      ok     ok       -     | frozen warnings  file-system
refused         -        no       -      ok       -     | bare   warnings  crash

# script absent, or its mode or owner wrong: the named error; continueBackupOnFailure decides
scripts_refused yes      yes      ok     ok       -     | frozen warnings  file-system
scripts_refused yes      no       -      ok       -     | bare   warnings  crash
scripts_refused no       -        -      -        2     | none   failed    none
scripts_refused no       -        -      ok       1     | bare   warnings  crash
scripts_refused no       -        -      failed   1     | bare   failed    none

# a freeze that does not work, as above
unsupported     -        yes      bad    -        2     | none   failed    none
unsupported     -        yes      bad    ok       1     | again  warnings  crash
unsupported     -        yes      bad    failed   1     | again  failed    none
not_configured  -        yes      bad    -        2     | none   failed    none
not_configured  -        yes      bad    ok       1     | again  warnings  crash
not_configured  -        yes      bad    failed   1     | again  failed    none
refused         -        yes      bad    -        2     | none   failed    none
refused         -        yes      bad    ok       1     | again  warnings  crash
refused         -        yes      bad    failed   1     | again  failed    none
scripts_refused yes      yes      bad    -        2     | none   failed    none
scripts_refused yes      yes      bad    ok       1     | again  warnings  crash
scripts_refused yes      yes      bad    failed   1     | again  failed    none

# every disk's snapshot failed
unsupported     -        yes      ok     failed   -     | frozen failed    none
unsupported     -        no       -      failed   -     | bare   failed    none
not_configured  -        yes      ok     failed   -     | frozen failed    none
not_configured  -        no       -      failed   -     | bare   failed    none
refused         -        yes      ok     failed   -     | frozen failed    none
refused         -        no       -      failed   -     | bare   failed    none
scripts_refused yes      yes      ok     failed   -     | frozen failed    none
scripts_refused yes      no       -      failed   -     | bare   failed    none
"""

_GROUPS = {"bad": ("failed", "late"), "-": ("ok", "failed", "late", "yes", "no", "1", "2")}
_STATUS = {
    "completed": Status.COMPLETED,
    "warnings": Status.COMPLETED_WITH_WARNINGS,
    "failed": Status.FAILED,
}
_OUTCOME = {"ok": Outcome.OK, "failed": Outcome.FAILED, "late": Outcome.TIMED_OUT}
_PRECHECK_CODE = {
    Precheck.PASSED: 0,
    Precheck.UNSUPPORTED: None,
    Precheck.NOT_CONFIGURED: 316,
    Precheck.REFUSED: 305,
    Precheck.SCRIPTS_REFUSED: 302,
    Precheck.WORKLOAD: None,
    Precheck.NOT_REACHED: None,
}
_PRE_CODE = {Outcome.FAILED: 300, Outcome.TIMED_OUT: 308, Outcome.GIVEN_UP: 310}
_POST_CODE = {Outcome.FAILED: 301, Outcome.TIMED_OUT: 309, Outcome.GIVEN_UP: 311}
_FREEZE = {"ok": Freeze.OK, "failed": Freeze.FAILED, "late": Freeze.TIMED_OUT}
_SNAPSHOT = {"ok": Snapshot.OK, "failed": Snapshot.FAILED}


@dataclass(frozen=True, slots=True)
class Expected:
    """The right half of a row."""

    attempted: str
    status: Status
    consistency: Consistency


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: what it is about, and what is to come out."""

    given: dict[str, str]
    expected: Expected

    def covers(self, case: dict[str, str]) -> bool:
        return all(
            case[name] in _GROUPS.get(wanted, (wanted,)) for name, wanted in self.given.items()
        )


def read(table: str) -> list[Row]:
    lines = [line for line in table.splitlines() if line and not line.startswith("#")]
    names = lines[0].split("|")[0].split()
    rows = []
    for line in lines[1:]:
        left, right = line.split("|")
        attempted, status, consistency = right.split()
        expected = Expected(attempted, _STATUS[status], Consistency(consistency))
        rows.append(Row(dict(zip(names, left.split(), strict=True)), expected))
    return rows


_SETTINGS = {
    "continue": ("yes", "no"),
    "fsfreeze": ("yes", "no"),
    "freeze": ("ok", "failed", "late"),
    "snapshot": ("ok", "failed"),
    "disks": ("1", "2"),
}


def product(**first: tuple[str, ...]) -> Iterator[dict[str, str]]:
    axes = {**first, **_SETTINGS}
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


CASES = list(product(pre=("ok", "failed", "late"), post=("ok", "failed", "late")))
PRECHECK_CASES = list(
    product(precheck=("unsupported", "not_configured", "refused", "scripts_refused"))
)
BOTH = [(TABLE, CASES), (PRECHECK_TABLE, PRECHECK_CASES)]


def initial(case: dict[str, str]) -> Facts:
    """What is known before the snapshot."""
    precheck = Precheck[case["precheck"].upper()] if "precheck" in case else Precheck.PASSED
    pre = _OUTCOME[case["pre"]] if "pre" in case else Outcome.NOT_RUN
    return Facts(
        precheck=precheck,
        precheck_code=_PRECHECK_CODE[precheck],
        pre=pre,
        pre_code=_PRE_CODE.get(pre, 0),
        continue_on_failure=case["continue"] == "yes",
        fs_freeze=case["fsfreeze"] == "yes",
        disks=int(case["disks"]),
    )


def walk(case: dict[str, str]) -> tuple[str, Verdict]:
    """Ask the pure functions in the order of the lifecycle: what is tried, what comes out."""
    facts = initial(case)
    planned = plan(facts, DOCUMENTED)
    attempted = "none"
    if planned.snapshot:
        attempted = "frozen" if planned.freeze else "bare"
    if attempted == "frozen":
        facts = replace(facts, freeze=_FREEZE[case["freeze"]])
        if facts.freeze.bad:
            attempted = "again" if plan_after_bad_freeze(facts, DOCUMENTED).snapshot else "none"
    if attempted != "none":
        facts = replace(facts, snapshot=_SNAPSHOT[case["snapshot"]])
    post = _OUTCOME[case["post"]] if "post" in case else Outcome.NOT_RUN
    facts = replace(facts, post=post, post_code=_POST_CODE.get(post, 0))
    return attempted, decide(facts, DOCUMENTED)


@pytest.mark.parametrize(("table", "cases"), BOTH, ids=["scripts", "prechecks"])
def test_each_combination_is_in_exactly_one_row(table: str, cases: list[dict[str, str]]) -> None:
    rows = read(table)
    counts = [(case, sum(row.covers(case) for row in rows)) for case in cases]
    assert [found for found in counts if found[1] != 1] == []


@pytest.mark.parametrize(("table", "cases"), BOTH, ids=["scripts", "prechecks"])
def test_each_row_is_about_something(table: str, cases: list[dict[str, str]]) -> None:
    assert [row for row in read(table) if not any(row.covers(case) for case in cases)] == []


@pytest.mark.parametrize(("table", "cases"), BOTH, ids=["scripts", "prechecks"])
def test_full_product(table: str, cases: list[dict[str, str]]) -> None:
    rows = read(table)
    wrong = []
    for case in cases:
        expected = next(row.expected for row in rows if row.covers(case))
        attempted, verdict = walk(case)
        found = Expected(attempted, verdict.status, verdict.consistency)
        if found != expected:
            wrong.append((case, found, expected))
    assert wrong == []


def test_the_product_is_full() -> None:
    assert len(CASES) == 3 * 3 * 2 * 2 * 3 * 2 * 2
    assert len(PRECHECK_CASES) == 4 * 2 * 2 * 3 * 2 * 2


def with_codes(facts: Facts) -> Facts:
    """The same with the codes that belong to it."""
    return replace(
        facts,
        precheck_code=_PRECHECK_CODE[facts.precheck],
        pre_code=_PRE_CODE.get(facts.pre, 0),
        post_code=_POST_CODE.get(facts.post, 0),
    )


FACTS = st.builds(
    Facts,
    precheck=st.sampled_from(Precheck),
    pre=st.sampled_from(Outcome),
    post=st.sampled_from(Outcome),
    continue_on_failure=st.booleans(),
    fs_freeze=st.booleans(),
    freeze=st.sampled_from(Freeze),
    snapshot=st.sampled_from(Snapshot),
    disks=st.integers(1, 64),
).map(with_codes)


@given(FACTS)
def test_whatever_the_facts_there_is_a_verdict_with_a_reason(facts: Facts) -> None:
    verdict = decide(facts, DOCUMENTED)
    assert verdict.rule
    assert "\n" not in verdict.rule
    assert plan(facts, DOCUMENTED).reason
    assert plan_after_bad_freeze(facts, DOCUMENTED).reason


@given(FACTS)
def test_a_backup_fails_exactly_when_there_is_no_recovery_point(facts: Facts) -> None:
    verdict = decide(facts, DOCUMENTED)
    assert (verdict.status is Status.FAILED) == (verdict.consistency is Consistency.NONE)


@given(FACTS)
def test_without_a_snapshot_the_backup_fails(facts: Facts) -> None:
    if facts.snapshot is not Snapshot.OK:
        assert decide(facts, DOCUMENTED).status is Status.FAILED


@given(FACTS)
def test_application_consistent_needs_everything_to_be_right(facts: Facts) -> None:
    if decide(facts, DOCUMENTED).consistency is Consistency.APPLICATION:
        assert facts.precheck is Precheck.PASSED
        assert not facts.pre.bad
        assert not facts.post.bad
        assert not facts.freeze.bad


@given(FACTS)
@example(Facts(freeze=Freeze.FAILED, snapshot=Snapshot.OK))
def test_completed_without_warnings_means_nothing_went_wrong(facts: Facts) -> None:
    if decide(facts, DOCUMENTED).status is Status.COMPLETED:
        assert not any(found.bad for found in (facts.pre, facts.post, facts.freeze))
        assert facts.precheck not in (Precheck.REFUSED, Precheck.SCRIPTS_REFUSED)


@given(FACTS)
def test_file_system_consistent_needs_a_freeze(facts: Facts) -> None:
    if decide(facts, DOCUMENTED).consistency is Consistency.FILE_SYSTEM:
        assert facts.freeze is Freeze.OK


@given(FACTS)
def test_only_a_single_disk_makes_a_difference(facts: Facts) -> None:
    if facts.disks > 1:
        here, there = decide(facts, DOCUMENTED), decide(replace(facts, disks=2), DOCUMENTED)
        assert (here.status, here.consistency) == (there.status, there.consistency)


@given(FACTS)
def test_a_plan_without_a_snapshot_has_no_freeze(facts: Facts) -> None:
    for planned in (plan(facts, DOCUMENTED), plan_after_bad_freeze(facts, DOCUMENTED)):
        assert planned.snapshot or not planned.freeze
