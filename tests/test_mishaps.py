"""What goes wrong on a new user's first day, and what the messages say about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_vmsnapshot import UsageError, VirtualMachine

SUCCEEDS = "#!/bin/sh\n"
POST = "/opt/vmsnapshot/post.sh"


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        (f"chmod 600 {POST}", "could not be started: it may not be executed: its mode is 600"),
        (f"rm {POST}; mkdir {POST}", "could not be started: it is a directory, not a file"),
        (f"rm {POST}", "could not be started: No such file or directory"),
        (
            'rm -r "$PWD"',
            "could not be started: the directory it is started in, "
            "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9120.0, "
            "does not exist any more",
        ),
    ],
)
def test_pre_script_spoils_the_post_script(vm: VirtualMachine, deed: str, message: str) -> None:
    vm.install(pre=f"#!/bin/sh\n{deed}\n", post=SUCCEEDS)

    backup = vm.backup()

    backup.assert_file_system_consistent()
    assert [str(error) for error in backup.errors] == [
        f"Post-ScriptExecutionFailed (301): {POST}: {message}"
    ]


def test_interpreter_is_a_directory(vm: VirtualMachine) -> None:
    vm.install(pre="#!/opt\n", post=SUCCEEDS)

    pre = vm.backup().pre

    assert pre is not None
    assert pre.launch_error == "its interpreter '/opt' is a directory, not a program"


def test_script_deletes_itself(vm: VirtualMachine) -> None:
    vm.install(pre='#!/bin/sh\nrm -- "$0"\n', post='#!/bin/sh\nrm -- "$0"\n')

    vm.backup().assert_application_consistent()


def test_script_deletes_the_config(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\nrm -r /etc/azure\n", post=SUCCEEDS)

    vm.backup().assert_application_consistent()
    assert vm.backup().decided_by == "there is no config, so the framework is off"


def test_script_kills_all_it_can(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\nkill -9 1\nkill -9 -1\necho alive\n", post=SUCCEEDS)

    backup = vm.backup()

    assert backup.pre is not None
    assert backup.pre.stdout == "alive\n"


def test_working_directory_of_a_command_is_missing(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.run("true", cwd="/no/such")

    assert caught.value.mistakes == (
        "the command '/bin/sh' could not be started: No such file or directory: /no/such",
    )


def test_copying_what_cannot_be_copied(vm: VirtualMachine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "nowhere").symlink_to("no-such-file")

    with pytest.raises(UsageError) as caught:
        vm.copy(tmp_path, "/opt/copy")

    assert caught.value.mistakes == (
        f"{tmp_path}/again is a link to a directory above it; copy what lies beside it",
        f"{tmp_path}/fifo is neither a file nor a directory; copy what lies beside it",
    )
    assert not vm.path("/opt/copy").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_copying_what_cannot_be_read(vm: VirtualMachine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0)

    with pytest.raises(UsageError) as caught:
        vm.copy(tmp_path, "/opt/copy")

    assert caught.value.mistakes == (f"{secret} cannot be read: Permission denied",)
