"""What a test makes go wrong about freeze and snapshot, under both rule sets (SHIPPED.md, 7, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pytest_vmsnapshot import Backup, Consistency, Status, Step, UsageError, VirtualMachine
from pytest_vmsnapshot.engine import RULE_SETS
from pytest_vmsnapshot.faults import FreezeFault, SnapshotFault

OK = "#!/bin/sh\n"
DOCUMENTED = pytest.mark.vm(rules="documented")
SHIPPED = pytest.mark.vm(rules="shipped")
FALLBACK = pytest.mark.vm(
    rules="shipped",
    disks=1,
    platform={
        "isManagedVm": True,
        "canTakeCrashConsistentSnapshot": True,
        "backupRetryCount": 1,
    },
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a fault of the freeze leads to.

    Args:
        code: of its error.
        detail: of its error.
        asked: whether it comes to the snapshot, without a fallback.
    """

    code: int
    detail: str
    asked: bool = False


FREEZE = {
    "fail": Fault(121, "the freezing helper refused"),
    "lock_held": Fault(121, "another process holds the lock of the freezing helper"),
    "open_failed": Fault(123, "/data could not be opened"),
    "timeout": Fault(122, "the freezing helper did not answer"),
    "late_thaw": Fault(2, "the file systems thawed before the snapshot was complete", True),
    "sleep_unable": Fault(2, "the freezing helper could not wait for the snapshot", True),
    "thaw_fail": Fault(2, "a file system could not be thawed", True),
}


def detail_of(name: str) -> str:
    return FREEZE[name].detail + " (a fault the test asked for)"


def back_up(vm: VirtualMachine, pre: str = OK, freeze: str = "ok", snapshot: str = "ok") -> Backup:
    vm.install(pre=pre, post=OK)
    vm.fault(freeze=freeze, snapshot=snapshot)
    return vm.backup()


def told(backup: Backup) -> list[tuple[int, str]]:
    return [(error.code, error.detail) for error in backup.errors]


def texts(backup: Backup, step: Step) -> list[str]:
    return [event.text for event in backup.events if event.step is step]


def test_every_fault_is_here() -> None:
    assert set(FREEZE) == {fault.value for fault in FreezeFault}
    assert [fault.value for fault in SnapshotFault] == ["all_failed", "some_failed"]


@pytest.mark.parametrize("name", FREEZE)
@pytest.mark.parametrize(
    "rules", [pytest.param(rules, marks=pytest.mark.vm(rules=rules)) for rules in RULE_SETS]
)
def test_a_bad_freeze_fails_the_backup(vm: VirtualMachine, name: str, rules: str) -> None:
    backup = back_up(vm, freeze=name)
    fault = FREEZE[name]
    assert (backup.status, backup.recovery_point) == (Status.FAILED, None)
    assert told(backup) == [(fault.code, detail_of(name))]
    assert (backup.extension.status, backup.extension.result, backup.extension.error) == (
        "error",
        fault.code,
        fault.code,
    )
    assert backup.frozen == ("/data", "/")
    assert backup.snapshot_asked is fault.asked
    assert backup.post is not None
    assert backup.post.exit_status == 0


@pytest.mark.parametrize("name", [name for name in FREEZE if not FREEZE[name].asked])
@pytest.mark.vm(rules="documented", disks=1)
def test_documented_single_disk_goes_on_without(vm: VirtualMachine, name: str) -> None:
    backup = back_up(vm, freeze=name)
    assert backup.status is Status.COMPLETED_WITH_WARNINGS
    assert backup.consistency is Consistency.CRASH
    assert told(backup) == [(FREEZE[name].code, detail_of(name))]
    assert texts(backup, Step.FREEZE)[-1] == (
        "going on without: the freeze did not work, single-disk VM"
    )
    assert backup.recovery_point is not None


