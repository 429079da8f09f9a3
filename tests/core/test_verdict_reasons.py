"""What a backup says decided it, word for word."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot.engine.rules import DOCUMENTED, SHIPPED
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

DOCUMENTED_REASONS = [
    (Facts(snapshot=Snapshot.OK, pre=Outcome.OK, post=Outcome.OK), "both scripts succeeded"),
    (
        Facts(snapshot=Snapshot.OK, freeze=Freeze.OK, pre=Outcome.FAILED),
        "the pre-script failed and continueBackupOnFailure is true",
    ),
    (
        Facts(snapshot=Snapshot.OK, pre=Outcome.TIMED_OUT),
        (
            "the pre-script timed out and continueBackupOnFailure is true; without a freeze that "
            "is crash-consistent"
        ),
    ),
    (
        Facts(pre=Outcome.FAILED, continue_on_failure=False),
        "the pre-script failed and continueBackupOnFailure is false",
    ),
    (
        Facts(snapshot=Snapshot.OK, post=Outcome.TIMED_OUT, continue_on_failure=False),
        "the post-script timed out and continueBackupOnFailure is false",
    ),
    (
        Facts(snapshot=Snapshot.OK, post=Outcome.FAILED, continue_on_failure=False, disks=1),
        (
            "the post-script failed, and a single-disk VM falls back whatever "
            "continueBackupOnFailure says"
        ),
    ),
    (
        Facts(snapshot=Snapshot.OK, freeze=Freeze.FAILED, disks=1),
        "the freeze did not work, and a single-disk VM falls back to crash-consistent",
    ),
    (
        Facts(freeze=Freeze.TIMED_OUT, disks=4),
        "the freeze did not work on a VM with 4 disks",
    ),
    (Facts(snapshot=Snapshot.FAILED), "the snapshot failed"),
    (
        Facts(precheck=Precheck.SCRIPTS_REFUSED, continue_on_failure=False),
        "a script was refused before it ran and continueBackupOnFailure is false",
    ),
    (
        Facts(precheck=Precheck.REFUSED, snapshot=Snapshot.OK),
        "no script can run with a config or Pluginhost file that is refused",
    ),
    (
        Facts(precheck=Precheck.UNSUPPORTED, snapshot=Snapshot.OK),
        "scripts run only on Linux VMs of the Resource Manager deployment model",
    ),
    (
        Facts(precheck=Precheck.NOT_CONFIGURED, snapshot=Snapshot.OK),
        "there is no config, so the framework is off",
    ),
]


@pytest.mark.parametrize(("facts", "rule"), DOCUMENTED_REASONS)
def test_documented(facts: Facts, rule: str) -> None:
    assert decide(facts, DOCUMENTED).rule == rule


SHIPPED_REASONS = [
    (Facts(snapshot=Snapshot.OK, pre=Outcome.OK, post=Outcome.OK), "both scripts succeeded"),
    (
        Facts(snapshot=Snapshot.OK, freeze=Freeze.OK),
        "the Pluginhost file names no config, which counts as success",
    ),
    (
        Facts(pre=Outcome.FAILED, fs_freeze=False, fs_freeze_is_false=True),
        "the pre-script failed and fsFreezeEnabled is false",
    ),
    (
        Facts(
            snapshot=Snapshot.OK,
            pre=Outcome.OK,
            post=Outcome.TIMED_OUT,
            fs_freeze=False,
            fs_freeze_is_false=True,
        ),
        "the post-script timed out and fsFreezeEnabled is false",
    ),
    (
        Facts(pre=Outcome.FAILED, continue_on_failure=False, disks=1),
        "the pre-script failed and continueBackupOnFailure is false",
    ),
    (
        Facts(snapshot=Snapshot.OK, freeze=Freeze.OK, pre=Outcome.GIVEN_UP),
        "the pre-script was given up, which counts as if continueBackupOnFailure were true",
    ),
    (
        Facts(pre=Outcome.UNDECIDABLE),
        "the extension failed over continueBackupOnFailure once a script had failed",
    ),
    (
        Facts(precheck=Precheck.NOT_REACHED, precheck_code=None, other_code=124),
        "the extension failed before it looked at any config",
    ),
    (
        Facts(precheck=Precheck.WORKLOAD, precheck_code=None, snapshot=Snapshot.OK),
        "a database is backed up by the extension itself, without scripts",
    ),
    (
        Facts(snapshot=Snapshot.OK, freeze=Freeze.LOST, pre=Outcome.OK, post=Outcome.OK),
        "the file systems did not stay frozen until the snapshot was complete",
    ),
    (
        Facts(freeze=Freeze.NOT_OPENED, pre=Outcome.OK, post=Outcome.OK),
        "the freeze did not work, and the platform allows no fallback",
    ),
    (
        Facts(snapshot=Snapshot.OK, freeze=Freeze.FAILED, platform_falls_back=True),
        "the freeze did not work, and the platform allows a crash-consistent fallback",
    ),
    (
        Facts(snapshot=Snapshot.FAILED, freeze=Freeze.OK, platform_falls_back=True),
        "the snapshot did not work, and where the platform allows a crash-consistent fallback the "
        "extension reports a success without one",
    ),
    (Facts(snapshot=Snapshot.FAILED, freeze=Freeze.OK), "the snapshot failed"),
]


@pytest.mark.parametrize(("facts", "rule"), SHIPPED_REASONS)
def test_shipped(facts: Facts, rule: str) -> None:
    assert decide(facts, SHIPPED).rule == rule


def test_plans() -> None:
    assert plan(Facts(), SHIPPED).reason == "no script failed"
    assert plan(Facts(pre=Outcome.UNDECIDABLE), SHIPPED).reason == "the extension failed"
    assert plan(Facts(pre=Outcome.FAILED), SHIPPED).reason == "the pre-script failed"
    vetoed = Facts(pre=Outcome.TIMED_OUT, continue_on_failure=False, disks=1)
    assert plan(vetoed, SHIPPED).reason == (
        "the pre-script timed out and continueBackupOnFailure is false"
    )
    assert plan(vetoed, DOCUMENTED).reason == (
        "the pre-script timed out, continueBackupOnFailure is false, single-disk VM"
    )
    assert plan_after_bad_freeze(Facts(platform_falls_back=True), SHIPPED).reason == (
        "the freeze did not work, the platform allows that"
    )
