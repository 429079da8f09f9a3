"""The virtual clock under load: the same every time, never a jump while anybody can be woken."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_vmsnapshot import VmFactory

TEN_JOBS = r"""#!/bin/bash
cd /srv; mkfifo a b c
for i in 1 2 3 4; do sleep 5; date +"loop %H:%M:%S"; done > one &
(timeout 7 sleep 100; echo "timeout $?"; date +%S) > two &
(read -t 9 line < <(sleep 60 & exec sleep 40); echo "read $?"; date +%S) > three &
(sleep 3; echo early > a) &
(read -t 20 line < a; echo "read $? $line"; date +%S) > four &
(sleep 2; echo x; sleep 11; echo y) | while read -r word; do date +"$word %S"; done > five &
(perl -e 'select undef, undef, undef, 8.25; print "perl\n"'; date +%S) > six &
(sleep 12 & wait; date +"wait %S") > seven &
(SECONDS=0; sleep 6; echo "seconds $SECONDS") > eight &
(flock -w 10 lock sleep 4; echo "flock $?"; date +%S) > nine &
(sleep 1; flock -w 15 lock true; echo "flock $?"; date +%S) > ten &
wait
date +"end %H:%M:%S"
for file in one two three four five six seven eight nine ten; do sed "s/^/$file: /" $file; done
"""

EXPECTED = """end 12:00:20
one: loop 12:00:05
one: loop 12:00:10
one: loop 12:00:15
one: loop 12:00:20
two: timeout 124
two: 07
three: read 142
three: 09
four: read 0 early
four: 03
five: x 02
five: y 13
six: perl
six: 08
seven: wait 12
eight: seconds 6
nine: flock 0
nine: 04
ten: flock 0
ten: 04
"""

PING_PONG = r"""#!/bin/bash
cd /srv; mkfifo ping pong
sleep 100000 &
(while read -r n; do echo "$n"; done < ping > pong) &
exec 3> ping 4< pong
for ((i = 0; i < 3000; i++)); do echo "$i" >&3; read -r n <&4; [ "$n" = "$i" ] || exit 9; done
"""


@pytest.fixture
def busy(request: pytest.FixtureRequest) -> Iterator[None]:
    """As many busy loops as the test asks for."""
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(request.param)
    ]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.mark.vm(allow=["processes"])
@pytest.mark.parametrize("busy", [0, 4], indirect=True, ids=["quiet", "four busy loops"])
@pytest.mark.usefixtures("busy")
@pytest.mark.timeout(600)
def test_ten_jobs_print_the_same_every_time(
    vm_factory: VmFactory, pytestconfig: pytest.Config
) -> None:
    outputs: dict[str, int] = {}
    for _ in range(200 if pytestconfig.getoption("soak") else 10):
        with vm_factory(clock="virtual", clock_start="2026-11-25T12:00:00") as vm:
            vm.install(pre=TEN_JOBS, post="#!/bin/sh\n", timeout=60)
            backup = vm.backup()
            assert backup.pre is not None
            assert not backup.pre.timed_out, backup.explain()
            outputs[backup.pre.stdout] = outputs.get(backup.pre.stdout, 0) + 1
    assert list(outputs) == [EXPECTED], outputs


@pytest.mark.parametrize("busy", [0, 2], indirect=True, ids=["quiet", "two busy loops"])
@pytest.mark.usefixtures("busy")
@pytest.mark.timeout(600)
def test_no_jump_while_two_processes_wake_each_other(
    vm_factory: VmFactory, pytestconfig: pytest.Config
) -> None:
    """One false jump would add 100,000 seconds."""
    for _ in range(20 if pytestconfig.getoption("soak") else 2):
        with vm_factory(clock="virtual") as vm:
            vm.write("/srv/ping-pong", PING_PONG, mode=0o755)
            begun = float(vm.run("cat /proc/uptime").stdout.split()[0])
            vm.run("/srv/ping-pong", timeout=90_000, check=True)
            assert float(vm.run("cat /proc/uptime").stdout.split()[0]) - begun < 60


def test_a_reader_of_much_output_makes_no_false_timeout(vm_factory: VmFactory) -> None:
    """A program that waits for the harness to read waits for somebody outside."""
    vm = vm_factory(clock="virtual")
    done = vm.run("head -c 50000000 /dev/zero; sleep 10; head -c 1000000 /dev/zero", timeout=15)
    assert len(done.output.kept) + done.output.dropped == 51_000_000


def test_two_vms_keep_their_own_time(vm_factory: VmFactory) -> None:
    one, other = vm_factory(clock="virtual"), vm_factory(clock="virtual")
    ages = []
    with contextlib.ExitStack() as stack:
        stack.callback(one.close)
        for vm in (one, other):
            before = int(vm.run("date +%s").stdout)
            if vm is one:
                vm.wait(86_400)
            ages.append(int(vm.run("date +%s").stdout) - before)
    assert ages[0] >= 86_400
    assert ages[1] < 60
