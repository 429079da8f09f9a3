"""Is the order service backed up as it should be, and what happens when something goes wrong?

Every test gets a VM of its own, on which the service runs and never stops taking orders.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import Consistency, RecoveryPoint, Status, VirtualMachine

PROJECT = Path(__file__).resolve().parent.parent
DEPLOY = PROJECT / "deploy"
CONFIG: dict[str, Any] = json.loads((DEPLOY / "VMSnapshotScriptPluginConfig.json").read_text())

PAUSES_AND_FAILS = "#!/bin/sh\n/usr/local/bin/orders pause\nexit 3\n"
HANGS = "#!/bin/sh\necho 'waiting for the last order'\nsleep 600\n"


@pytest.fixture
def shop(vm: VirtualMachine) -> VirtualMachine:
    """A VM on which the order service runs."""
    start_service(vm)
    return vm


def start_service(vm: VirtualMachine) -> None:
    program = (PROJECT / "app" / "orders.py").read_text()
    vm.write("/usr/local/bin/orders", f"#!{python_of(vm)}\n{program}", mode=0o755)
    vm.run("/usr/local/bin/orders serve", check=True)


def python_of(vm: VirtualMachine) -> str:
    """A Python interpreter that exists on the VM and has SQLite."""
    own = [sys.executable, str(Path(sys.executable).resolve())]
    for python in ("/usr/bin/python3", "/usr/local/bin/python3", *own):
        if vm.run(f"'{python}' -c 'import sqlite3'").exit_status == 0:
            return python
    pytest.skip("no Python with SQLite is visible on the VM")


def status_of_service(vm: VirtualMachine) -> str:
    return vm.run("/usr/local/bin/orders status", check=True).stdout.strip()


def orders_in(point: RecoveryPoint, tmp_path: Path) -> tuple[int, int]:
    """How many orders a recovery point has in its database, and how many were confirmed."""
    for name in ("orders.db", "orders.db-wal"):
        if point.exists(f"/srv/orders/{name}"):
            (tmp_path / name).write_bytes(point.read_bytes(f"/srv/orders/{name}"))
    database = sqlite3.connect(tmp_path / "orders.db")
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (written,) = database.execute("SELECT count(*) FROM orders").fetchone()
    finally:
        database.close()
    confirmed = point.read_text("/srv/orders/confirmed.log").splitlines()
    return written, len(confirmed)


# -- when all goes well ---------------------------------------------------------------------------


def test_backup_is_application_consistent(shop: VirtualMachine) -> None:
    shop.install_config(DEPLOY / "VMSnapshotScriptPluginConfig.json", scripts=DEPLOY)

    backup = shop.backup()

    backup.assert_application_consistent()
    assert backup.status is Status.COMPLETED
    assert backup.errors == ()
    assert backup.pre is not None
    assert backup.pre.stdout == "paused\n"


def test_service_takes_orders_again_after_the_backup(shop: VirtualMachine) -> None:
    shop.install_config(DEPLOY / "VMSnapshotScriptPluginConfig.json", scripts=DEPLOY)

    shop.backup()

    assert status_of_service(shop) == "taking orders"


def test_every_confirmed_order_is_in_the_backup(shop: VirtualMachine, tmp_path: Path) -> None:
    shop.install_config(DEPLOY / "VMSnapshotScriptPluginConfig.json", scripts=DEPLOY)

    backup = shop.backup()

    assert backup.recovery_point is not None
    written, confirmed = orders_in(backup.recovery_point, tmp_path)
    assert written == confirmed > 0


def test_second_backup_has_the_orders_taken_since_the_first(
    shop: VirtualMachine, tmp_path: Path
) -> None:
    shop.install_config(DEPLOY / "VMSnapshotScriptPluginConfig.json", scripts=DEPLOY)

    counts = []
    for number in (1, 2):
        point = shop.backup().recovery_point
        assert point is not None
        place = tmp_path / str(number)
        place.mkdir()
        counts.append(orders_in(point, place)[0])

    assert counts[1] > counts[0]


# -- when the pre-script fails: what the backup falls back to -------------------------------------


def test_failing_pre_script_leaves_a_file_system_consistent_backup(shop: VirtualMachine) -> None:
    shop.install(pre="#!/bin/sh\nexit 3\n", post=DEPLOY / "post.sh")

    backup = shop.backup()

    backup.assert_file_system_consistent()
    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.status is Status.COMPLETED_WITH_WARNINGS


def test_failing_pre_script_without_freeze_leaves_a_crash_consistent_backup(
    shop: VirtualMachine,
) -> None:
    shop.install(pre="#!/bin/sh\nexit 3\n", post=DEPLOY / "post.sh", fs_freeze=False)

    shop.backup().assert_crash_consistent()


def test_failing_pre_script_fails_the_backup_if_asked_to(shop: VirtualMachine) -> None:
    shop.install(pre="#!/bin/sh\nexit 3\n", post=DEPLOY / "post.sh", continue_on_failure=False)

    backup = shop.backup()

    backup.assert_failed()
    assert backup.recovery_point is None


@pytest.mark.vm(disks=1)
def test_vm_with_a_single_disk_falls_back_all_the_same(shop: VirtualMachine) -> None:
    shop.install(pre="#!/bin/sh\nexit 3\n", post=DEPLOY / "post.sh", continue_on_failure=False)

    shop.backup().assert_crash_consistent()


def test_backup_of_a_service_that_was_not_brought_to_rest_may_lack_orders(
    shop: VirtualMachine, tmp_path: Path
) -> None:
    """This is what the pre-script is for."""
    shop.run("/usr/local/bin/orders status", check=True)  # an answer: orders are being taken
    shop.install(pre="#!/bin/sh\nexit 3\n", post=DEPLOY / "post.sh")

    point = shop.backup().recovery_point

    assert point is not None
    written, confirmed = orders_in(point, tmp_path)
    assert written <= confirmed  # by up to 20 orders, as the moment will have it


def test_service_that_is_down_is_noticed(vm: VirtualMachine) -> None:
    start_service(vm)
    vm.run("rm /srv/orders/control", check=True)  # nobody can reach it any more
    vm.install_config(DEPLOY / "VMSnapshotScriptPluginConfig.json", scripts=DEPLOY)

    backup = vm.backup()

    backup.assert_file_system_consistent()
    assert backup.pre is not None
    assert backup.pre.stderr == "orders: the service is not running: No such file or directory\n"
    assert [error.name for error in backup.errors] == [
        "Pre-ScriptExecutionFailed",
        "Post-ScriptExecutionFailed",
    ]


# -- the post-script ------------------------------------------------------------------------------


def test_post_script_runs_after_a_failed_pre_script(shop: VirtualMachine) -> None:
    shop.install(pre=PAUSES_AND_FAILS, post=DEPLOY / "post.sh")

    backup = shop.backup()

    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.post is not None
    assert backup.post.exit_status == 0
    assert status_of_service(shop) == "taking orders"


def test_failing_post_script_spoils_the_backup(shop: VirtualMachine) -> None:
    shop.install(pre=DEPLOY / "pre.sh", post="#!/bin/sh\nexit 1\n")

    backup = shop.backup()

    backup.assert_error("Post-ScriptExecutionFailed")
    assert backup.consistency is Consistency.FILE_SYSTEM
    assert status_of_service(shop) == "paused"  # and nobody takes orders until a person looks


# -- retries and time limits ----------------------------------------------------------------------


def test_pre_script_that_fails_once_is_tried_again(shop: VirtualMachine) -> None:
    flaky = "#!/bin/sh\nmkdir /run/tried && exit 1\nexec /usr/local/bin/orders pause\n"
    shop.install(pre=flaky, post=DEPLOY / "post.sh", pre_retries=1)

    backup = shop.backup()

    # mkdir fails at the second attempt, so the script goes on.
    backup.assert_application_consistent()
    assert backup.pre is not None
    assert [attempt.exit_status for attempt in backup.pre.attempts] == [1, 0]


def test_pre_script_that_hangs_is_stopped(shop: VirtualMachine) -> None:
    shop.install(pre=HANGS, post=DEPLOY / "post.sh", timeout=1)

    backup = shop.backup()

    backup.assert_file_system_consistent()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.pre is not None
    assert backup.pre.last.waiting_in == ("sleep 600",)
    assert backup.pre.stdout == "waiting for the last order\n"


def test_post_script_that_hangs_is_stopped(shop: VirtualMachine) -> None:
    shop.install(pre=DEPLOY / "pre.sh", post=HANGS, timeout=1)

    shop.backup().assert_error("Post-ScriptTimeout")


# -- what is installed ----------------------------------------------------------------------------


def test_scripts_with_a_wrong_mode_are_refused(shop: VirtualMachine) -> None:
    shop.install_config(
        DEPLOY / "VMSnapshotScriptPluginConfig.json", scripts=DEPLOY, script_mode=0o755
    )

    backup = shop.backup()

    backup.assert_file_system_consistent()
    backup.assert_error("InsufficientPermissionforPre-Script")
    backup.assert_error("InsufficientPermissionforPost-Script")
    assert backup.pre is None


def test_misspelt_key_is_noticed(shop: VirtualMachine) -> None:
    config = {**CONFIG, "timeoutInSecond": CONFIG["timeoutInSeconds"]}
    del config["timeoutInSeconds"]
    shop.install_config(config, scripts=DEPLOY)

    backup = shop.backup()

    backup.assert_error("IncorrectJSONConfigFile")
    assert "timeoutInSeconds is missing (is 'timeoutInSecond' meant?)" in str(backup.errors[0])
