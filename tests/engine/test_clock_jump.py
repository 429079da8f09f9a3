"""The wall clock is set while a backup is taken."""

from __future__ import annotations

import itertools

import pytest

from pytest_vmsnapshot import UsageError, VirtualMachine

NOTES = "date +%s > /srv/{name}.wall; cut -d. -f1 /proc/uptime > /srv/{name}.up; touch /srv/{name}"
PRE = "#!/bin/sh\n" + NOTES.format(name="pre") + "\n"
POST = "#!/bin/sh\n" + NOTES.format(name="post") + "\n"


def seconds(vm: VirtualMachine, kind: str) -> int:
    before, after = (int(vm.path(f"/srv/{name}.{kind}").read_text()) for name in ("pre", "post"))
    return after - before


@pytest.mark.parametrize("jump", [3600, -3600, 0.5 * 86400])
def test_the_wall_clock_only(vm: VirtualMachine, jump: float) -> None:
    vm.install(pre=PRE, post=POST)
    vm.fault(clock_jump=jump)
    backup = vm.backup()
    backup.assert_application_consistent()
    assert abs(seconds(vm, "wall") - jump) <= 2
    assert 0 <= seconds(vm, "up") <= 2
    way = "forward" if jump > 0 else "back"
    told = f"the wall clock is set {way} by {abs(jump):g} s at after_pre"
    assert backup.faults == (told,)
    assert f"  fault: {told}" in [event.text for event in backup.events]
    assert backup.duration < 10


def test_files_have_the_times_they_were_written_at(vm: VirtualMachine) -> None:
    vm.install(pre=PRE, post=POST)
    vm.fault(clock_jump={"frozen": -7200, "before_post": 3600})
    vm.backup()
    ages = vm.run(
        "for f in pre post; do echo $(($(stat -c %Y /srv/$f) - $(cat /srv/$f.wall))); done"
    )
    assert all(abs(int(age)) <= 1 for age in ages.stdout.split())
    assert abs(seconds(vm, "wall") + 3600) <= 2


def test_a_running_program_sees_it(vm: VirtualMachine) -> None:
    vm.install(
        pre="#!/bin/bash\n(while sleep 1; do echo $EPOCHSECONDS; done) > /srv/log 2>&1 &\n"
        "echo $! > /run/logger; sleep 3\n",
        post="#!/bin/sh\nsleep 3; kill $(cat /run/logger)\n",
    )
    vm.fault(clock_jump=1000)
    vm.backup()
    times = [int(word) for word in vm.path("/srv/log").read_text().split()]
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert max(steps) in (1000, 1001, 1002)
    assert sorted(steps)[-2] <= 2


def test_ok_takes_it_back(vm: VirtualMachine) -> None:
    vm.install(pre=PRE, post=POST)
    vm.fault(clock_jump=3600)
    vm.fault(clock_jump="ok")
    assert vm.backup().faults == ()
    assert seconds(vm, "wall") <= 2


@pytest.mark.vm(clock="real")
def test_the_real_clock_is_the_machines(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.fault(clock_jump=1)
    assert caught.value.mistakes == (
        "clock_jump needs the virtual clock: the real one is the machine's; leave it out, or take "
        "clock='virtual'",
    )


def test_mistakes(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.fault(clock_jump={"after_per": 1, "frozen": 0, "thawed": float("nan")})
    assert caught.value.mistakes == (
        "clock_jump: there is no moment 'after_per'; is 'after_pre' meant? There are: before_pre, "
        "after_pre, frozen, before_snapshot, after_snapshot, thawed, before_post, after_post",
        "clock_jump is 0; write a number of seconds, such as 3600 or -3600, 31622400 at most",
        "clock_jump is nan; write a number of seconds, such as 3600 or -3600, 31622400 at most",
    )
