"""VMs closed without waiting, as after each test: they die meanwhile, and nothing is left."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_vmsnapshot import GuestDied
from pytest_vmsnapshot.machine import VirtualMachine
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source

PATIENCE = 10.0
"""Seconds a killed VM may take to die on a loaded machine."""


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path, tmp_path)
    yield workshop
    workshop.close()


def make(workshop: Workshop, clock: str = "auto") -> VirtualMachine:
    return workshop.make([Source("test", {"clock": clock})], Path.cwd(), None)


@pytest.fixture
def others() -> set[int]:
    """VMs of other sessions of this process: of the fixture ``vm`` in tests before, say."""
    return agents(set())


def agents(others: set[int]) -> set[int]:
    """The first processes of all VMs of this process, spare ones and zombies included."""
    found = set()
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if (status := _status(pid)) and status[0] == "vm-agent" and _is_below_us(pid):
            found.add(pid)
    return found - others


def _is_below_us(pid: int) -> bool:
    while pid > 1:
        status = _status(pid)
        if status is None:
            return False
        pid = status[1]
        if pid == os.getpid():
            return True
    return False


def _status(pid: int) -> tuple[str, int] | None:
    """Name and parent of a process."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(" (")[2].rpartition(") ")
    except OSError:
        return None
    return name, int(rest.split()[1])


def test_it_dies_by_itself_and_is_collected(others: set[int], workshop: Workshop) -> None:
    vm = make(workshop)
    vm.run("(trap '' TERM HUP; setsid sleep 1000 > /dev/null 2>&1 &)")
    before = agents(others)
    watched = {os.pidfd_open(pid): pid for pid in before}

    vm.close(wait=False)

    ended, _, _ = select.select(list(watched), [], [], PATIENCE)
    dead = {watched[fd] for fd in ended}
    for fd in watched:
        os.close(fd)
    assert len(dead) == 1, "the VM dies; the spare one lives"
    for _ in range(2):  # what makes VMs sees the death while it answers the first of them
        make(workshop).close()
    assert not dead & agents(others)


def test_it_cannot_be_used_any_more(workshop: Workshop) -> None:
    vm = make(workshop)
    vm.close(wait=False)
    vm.close()
    with pytest.raises(GuestDied, match="the VM is closed"):
        vm.run("true")


@pytest.mark.parametrize("clock", ["auto", "real"])
def test_nothing_is_left_when_the_session_ends(
    others: set[int], workshop: Workshop, clock: str
) -> None:
    seen = set()
    for _ in range(8):
        vm = make(workshop, clock)
        vm.run("touch /etc/x; setsid sleep 1000 > /dev/null 2>&1 &")
        for pid in agents(others):
            with contextlib.suppress(ProcessLookupError):  # one that was closed is buried just now
                seen.add(os.pidfd_open(pid))
        vm.close(wait=False)

    workshop.close()

    ended, _, _ = select.select(list(seen), [], [], 0)
    for fd in seen:
        os.close(fd)
    assert set(ended) == seen
    assert agents(others) == set()
