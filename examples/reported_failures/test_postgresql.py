"""The same trap in PostgreSQL: the server aborts a backup when the session that began it ends."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import VirtualMachine
from pytest_vmsnapshot.ready_made import PostgreSql


def install(vm: VirtualMachine, scripts: str) -> None:
    vm.install(pre=f"postgresql/{scripts}/pre.sh", post=f"postgresql/{scripts}/post.sh")


def test_the_server_aborts_the_backup(vm: VirtualMachine) -> None:
    psql = PostgreSql(vm)
    install(vm, "flawed")

    backup = vm.backup()

    backup.assert_error("Post-ScriptExecutionFailed")  # only now, and says nothing of the cause
    assert backup.post is not None
    assert backup.post.stderr == "ERROR:  backup is not in progress\n"
    with pytest.raises(AssertionError) as caught:
        psql.assert_in_backup_at_snapshot(backup)
    what, _, why, remedy = str(caught.value).splitlines()
    assert what.startswith("the server's backup mode was not held at the snapshot: it was taken")
    assert "the server aborts a backup whose session ends before pg_backup_stop" in why
    assert "keep the psql that calls pg_backup_start alive until the post-script" in remedy


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_corrected(vm_factory: object, rules: str) -> None:
    assert callable(vm_factory)
    vm: VirtualMachine = vm_factory(rules=rules)
    psql = PostgreSql(vm)
    install(vm, "corrected")

    backup = vm.backup()

    backup.assert_application_consistent()
    psql.assert_in_backup_at_snapshot(backup)
    assert not psql.in_backup
