"""MicrosoftAzureBackup/MySQL: a read lock that is gone before the snapshot.

``mysql -e 'FLUSH TABLES WITH READ LOCK'`` succeeds, the backup is called application-consistent,
and nothing was locked: the server gives a client's locks back when the client ends.
"""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import VirtualMachine
from pytest_vmsnapshot.ready_made import MySql

PARAMS = ["backup", "/etc/mysql/backup.cnf"]
WRITE = "mysql -e 'INSERT INTO orders VALUES (1)'"


def install(vm: VirtualMachine, scripts: str) -> None:
    vm.install(
        pre=f"mysql/{scripts}/pre.sh",
        post=f"mysql/{scripts}/post.sh",
        pre_params=PARAMS,
        post_params=PARAMS,
    )


def test_the_lock_is_gone_before_the_snapshot(vm: VirtualMachine) -> None:
    mysql = MySql(vm)
    install(vm, "flawed")

    backup = vm.backup()

    backup.assert_application_consistent()  # so says Azure, too
    with pytest.raises(AssertionError) as caught:
        mysql.assert_locked_at_snapshot(backup)
    what, taken, why, remedy = str(caught.value).splitlines()
    assert what.startswith("the global read lock was not held at the snapshot: it was taken")
    assert "FLUSH TABLES WITH READ LOCK" in taken
    assert why.strip() == (
        "gone because: its client ended, and a server gives a client's locks back when it ends"
    )
    assert "keep the client that locks alive until the post-script" in remedy


def test_a_write_is_not_refused(vm: VirtualMachine) -> None:
    MySql(vm)
    install(vm, "flawed")
    vm.probe(WRITE)
    with pytest.raises(AssertionError, match=r"succeeded: the application is not at rest$"):
        vm.backup()


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_corrected(vm_factory: object, rules: str) -> None:
    assert callable(vm_factory)
    vm: VirtualMachine = vm_factory(rules=rules)
    mysql = MySql(vm)
    install(vm, "corrected")
    vm.probe(WRITE)

    backup = vm.backup()

    backup.assert_application_consistent()
    mysql.assert_locked_at_snapshot(backup)
    assert not mysql.locked
    assert not vm.path("/run/mysql-backup").exists()


def test_corrected_and_mysql_is_down(vm: VirtualMachine) -> None:
    down = "ERROR 2002 (HY000): Can't connect to local MySQL server\n"
    vm.command("mysql", stderr=down, exit_status=1)
    install(vm, "corrected")

    backup = vm.backup()

    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.pre is not None
    assert backup.pre.stderr == f"MySQL could not be locked: {down}"
