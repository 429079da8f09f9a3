"""metadist/synaplan: a docker-compose hook with ``set -Eeuo pipefail``, run by dash."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import CommandDouble, VirtualMachine


def install(vm: VirtualMachine, scripts: str, exit_status: int = 0) -> CommandDouble:
    docker = vm.command("docker", exit_status=exit_status)
    vm.install(
        pre=f"compose/{scripts}/snapshot-hook.sh",
        post=f"compose/{scripts}/snapshot-hook.sh",
        pre_params=["pre"],
        post_params=["post"],
        pre_location="/opt/compose/snapshot-hook.sh",
        post_location="/opt/compose/after/snapshot-hook.sh",
    )
    return docker


@pytest.mark.vm(rules="shipped", shell="debian", allow=["never-called"])
def test_pipefail_under_dash(vm: VirtualMachine) -> None:
    docker = install(vm, "flawed")

    backup = vm.backup()

    assert docker.calls == ()
    with pytest.raises(AssertionError) as caught:
        backup.assert_application_consistent()
    message = str(caught.value)
    assert (
        "remedy: the first line of /opt/compose/snapshot-hook.sh asks for bash, but the extension "
        "runs every script by sh, which is another shell and said: "
        "/opt/compose/snapshot-hook.sh: 3: set: Illegal option"
    ) in message
    assert 'exec bash SCRIPT "$@"' in message


@pytest.mark.vm(rules="shipped", shell=["debian", "rhel", "alpine"])
def test_corrected(vm: VirtualMachine) -> None:
    docker = install(vm, "corrected")

    vm.backup().assert_application_consistent()

    verbs = [call.args[3] for call in docker.calls]
    assert verbs == ["pause", "exec", "unpause"]


def test_corrected_and_a_container_refuses(vm: VirtualMachine) -> None:
    install(vm, "corrected", exit_status=1)
    backup = vm.backup()
    backup.assert_error("Pre-ScriptExecutionFailed")
    backup.assert_error("Post-ScriptExecutionFailed")
