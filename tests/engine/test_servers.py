"""Servers that a test starts on its VM."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import ServerFailed, UsageError, VirtualMachine

OK = "#!/bin/sh\n"


def test_it_runs_on_beside_backups(vm: VirtualMachine) -> None:
    server = vm.start("while :; do echo tick; sleep 1; done")
    assert server.running
    assert server.exit_status is None
    vm.install(pre="#!/bin/sh\nsleep 5\n", post=OK)
    vm.backup().assert_application_consistent()
    assert server.output.count("tick") >= 5
    server.stop()
    server.stop()
    assert server.exit_status is None
    assert server.output.startswith("tick\n")


def test_it_is_ready(vm: VirtualMachine) -> None:
    server = vm.start(
        ["/bin/sh", "-c", "sleep 3; touch /run/here; sleep 600"], ready="test -e /run/here"
    )
    assert vm.path("/run/here").exists()
    assert server.running
    assert (
        repr(server)
        == f"<Server \"/bin/sh -c 'sleep 3; touch /run/here; sleep 600'\", number {server.pid}>"
    )


def test_it_ends_by_itself(vm: VirtualMachine) -> None:
    server = vm.start("exit 3")
    vm.wait(1)
    assert not server.running
    assert server.exit_status == 3
    server.stop()


def test_what_does_not_end_by_sigterm_is_killed_with_its_group(vm: VirtualMachine) -> None:
    server = vm.start("trap '' TERM; sleep 1000 & echo up; while :; do sleep 1; done")
    vm.wait(1)
    server.stop(timeout=2)
    assert not server.running
    assert server.exit_status is None
    assert vm.run("pgrep -c sleep").stdout == "0\n"


def test_what_its_shell_leaves_behind_is_killed(vm: VirtualMachine) -> None:
    server = vm.start("sleep 1000 & wait")
    vm.wait(1)
    server.stop()
    assert vm.run("pgrep -c sleep").stdout == "0\n"


def test_it_ends_before_it_is_ready(vm: VirtualMachine) -> None:
    with pytest.raises(ServerFailed) as caught:
        vm.start("echo no licence >&2; exit 4", ready="false")
    assert str(caught.value) == (
        "the server 'echo no licence >&2; exit 4' ended with exit status 4; it printed:\nno licence"
    )
    with pytest.raises(ServerFailed) as caught:
        vm.start("kill -9 $$", ready="false")
    assert str(caught.value) == "the server 'kill -9 $$' ended with signal 9; it printed nothing"


def test_it_is_never_ready(vm: VirtualMachine) -> None:
    with pytest.raises(ServerFailed) as caught:
        vm.start("sleep 1000", ready="echo not yet; exit 1", timeout=2)
    assert str(caught.value) == (
        "the server 'sleep 1000' was not ready after 2 s (the command that asks said: 'not yet'); "
        "look at ready=, or raise timeout=; it printed nothing"
    )


def test_it_is_no_finding_and_no_part_of_a_recovery_point(vm: VirtualMachine) -> None:
    vm.start("echo said; sleep 1000", env={"A": "1"}, cwd="/srv")
    vm.install(pre=OK, post=OK)
    backup = vm.backup()
    assert backup.findings == ()
    assert backup.recovery_point is not None
    assert list(backup.recovery_point.walk("/run")) == ["/run/lock"]


def test_the_program_is_missing(vm: VirtualMachine) -> None:
    with pytest.raises(ServerFailed, match="ended with exit status 127; it printed:"):
        vm.start(["/no/such/server"], ready="false")


def test_mistakes(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.start("true", clock="utc")
    assert caught.value.mistakes == ("clock is 'utc'; write 'vm' or 'real'",)
    with pytest.raises(UsageError, match="command is"):
        vm.start("true", ready=[])


@pytest.mark.vm(clock="real")
def test_on_the_real_clock(vm: VirtualMachine) -> None:
    server = vm.start("echo up; sleep 1000", ready="true")
    assert server.running
    server.stop()
    assert not server.running