@pytest.mark.parametrize("name", [name for name in FREEZE if FREEZE[name].asked])
@pytest.mark.vm(rules="documented", disks=1)
def test_documented_single_disk_keeps_what_was_copied(vm: VirtualMachine, name: str) -> None:
    backup = back_up(vm, freeze=name)
    assert backup.status is Status.COMPLETED_WITH_WARNINGS
    assert backup.consistency is Consistency.CRASH
    assert told(backup) == [(2, detail_of(name))]
    assert backup.recovery_point is not None


@pytest.mark.parametrize("name", FREEZE)
@FALLBACK
def test_shipped_fallback_of_the_platform(vm: VirtualMachine, name: str) -> None:
    backup = back_up(vm, freeze=name)
    fault = FREEZE[name]
    assert backup.status is Status.COMPLETED_WITH_WARNINGS
    assert backup.consistency is Consistency.CRASH
    report = backup.extension
    reported = 0 if fault.asked else fault.code  # crash-ok-freeze-*
    assert (report.status, report.result, report.error) == ("success", 0, reported)
    assert report.consistency is Consistency.CRASH
    assert backup.recovery_point is not None
    everything = (*backup.errors, *backup.unreported)
    assert [error.code for error in everything] == [fault.code]


@pytest.mark.parametrize("name", ["fail", "timeout", "late_thaw"])
@pytest.mark.vm(rules="shipped", disks=1)
def test_shipped_one_disk_alone_is_no_fallback(vm: VirtualMachine, name: str) -> None:
    assert back_up(vm, freeze=name).status is Status.FAILED


def test_a_freeze_that_is_waited_for_takes_its_time(vm: VirtualMachine) -> None:
    assert back_up(vm, freeze="timeout").duration >= 60


@SHIPPED
def test_a_freeze_that_is_waited_for_takes_its_time_as_shipped(vm: VirtualMachine) -> None:
    assert back_up(vm, freeze="timeout").duration >= 66


@pytest.mark.parametrize(
    ("status", "rules"),
    [
        pytest.param("error", "documented", marks=DOCUMENTED),
        pytest.param("success", "shipped", marks=SHIPPED),
    ],
)
def test_a_snapshot_that_fails(vm: VirtualMachine, status: str, rules: str) -> None:
    backup = back_up(vm, snapshot="all_failed")
    assert backup.rules == rules
    assert (backup.status, backup.recovery_point) == (Status.FAILED, None)
    assert told(backup) == [(76, "the snapshot of every disk failed (a fault the test asked for)")]
    report = backup.extension
    assert (report.status, report.result, report.error) == (status, 76, 76)
    assert backup.snapshot_asked
    assert backup.frozen == ("/data", "/")
    assert backup.post is not None
    assert vm.run("echo thawed > /data/file").exit_status == 0


@FALLBACK
def test_a_snapshot_that_fails_becomes_a_success(vm: VirtualMachine) -> None:
    """crash-freeze-ok-snap-fail: nobody can restore it."""
    backup = back_up(vm, snapshot="all_failed")
    report = backup.extension
    assert (report.status, report.result, report.error) == ("success", 0, 76)
    assert report.consistency is Consistency.CRASH
    assert backup.recovery_point is None


@FALLBACK
def test_both_fail_and_it_becomes_a_success(vm: VirtualMachine) -> None:
    """crash-freeze-fail-snap-fail."""
    backup = back_up(vm, freeze="fail", snapshot="all_failed")
    report = backup.extension
    assert (report.status, report.result, report.error) == ("success", 0, 121)
    assert backup.recovery_point is None


@SHIPPED
def test_azure_is_told_of_the_snapshot_and_not_of_the_script(vm: VirtualMachine) -> None:
    """snap-prefail-snapfail."""
    backup = back_up(vm, pre="exit 1\n", snapshot="all_failed")
    assert [error.code for error in backup.errors] == [76]
    assert [error.code for error in backup.unreported] == [300]
    assert (backup.extension.result, backup.extension.error) == (76, 76)


