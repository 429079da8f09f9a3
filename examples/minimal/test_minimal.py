"""The smallest thing that can work: two shell scripts and two tests."""

from __future__ import annotations

from pytest_vmsnapshot import VirtualMachine


def test_backup_is_application_consistent(vm: VirtualMachine) -> None:
    vm.install(pre="pre.sh", post="post.sh")

    backup = vm.backup()

    backup.assert_application_consistent()


def test_snapshot_is_taken_while_the_application_rests(vm: VirtualMachine) -> None:
    vm.install(pre="pre.sh", post="post.sh")

    backup = vm.backup()

    assert backup.recovery_point is not None
    assert backup.recovery_point.read_text("/data/state") == "resting\n"
    assert vm.path("/data/state").read_text() == "working\n"
