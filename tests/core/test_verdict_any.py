"""What holds of every verdict, whatever the facts, possible or not, and the rule set."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.backup import Consistency, Status
from pytest_vmsnapshot.engine.rules import DOCUMENTED, SHIPPED, RuleSet
from pytest_vmsnapshot.engine.verdict import (
    Facts,
    Freeze,
    Outcome,
    Precheck,
    Snapshot,
    decide,
    plan,
    plan_after_bad_freeze,
)

CODES = st.sampled_from([0, 300, 301, 302, 304, 308, 310, 316, 317])
FACTS = st.builds(
    Facts,
    precheck=st.sampled_from(Precheck),
    precheck_code=st.none() | CODES,
    other_code=st.sampled_from([0, 2, 124, 502]),
    pre=st.sampled_from(Outcome),
    pre_code=CODES,
    post=st.sampled_from(Outcome),
    post_code=CODES,
    continue_on_failure=st.booleans(),
    fs_freeze=st.booleans(),
    fs_freeze_is_false=st.booleans(),
    freeze=st.sampled_from(Freeze),
    snapshot=st.sampled_from(Snapshot),
    disks=st.integers(1, 64),
    platform_falls_back=st.booleans(),
)
BOTH = st.sampled_from([DOCUMENTED, SHIPPED])


@given(FACTS, BOTH)
def test_there_is_a_verdict_with_a_reason(facts: Facts, rules: RuleSet) -> None:
    verdict = decide(facts, rules)
    for reason in (verdict.rule, plan(facts, rules).reason):
        assert reason
        assert "\n" not in reason
    assert plan_after_bad_freeze(facts, rules).reason
    assert verdict.extension.status in ("success", "error")


@given(FACTS, BOTH)
def test_a_backup_fails_exactly_when_it_is_worth_nothing(facts: Facts, rules: RuleSet) -> None:
    verdict = decide(facts, rules)
    assert (verdict.status is Status.FAILED) == (verdict.consistency is Consistency.NONE)


@given(FACTS, BOTH)
def test_without_a_plan_for_a_snapshot_the_backup_fails(facts: Facts, rules: RuleSet) -> None:
    before = replace(facts, post=Outcome.NOT_RUN, freeze=Freeze.OFF, snapshot=Snapshot.NOT_TAKEN)
    planned = plan(before, rules)
    if not planned.snapshot:
        assert not planned.freeze
        verdict = decide(replace(before, post=facts.post), rules)
        assert (verdict.status, verdict.extension.status) == (Status.FAILED, "error")


@given(FACTS, BOTH)
def test_what_completed_was_a_success(facts: Facts, rules: RuleSet) -> None:
    verdict = decide(facts, rules)
    if verdict.status is not Status.FAILED:
        assert verdict.extension.status == "success"
        assert verdict.extension.result in (0, 1)
        assert verdict.extension.consistency is verdict.consistency


@given(FACTS)
def test_how_many_disks_there_are_is_the_platforms_business(facts: Facts) -> None:
    assert decide(facts, SHIPPED) == decide(replace(facts, disks=1), SHIPPED)


@given(FACTS)
def test_the_platform_makes_no_difference_by_the_documentation(facts: Facts) -> None:
    changed = replace(facts, platform_falls_back=not facts.platform_falls_back)
    assert decide(facts, DOCUMENTED) == decide(changed, DOCUMENTED)
