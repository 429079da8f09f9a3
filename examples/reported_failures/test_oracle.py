"""MicrosoftAzureBackup/Oracle: a script for bash, run by dash.

The extension on VMs runs every script by ``sh``, whatever its first line says. On Debian and Ubuntu
that is dash, which knows neither arrays nor ``function``.
"""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import CommandDouble, VirtualMachine
from pytest_vmsnapshot.ready_made import SwitchUser

DATABASES = ["ORCL", "HR"]


def install(vm: VirtualMachine, scripts: str, exit_status: int = 0) -> CommandDouble:
    SwitchUser(vm)
    sqlplus = vm.command("sqlplus", reads_stdin=True, exit_status=exit_status)
    vm.install(
        pre=f"oracle/{scripts}/script.sh",
        post=f"oracle/{scripts}/script.sh",
        pre_params=["pre", *DATABASES],
        post_params=["post", *DATABASES],
        post_location="/opt/oracle/post.sh",
    )
    return sqlplus


@pytest.mark.vm(rules="shipped", shell="debian", allow=["never-called"])
def test_arrays_under_dash(vm: VirtualMachine) -> None:
    install(vm, "flawed")

    backup = vm.backup()

    backup.assert_error("Pre-ScriptExecutionFailed")
    with pytest.raises(AssertionError) as caught:
        backup.assert_application_consistent()
    assert (
        "remedy: the first line of /opt/oracle/flawed/script.sh asks for /bin/bash, but the "
        "extension runs every script by sh, which is another shell and said: "
        '/opt/oracle/flawed/script.sh: 3: Syntax error: "(" unexpected; write it for sh'
    ) in str(caught.value)


def test_nobody_sees_it_by_the_documentation(vm: VirtualMachine) -> None:
    sqlplus = install(vm, "flawed")
    backup = vm.backup()
    backup.assert_application_consistent()
    assert len(sqlplus.calls) == 4
    assert any("sh would run the pre-script" in str(found) for found in backup.differences)


@pytest.mark.vm(rules="shipped", shell=["debian", "rhel"])
def test_corrected(vm: VirtualMachine) -> None:
    sqlplus = install(vm, "corrected")

    backup = vm.backup()

    backup.assert_application_consistent()
    assert [call.env["ORACLE_SID"] for call in sqlplus.calls] == DATABASES * 2
    assert "ALTER DATABASE BEGIN BACKUP;" in sqlplus.calls[0].stdin_text
    assert "ALTER DATABASE END BACKUP;" in sqlplus.calls[-1].stdin_text


def test_corrected_and_a_database_refuses(vm: VirtualMachine) -> None:
    install(vm, "corrected", exit_status=1)
    backup = vm.backup()
    backup.assert_error("Pre-ScriptExecutionFailed")
