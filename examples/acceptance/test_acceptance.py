"""The acceptance list of the backup extension's own author, as tests.

On a real VM each of these cases is 40 to 75 seconds of waiting. Here the waiting is done by the
VM's clock. `result` and `error` are the extension's own numbers: 0 is application-consistent, 1 a
success without that, anything else an error.
"""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import CONFIG_PATH, Backup, Consistency, VirtualMachine

QUIET = "#!/bin/sh\nexit 0\n"


def codes(backup: Backup) -> tuple[int, int]:
    return backup.extension.result, backup.extension.error


def test_success(vm: VirtualMachine) -> None:
    vm.install(pre=QUIET, post=QUIET)
    backup = vm.backup()
    assert codes(backup) == (0, 0)
    backup.assert_application_consistent()


def test_json_absent(vm: VirtualMachine) -> None:
    vm.install(pre=QUIET, post=QUIET)
    vm.path(CONFIG_PATH).remove()
    backup = vm.backup()
    assert codes(backup) == (1, 1)
    assert (backup.pre, backup.post) == (None, None)
    backup.assert_file_system_consistent()


def test_json_with_mode_777(vm: VirtualMachine) -> None:
    vm.install(pre=QUIET, post=QUIET, config_mode=0o777)
    backup = vm.backup()
    assert codes(backup) == (1, 317)
    assert backup.pre is None


@pytest.mark.parametrize(("continues", "result"), [(True, 1), (False, 306)])
def test_pre_script_with_a_wrong_mode(vm: VirtualMachine, continues: bool, result: int) -> None:
    vm.install(pre=QUIET, post=QUIET, pre_mode=0o777, continue_on_failure=continues)
    backup = vm.backup()
    assert codes(backup) == (result, 306)
    backup.assert_error("InsufficientPermissionforPre-Script")
    assert (backup.recovery_point is not None) == continues


@pytest.mark.parametrize(("continues", "result"), [(True, 1), (False, 301)])
def test_post_script_exits_123(vm: VirtualMachine, continues: bool, result: int) -> None:
    vm.install(pre=QUIET, post="#!/bin/sh\nexit 123\n", continue_on_failure=continues)
    backup = vm.backup()
    assert codes(backup) == (result, 301)
    assert backup.post is not None
    assert backup.post.exit_status == 123


@pytest.mark.parametrize(("continues", "result"), [(True, 1), (False, 303)])
def test_post_script_absent(vm: VirtualMachine, continues: bool, result: int) -> None:
    vm.install(pre=QUIET, post=QUIET, continue_on_failure=continues)
    vm.path("/opt/vmsnapshot/post.sh").remove()
    backup = vm.backup()
    assert codes(backup) == (result, 303)
    assert backup.pre is None, "nothing runs if either script is missing"


@pytest.mark.parametrize(("continues", "result"), [(True, 1), (False, 308)])
def test_pre_script_sleeps_35_seconds(vm: VirtualMachine, continues: bool, result: int) -> None:
    vm.install(pre="#!/bin/sh\nsleep 35\n", post=QUIET, timeout=30, continue_on_failure=continues)
    backup = vm.backup()
    assert codes(backup) == (result, 308)
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.post is not None, "the post-script runs all the same"


def test_sequential_snapshots(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\necho pre >> /data/log\n", post="#!/bin/sh\necho post >> /data/log\n")
    for count in (1, 2, 3):
        backup = vm.backup()
        assert codes(backup) == (0, 0)
        assert backup.consistency is Consistency.APPLICATION
        assert vm.path("/data/log").read_text() == "pre\npost\n" * count
