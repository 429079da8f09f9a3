"""The decision of the extension that runs on VMs, against tables written from SHIPPED.md."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from pytest_vmsnapshot.backup import Consistency, Status
from pytest_vmsnapshot.engine.rules import SHIPPED
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

# Section 6. Freeze and snapshot go well.
#
#   pre, post      ok, failed, late (timed out), given_up; failing: failed or late
#   continue       continueBackupOnFailure
#   fsfreeze       yes, no, or null: neither; off: no or null
#   try            none: no snapshot is tried; bare: one without a freeze; frozen: one with a freeze
#   result, error  a number, or the code of the pre- or post-script
SCRIPTS = """
pre      post     continue fsfreeze | try    status    report  result error consistency

ok       ok       -        yes      | frozen completed success 0      0     application
ok       ok       -        off      | bare   completed success 0      0     application

ok       failing  yes      yes      | frozen warnings  success 1      post  file-system
ok       failing  yes      null     | bare   warnings  success 1      post  crash
ok       failing  yes      no       | bare   failed    error   post   post  none
ok       failing  no       yes      | frozen failed    error   post   post  none
ok       failing  no       off      | bare   failed    error   post   post  none

failing  -        yes      yes      | frozen warnings  success 1      pre   file-system
failing  -        yes      null     | bare   warnings  success 1      pre   crash
failing  -        yes      no       | none   failed    error   pre    pre   none
failing  -        no       -        | none   failed    error   pre    pre   none

# for 310 and 311 continueBackupOnFailure counts as true
ok       given_up -        yes      | frozen warnings  success 1      post  file-system
ok       given_up -        null     | bare   warnings  success 1      post  crash
ok       given_up -        no       | bare   failed    error   post   post  none
given_up -        -        no       | none   failed    error   pre    pre   none
given_up fine     -        yes      | frozen warnings  success 1      pre   file-system
given_up fine     -        null     | bare   warnings  success 1      pre   crash
given_up failing  yes      yes      | frozen warnings  success 1      pre   file-system
given_up failing  yes      null     | bare   warnings  success 1      pre   crash
given_up failing  no       yes      | frozen failed    error   pre    pre   none
given_up failing  no       null     | bare   failed    error   pre    pre   none
"""

# Sections 7 and 9. The scripts go well.
#
#   freeze     late: no answer; unopened: a mount could not be opened; lost: thawed too early
#   platform   whether it allows a crash-consistent fallback
#   again      a snapshot is tried although the freeze did not work
STORAGE = """
fsfreeze freeze   snapshot platform | try    status    report  result error consistency

yes      ok       ok       -        | frozen completed success 0      0     application
off      -        ok       -        | bare   completed success 0      0     application

yes      failed   -        no       | none   failed    error   121    121   none
yes      late     -        no       | none   failed    error   122    122   none
yes      unopened -        no       | none   failed    error   123    123   none
yes      lost     ok       no       | frozen failed    error   2      2     none
yes      lost     failed   no       | frozen failed    success 76     76    none
yes      ok       failed   no       | frozen failed    success 76     76    none
off      -        failed   no       | bare   failed    success 76     76    none

yes      failed   -        yes      | again  warnings  success 0      121   crash
yes      late     -        yes      | again  warnings  success 0      122   crash
yes      unopened -        yes      | again  warnings  success 0      123   crash
yes      lost     ok       yes      | frozen warnings  success 0      0     crash
yes      lost     failed   yes      | frozen warnings  success 0      76    crash
yes      ok       failed   yes      | frozen warnings  success 0      76    crash
off      -        failed   yes      | bare   warnings  success 0      76    crash
"""

# Section 6, the lower half: no script runs. Where the code comes from elsewhere it is "other".
PRECHECKS = """
precheck                code continue fsfreeze | try    status    report  result error consistency

