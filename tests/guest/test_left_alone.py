"""Programs that nobody stops or reads from, at the level of the guest."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import VirtualMachine
from pytest_vmsnapshot.guest.left_alone import LeftAlone
from pytest_vmsnapshot.guest.remote import RemoteGuest
from pytest_vmsnapshot.protocols import Launch, NotStarted

FAR = 1000.0
"""Seconds nobody wants to wait."""


def guest_of(vm: VirtualMachine) -> RemoteGuest:
    guest = vm._guest
    assert isinstance(guest, RemoteGuest)
    return guest


def start(vm: VirtualMachine, *argv: str) -> LeftAlone:
    launch = Launch(argv, {"PATH": "/usr/bin:/bin"}, "/")
    return guest_of(vm).start(launch, FAR)


@pytest.mark.vm(clock="real")
def test_one_that_ended_long_ago_is_not_waited_for(vm: VirtualMachine) -> None:
    """It was collected while the agent served another request, and nothing wakes it any more."""
    program = start(vm, "sh", "-c", "exit 3")
    vm.run(f"while [ -d /proc/{program.pid} ]; do :; done")
    clock = vm._bench.clock
    began = clock.now()
    guest_of(vm).watch([program], began + FAR)
    assert clock.now() < began + FAR
    assert program.execution is not None
    assert program.execution.exit_status == 3


def test_several_are_waited_for_together(vm: VirtualMachine) -> None:
    programs = [start(vm, "sleep", seconds) for seconds in ("5", "1", "3")]
    clock = vm._bench.clock
    began = clock.now()
    guest_of(vm).watch(programs[1:], began + FAR)
    assert 3 <= clock.now() - programs[2].started < 4
    assert [program.execution is None for program in programs] == [True, False, False]
    guest_of(vm).watch(programs, began + FAR)
    assert 5 <= clock.now() - programs[0].started < 6


def test_one_that_cannot_be_started(vm: VirtualMachine) -> None:
    with pytest.raises(NotStarted) as caught:
        start(vm, "no-such-program")
    assert (caught.value.number, caught.value.text) == (
        2,
        "No such file or directory: no-such-program",
    )


def test_what_it_printed_is_there_and_its_pipe_is_closed(vm: VirtualMachine) -> None:
    program = start(vm, "sh", "-c", "echo before; sleep 2; echo after; echo $? > /srv/status")
    vm.wait(1)
    output, error_output = program.collect()
    vm.wait(5)
    assert (output.kept, error_output.kept) == (b"before\n", b"")
    assert not vm.path("/srv/status").exists(), "printing to a closed pipe kills the shell"
    assert program.collect() == (output, error_output)