def test_by_the_documentation_azure_is_told_of_both(vm: VirtualMachine) -> None:
    backup = back_up(vm, pre="#!/bin/sh\nexit 1\n", snapshot="all_failed")
    assert [error.code for error in backup.errors] == [300, 76]
    assert backup.unreported == ()


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_faults_stay_until_they_are_taken_back(vm_factory: Any, rules: str) -> None:
    vm: VirtualMachine = vm_factory(rules=rules)
    assert back_up(vm, freeze="late_thaw", snapshot="all_failed").status is Status.FAILED
    vm.fault(freeze="ok")
    assert [error.code for error in vm.backup().errors] == [76]
    vm.fault()
    assert [error.code for error in vm.backup().errors] == [76]
    vm.fault(snapshot="ok")
    vm.backup().assert_application_consistent()


@pytest.mark.parametrize("name", FREEZE)
def test_a_fault_of_a_freeze_that_is_off_does_nothing(vm: VirtualMachine, name: str) -> None:
    vm.install(pre=OK, post=OK, fs_freeze=False)
    vm.fault(freeze=name)
    vm.backup().assert_application_consistent()


NAMES = "fail, lock_held, timeout, open_failed, late_thaw, sleep_unable, thaw_fail, ok"


@pytest.mark.parametrize(
    ("faults", "mistakes"),
    [
        ({"freeze": "slow"}, (f"freeze='slow' is no fault; write one of {NAMES}",)),
        ({"freeze": ""}, (f"freeze='' is no fault; write one of {NAMES}",)),
        ({"freeze": True}, (f"freeze=True is no fault; write one of {NAMES}",)),
        (
            {"freeze": FreezeFault.FAIL},
            (f"freeze=<FreezeFault.FAIL: 'fail'> is no fault; write one of {NAMES}",),
        ),
        (
            {"freeze": "slow", "snapshot": "fail"},
            (
                f"freeze='slow' is no fault; write one of {NAMES}",
                "snapshot='fail' is no fault; write one of all_failed, some_failed, ok",
            ),
        ),
    ],
)
def test_no_such_fault(
    vm: VirtualMachine, faults: dict[str, Any], mistakes: tuple[str, ...]
) -> None:
    vm.fault(snapshot="all_failed")
    with pytest.raises(UsageError) as caught:
        vm.fault(**faults)
    assert caught.value.mistakes == mistakes
    vm.install(pre=OK, post=OK)
    assert [error.code for error in vm.backup().errors] == [76]


SOME = "the snapshot of some disks failed"
ASKED = " (a fault the test asked for)"


@DOCUMENTED
def test_documented_needs_all_disks(vm: VirtualMachine) -> None:
    backup = back_up(vm, snapshot="some_failed")
    assert (backup.status, backup.recovery_point) == (Status.FAILED, None)
    assert [error.detail for error in backup.errors] == [SOME + ASKED]
    assert backup.faults == ("the snapshot of some disks fails",)
    assert [str(found) for found in backup.differences] == [
        "the extension does not notice that the snapshot of some disks failed: on the VM this "
        "backup would be application-consistent, and Azure would report success"
    ]


@SHIPPED
def test_shipped_does_not_notice_that_some_disks_failed(vm: VirtualMachine) -> None:
    backup = back_up(vm, snapshot="some_failed")
    assert backup.status is Status.COMPLETED
    assert backup.consistency is Consistency.APPLICATION
    assert f"{SOME}{ASKED}, which the extension does not notice" in texts(backup, Step.SNAPSHOT)
    assert [found.rule for found in backup.differences] == ["partial_snapshot_fails"]
    assert "by the documentation this backup would fail with" in str(backup.differences[0])


@pytest.mark.vm(disks=1)
def test_one_disk_has_no_others(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.fault(snapshot="some_failed")
    assert str(caught.value) == (
        "snapshot='some_failed' cannot be with one disk; write 'all_failed', or disks=2"
    )