scripts_refused         302  yes      yes      | frozen warnings  success 1      302   file-system
scripts_refused         303  yes      yes      | frozen warnings  success 1      303   file-system
scripts_refused         306  yes      yes      | frozen warnings  success 1      306   file-system
scripts_refused         307  yes      yes      | frozen warnings  success 1      307   file-system
scripts_refused         302  yes      off      | bare   warnings  success 1      302   crash
scripts_refused         303  yes      off      | bare   warnings  success 1      303   crash
scripts_refused         306  yes      off      | bare   warnings  success 1      306   crash
scripts_refused         307  yes      off      | bare   warnings  success 1      307   crash
scripts_refused         302  no       -        | none   failed    error   302    302   none
scripts_refused         303  no       -        | none   failed    error   303    303   none
scripts_refused         306  no       -        | none   failed    error   306    306   none
scripts_refused         307  no       -        | none   failed    error   307    307   none
refused                 317  yes      yes      | frozen warnings  success 1      317   file-system
refused                 304  yes      yes      | frozen completed success 1      1     file-system
refused                 305  yes      yes      | frozen completed success 1      1     file-system
refused                 313  yes      yes      | frozen completed success 1      1     file-system
refused                 314  yes      yes      | frozen completed success 1      1     file-system
not_configured          316  yes      yes      | frozen completed success 1      1     file-system
workload                0    yes      yes      | frozen completed success 1      1     file-system
workload                502  yes      yes      | frozen warnings  success 1      502   file-system
not_reached             124  yes      yes      | none   failed    error   124    124   none
not_reached             2    yes      yes      | none   failed    error   2      2     none
"""

_GROUPS = {
    "failing": ("failed", "late"),
    "fine": ("ok", "given_up"),
    "off": ("no", "null"),
}
_STATUS = {
    "completed": Status.COMPLETED,
    "warnings": Status.COMPLETED_WITH_WARNINGS,
    "failed": Status.FAILED,
}
_OUTCOME = {
    "ok": Outcome.OK,
    "failed": Outcome.FAILED,
    "late": Outcome.TIMED_OUT,
    "given_up": Outcome.GIVEN_UP,
}
_CODES = {"ok": 0, "failed": 300, "late": 308, "given_up": 310}
_FREEZE = {
    "ok": Freeze.OK,
    "failed": Freeze.FAILED,
    "late": Freeze.TIMED_OUT,
    "unopened": Freeze.NOT_OPENED,
    "lost": Freeze.LOST,
}
_SNAPSHOT = {"ok": Snapshot.OK, "failed": Snapshot.FAILED}


@dataclass(frozen=True, slots=True)
class Expected:
    """The right half of a row."""

    attempted: str
    status: Status
    report: str
    result: int
    error: int
    consistency: Consistency
    reported: Consistency


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    given: Mapping[str, str]
    right: Sequence[str]

    def covers(self, case: Mapping[str, str]) -> bool:
        return all(
            wanted == "-" or case[name] in _GROUPS.get(wanted, (wanted,))
            for name, wanted in self.given.items()
        )

    def expected(self, case: Mapping[str, str]) -> Expected:
        attempted, status, report, result, error, consistency = self.right
        worth = Consistency(consistency)
        return Expected(
            attempted,
            _STATUS[status],
            report,
            number(result, case),
            number(error, case),
            worth,
            worth,
        )


def number(word: str, case: Mapping[str, str]) -> int:
    if word in ("pre", "post"):
        return _CODES[case[word]] + (word == "post")
    return int(word)


def rows_of(table: str) -> list[Row]:
    lines = [line for line in table.splitlines() if line and not line.startswith("#")]
    names = lines[0].split("|")[0].split()
    halves = [line.split("|") for line in lines[1:]]
    return [
        Row(dict(zip(names, left.split(), strict=True)), right.split()) for left, right in halves
    ]


SCRIPT_AXES = {
    "pre": tuple(_OUTCOME),
    "post": tuple(_OUTCOME),
    "continue": ("yes", "no"),
    "fsfreeze": ("yes", "no", "null"),
}
STORAGE_AXES = {
    "fsfreeze": ("yes", "no", "null"),
    "freeze": tuple(_FREEZE),
    "snapshot": tuple(_SNAPSHOT),
    "platform": ("yes", "no"),
}


def product(axes: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def settings(case: Mapping[str, str]) -> Facts:
    return Facts(
        continue_on_failure=case["continue"] == "yes",
        fs_freeze=case["fsfreeze"] == "yes",
        fs_freeze_is_false=case["fsfreeze"] == "no",
        platform_falls_back=case.get("platform") == "yes",
    )


def walk(case: Mapping[str, str], facts: Facts) -> tuple[str, Verdict]:
    """Ask in the order of the lifecycle: what is tried, what comes out."""
    planned = plan(facts, SHIPPED)
    attempted = "none"
    if planned.snapshot:
        attempted = "frozen" if planned.freeze else "bare"
    if attempted == "frozen":
        facts = replace(facts, freeze=_FREEZE[case.get("freeze", "ok")])
        if facts.freeze.bad:
            attempted = "again" if plan_after_bad_freeze(facts, SHIPPED).snapshot else "none"
    if attempted != "none":
        facts = replace(facts, snapshot=_SNAPSHOT[case.get("snapshot", "ok")])
    if "post" in case:
        code = _CODES[case["post"]]
        facts = replace(facts, post=_OUTCOME[case["post"]], post_code=code + 1 if code else 0)
    return attempted, decide(facts, SHIPPED)


def found(case: Mapping[str, str], facts: Facts) -> Expected:
    attempted, verdict = walk(case, facts)
    said = verdict.extension
    assert said.precheck == facts.precheck_code
    return Expected(
        attempted,
        verdict.status,
        said.status,
        said.result,
        said.error,
        verdict.consistency,
        said.consistency,
    )


def with_scripts(case: Mapping[str, str]) -> Facts:
    return replace(settings(case), pre=_OUTCOME[case["pre"]], pre_code=_CODES[case["pre"]])


def expected_of(table: str, case: Mapping[str, str]) -> Expected:
    return next(row for row in rows_of(table) if row.covers(case)).expected(case)


@pytest.mark.parametrize(
    ("table", "axes"),
    [(SCRIPTS, SCRIPT_AXES), (STORAGE, STORAGE_AXES)],
    ids=["scripts", "storage"],
)
def test_each_combination_is_in_exactly_one_row(
    table: str, axes: Mapping[str, Sequence[str]]
) -> None:
    rows, cases = rows_of(table), list(product(axes))
    assert [case for case in cases if sum(row.covers(case) for row in rows) != 1] == []
    assert [row for row in rows if not any(row.covers(case) for case in cases)] == []


@pytest.mark.parametrize(
    "case", list(product(SCRIPT_AXES)), ids=lambda case: "-".join(case.values())
)
def test_scripts(case: dict[str, str]) -> None:
    assert found(case, with_scripts(case)) == expected_of(SCRIPTS, case)


def combined(case: Mapping[str, str]) -> Expected:
    """A freeze or snapshot that fails beats the scripts' codes, unless the platform saves it.

    Where it does, the scripts decide as ever, but the code and the worth are the storage's.
    """
    scripts, storage = expected_of(SCRIPTS, case), expected_of(STORAGE, case)
    if scripts.attempted == "none" or storage.consistency is Consistency.APPLICATION:
        return scripts
    if case["platform"] == "no":
        # What is lost sets no error code of its own: crash-ok-freeze-thaw_fail ends with 0.
        is_lost = case["freeze"] == "lost" and storage.error == storage.result == 2
        return replace(storage, error=scripts.error or storage.error) if is_lost else storage
    failed = scripts.status is Status.FAILED
    return replace(
        scripts,
        attempted=storage.attempted,
        status=scripts.status if failed else Status.COMPLETED_WITH_WARNINGS,
        error=storage.error or scripts.error,
        consistency=Consistency.NONE if failed else Consistency.CRASH,
        reported=Consistency.CRASH,
    )


def test_scripts_and_storage() -> None:
    cases = list(product(SCRIPT_AXES | STORAGE_AXES))
    assert len(cases) == 4 * 4 * 2 * 3 * 5 * 2 * 2
    pairs = [(case, found(case, with_scripts(case)), combined(case)) for case in cases]
    assert [pair for pair in pairs if pair[1] != pair[2]] == []


def precheck_cases() -> Iterator[tuple[Row, dict[str, str]]]:
    axes = {"continue": ("yes", "no"), "fsfreeze": ("yes", "no", "null")}
    for row in rows_of(PRECHECKS):
        for case in product(axes):
            if row.covers({**row.given, **case}):
                yield row, {**row.given, **case}


@pytest.mark.parametrize(("row", "case"), list(precheck_cases()))
def test_prechecks(row: Row, case: dict[str, str]) -> None:
    precheck, code = Precheck[case["precheck"].upper()], int(case["code"])
    elsewhere = precheck in (Precheck.WORKLOAD, Precheck.NOT_REACHED)
    facts = replace(
        settings(case),
        precheck=precheck,
        precheck_code=None if elsewhere else code,
        other_code=code if elsewhere else 0,
    )
    assert found(case, facts) == row.expected(case)


def test_every_code_of_the_precheck_is_in_the_table() -> None:
    codes = {int(row.given["code"]) for row in rows_of(PRECHECKS)}
    assert codes == {302, 303, 304, 305, 306, 307, 313, 314, 316, 317, 0, 2, 124, 502}


@pytest.mark.parametrize("freeze", ["yes", "no", "null"])
@pytest.mark.parametrize("goes_on", ["yes", "no"])
def test_undecidable(freeze: str, goes_on: str) -> None:
    """Q6: the engine fails over continueBackupOnFailure."""
    case = {"continue": goes_on, "fsfreeze": freeze}
    before = replace(settings(case), pre=Outcome.UNDECIDABLE, pre_code=2)
    nothing = Expected("none", Status.FAILED, "error", 2, 2, Consistency.NONE, Consistency.NONE)
    assert found(case, before) == nothing
    after = replace(
        settings(case),
        pre=Outcome.OK,
        post=Outcome.UNDECIDABLE,
        post_code=2,
        snapshot=Snapshot.OK,
    )
    verdict = decide(after, SHIPPED)
    assert (verdict.status, verdict.extension.result, verdict.extension.error) == (
        Status.FAILED,
        2,
        2,
    )


def test_a_first_config_that_does_not_continue_counts_when_the_second_is_refused() -> None:
    """Section 6, the only exception (host-plugins-2-undefined-contF)."""
    case = {"continue": "no", "fsfreeze": "yes"}
    facts = replace(settings(case), precheck=Precheck.REFUSED, precheck_code=304)
    assert found(case, facts) == Expected(
        "none", Status.FAILED, "error", 304, 304, Consistency.NONE, Consistency.NONE
    )
