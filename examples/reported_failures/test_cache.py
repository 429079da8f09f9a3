"""MicrosoftAzureBackup/Cache: CR LF line ends, an operator that is none, and exit 5 on success."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot import VirtualMachine

HERE = Path(__file__).parent / "cache"
FLAWED_PRE = (HERE / "flawed/pre.sh").read_bytes()
FLAWED_POST = (HERE / "flawed/post.sh").read_bytes()

FROZEN = 5
"""How csession ends when Caché is frozen, or thawed: that is success."""


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_line_ends(vm_factory: object, rules: str) -> None:
    assert callable(vm_factory)
    vm: VirtualMachine = vm_factory(rules=rules, allow=["never-called"])
    vm.command("csession", exit_status=FROZEN)
    vm.install(pre="cache/flawed/pre.sh", post="cache/corrected/post.sh")

    backup = vm.backup()

    with pytest.raises(AssertionError) as caught:
        backup.assert_application_consistent()
    assert (
        "remedy: /opt/cache/flawed/pre.sh has CR LF line ends, and a shell takes each CR for a "
        "part of the word before it: save it with LF line ends"
    ) in str(caught.value)


def test_an_exit_status_that_means_success_to_csession_only(vm: VirtualMachine) -> None:
    vm.command("csession", exit_status=FROZEN)
    vm.install(
        pre=FLAWED_PRE.replace(b"\r\n", b"\n"),
        post=FLAWED_POST.replace(b"\r\n", b"\n"),
    )

    backup = vm.backup()

    with pytest.raises(AssertionError) as caught:
        backup.assert_application_consistent()
    assert (
        "remedy: any exit status but 0 is a failure, and this one was 5: mend what failed (see the "
        "script's output), or end with exit 0 where 5 of a command means success"
    ) in str(caught.value)
    assert backup.pre is not None
    assert "Cache is frozen" not in backup.pre.stdout, "the operator req is none"
    assert "unexpected operator" in backup.pre.stderr


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_corrected(vm_factory: object, rules: str) -> None:
    assert callable(vm_factory)
    vm: VirtualMachine = vm_factory(rules=rules)
    csession = vm.command("csession", exit_status=FROZEN)
    vm.install(pre="cache/corrected/pre.sh", post="cache/corrected/post.sh")

    vm.backup().assert_application_consistent()

    assert [call.args[-1] for call in csession.calls] == [
        "##Class(Backup.General).ExternalFreeze()",
        "##Class(Backup.General).ExternalThaw()",
    ]


def test_corrected_and_cache_cannot_be_frozen(vm: VirtualMachine) -> None:
    vm.command("csession", exit_status=3)
    vm.install(pre="cache/corrected/pre.sh", post="cache/corrected/post.sh")
    backup = vm.backup()
    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.pre is not None
    assert backup.pre.stderr == "Cache could not be frozen: csession ended with 3\n"
