"""Moments of a backup: what a test sees and does there, and what becomes of its assertions."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import AtMoment, CommandTimeout, MemoryMachine, UsageError, VirtualMachine
from pytest_vmsnapshot.moments import NAMES

PRE = "#!/bin/sh\necho pre >> /srv/log\n"
POST = "#!/bin/sh\necho post >> /srv/log\n"
FAILS = "#!/bin/sh\nexit 1\n"


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_all_moments_in_order(vm_factory: object, rules: str) -> None:
    assert callable(vm_factory)
    vm: VirtualMachine = vm_factory(rules=rules)
    seen: list[tuple[str, str]] = []

    def look(at: AtMoment) -> None:
        seen.append((at.moment, at.run("cat /srv/log 2> /dev/null").stdout.replace("\n", " ")))

    for name in NAMES:
        vm.on(name, look)
    vm.install(pre=PRE, post=POST)
    vm.backup().assert_application_consistent()
    assert seen == [
        ("before_pre", ""),
        ("after_pre", "pre "),
        ("frozen", "pre "),
        ("before_snapshot", "pre "),
        ("after_snapshot", "pre "),
        ("thawed", "pre "),
        ("before_post", "pre "),
        ("after_post", "pre post "),
    ]


def test_what_is_not_reached_is_left_out(vm: VirtualMachine) -> None:
    seen: list[str] = []
    for name in NAMES:
        vm.on(name, lambda at: seen.append(at.moment))
    vm.install(pre=FAILS, post=POST, continue_on_failure=False)
    vm.backup().assert_failed()
    assert seen == ["before_pre", "after_pre", "before_post", "after_post"]
    vm.path("/opt/vmsnapshot/pre.sh").remove()
    seen.clear()
    vm.backup()
    assert seen == []


def test_what_a_test_does_is_on_the_timeline(vm: VirtualMachine) -> None:
    vm.on("after_pre", lambda at: at.run(["test", "-e", "/no such"]))
    vm.install(pre=PRE, post=POST)
    texts = [event.text for event in vm.backup().events]
    assert "  test: test -e '/no such' → 1" in texts


def test_a_change_after_the_snapshot_is_not_in_it(vm: VirtualMachine) -> None:
    vm.on("after_snapshot", lambda at: at.path("/srv/log").write_text("changed\n"))
    vm.install(pre=PRE, post=POST)
    point = vm.backup().recovery_point
    assert point is not None
    assert point.read_text("/srv/log") == "pre\n"
    assert vm.path("/srv/log").read_text() == "changed\npost\n"


def test_an_assertion_does_not_cut_the_backup_short(vm: VirtualMachine) -> None:
    def refuse(at: AtMoment) -> None:
        raise AssertionError(f"not now: {at.moment}")

    vm.on("frozen", refuse)
    vm.install(pre=PRE, post=POST)
    with pytest.raises(AssertionError, match=r"^not now: frozen$"):
        vm.backup()
    (backup,) = vm.backups
    backup.assert_application_consistent()
    assert vm.path("/srv/log").read_text() == "pre\npost\n"
    assert "  test: AssertionError at frozen" in [event.text for event in backup.events]


def test_a_command_that_hangs_while_all_is_frozen(vm: VirtualMachine) -> None:
    vm.on("frozen", lambda at: at.run("sleep 1000", timeout=0.2))
    vm.install(pre=PRE, post=POST)
    with pytest.raises(CommandTimeout):
        vm.backup()
    assert vm.path("/srv/log").read_text() == "pre\npost\n"


LOCK = "[ -e /run/locked ] && exit 1; echo row >> /srv/table"


def test_a_probe_that_is_refused(vm: VirtualMachine) -> None:
    probe = vm.probe(LOCK)
    vm.install(pre="#!/bin/sh\ntouch /run/locked\n", post="#!/bin/sh\nrm /run/locked\n")
    vm.backup().assert_application_consistent()
    vm.backup().assert_application_consistent()
    assert [done.exit_status for done in probe.results] == [1, 1]


def test_a_probe_that_is_not_refused(vm: VirtualMachine) -> None:
    vm.probe(LOCK)
    vm.install(pre=PRE, post=POST)
    with pytest.raises(AssertionError) as caught:
        vm.backup()
    assert str(caught.value) == (
        f"the probe {LOCK!r} should have been refused after the pre-script, and succeeded: the "
        "application is not at rest"
    )


def test_a_probe_that_should_succeed(vm: VirtualMachine) -> None:
    vm.probe(["cat", "/srv/none"], expect="accepted")
    vm.install(pre=PRE, post=POST)
    with pytest.raises(AssertionError) as caught:
        vm.backup()
    assert str(caught.value) == (
        "the probe 'cat /srv/none' should have been accepted after the pre-script, and failed: "
        "cat: /srv/none: No such file or directory"
    )


def test_mistakes(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.on("after_freeze", "look")  # type: ignore[arg-type]
    assert caught.value.mistakes == (
        "a backup has no moment 'after_freeze'; write one of before_pre, after_pre, frozen, "
        "before_snapshot, after_snapshot, thawed, before_post, after_post",
        "callback is 'look'; write a function that takes the VM at a moment",
    )
    with pytest.raises(UsageError, match=r"^expect is 'fails'; write 'refused' or 'accepted'$"):
        vm.probe("true", expect="fails")


def test_moments_of_a_vm_in_memory(memory_vm: MemoryMachine) -> None:
    seen: list[bool] = []
    memory_vm.on("after_pre", lambda at: seen.append(at.path("/srv/done").exists()))
    memory_vm.install(
        pre=lambda context: memory_vm.write("/srv/done", ""), post=lambda context: None
    )
    memory_vm.backup().assert_application_consistent()
    assert seen == [True]
