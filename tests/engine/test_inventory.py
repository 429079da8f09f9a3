"""What a VM has of its own, and how two moments differ."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import AtMoment, Changes, FileState, Inventory, MemoryMachine, VirtualMachine


def test_changes() -> None:
    before = Inventory({"/a": FileState("file"), "/b": FileState("file"), "/c": FileState("fifo")})
    after = Inventory(
        {"/b": FileState("file", size=1), "/c": FileState("fifo"), "/d": FileState("link")}
    )
    changes = after.since(before)
    assert changes == Changes(created=("/d",), changed=("/b",), removed=("/a",))
    assert changes.paths == ("/a", "/b", "/d")
    assert changes
    assert not before.since(before)


def test_what_a_command_changes(vm: VirtualMachine) -> None:
    vm.write("/srv/app/kept", "same\n")
    vm.write("/srv/app/edited", "before\n")
    vm.write("/srv/app/gone", "")
    vm.write("/etc/app.conf", "x")
    before = vm.inventory()
    vm.run(
        "echo same > /srv/app/kept; echo after > /srv/app/edited; rm /srv/app/gone;"
        "mkdir /run/app; mkfifo /run/app/in; ln -s in /run/app/link; : > /tmp/draft;"
        "chmod 600 /etc/app.conf; echo nobody > /usr/local/made; touch /var/lib/made",
        check=True,
    )
    changes = vm.inventory().since(before)
    assert changes.created == (
        *("/run/app", "/run/app/in", "/run/app/link", "/tmp/draft"),
        *("/usr/local/made", "/var/lib/made"),
    )
    assert changes.changed == ("/etc/app.conf", "/srv/app/edited")
    assert changes.removed == ("/srv/app/gone",)


def test_states(vm: VirtualMachine) -> None:
    vm.run("mkdir -m 750 /srv/d; printf 123 > /srv/d/f; chmod 640 /srv/d/f; ln -s f /srv/d/l")
    files = vm.inventory().files
    assert files["/srv/d"] == FileState("directory", 0o750)
    assert files["/srv/d/f"] == FileState("file", 0o640, 0, 3, "884863d2")
    assert (files["/srv/d/l"].kind, files["/srv/d/l"].content) == ("link", "f")


def test_what_is_the_machines_own_can_be_removed(vm: VirtualMachine) -> None:
    before = vm.inventory()
    assert "/usr/bin/env" not in before.files
    vm.run("rm /usr/bin/env /etc/passwd", check=True)
    now = vm.inventory()
    assert now.files["/usr/bin/env"] == FileState("removed", original=True)
    assert now.since(before).removed == ("/etc/passwd", "/usr/bin/env")
    vm.write("/usr/bin/env", "another")
    assert vm.inventory().since(now).created == ("/usr/bin/env",)
    assert vm.inventory().since(before).changed == ("/usr/bin/env",)


def test_what_is_the_machines_own_can_be_changed(vm: VirtualMachine) -> None:
    before = vm.inventory()
    vm.run("echo x >> /etc/group; chmod 600 /etc/hosts; touch /etc/made", check=True)
    changes = vm.inventory().since(before)
    assert changes == Changes(("/etc/made",), ("/etc/group", "/etc/hosts"), ())


def test_large_files_are_told_apart_by_time(vm: VirtualMachine) -> None:
    vm.run("dd if=/dev/zero of=/srv/large bs=1M count=2 2> /dev/null", check=True)
    before = vm.inventory()
    assert not vm.inventory().since(before)
    vm.run("printf x | dd of=/srv/large bs=1 seek=7 conv=notrunc 2> /dev/null", check=True)
    assert vm.inventory().since(before).changed == ("/srv/large",)


def test_volumes_belong_to_it(vm: VirtualMachine) -> None:
    vm.volume("/data")
    vm.volume("/data/inner", fstype="xfs")
    before = vm.inventory()
    vm.run("echo 1 > /data/one; echo 2 > /data/inner/two", check=True)
    assert vm.inventory().since(before).created == ("/data/inner/two", "/data/one")


def test_at_a_moment(vm: VirtualMachine) -> None:
    seen: dict[str, Inventory] = {}

    def look(at: AtMoment) -> None:
        seen[at.moment] = at.inventory()

    for moment in ("before_pre", "after_pre", "frozen", "after_post"):
        vm.on(moment, look)
    vm.install(pre="#!/bin/sh\necho x > /run/lock.me\n", post="#!/bin/sh\nrm /run/lock.me\n")
    vm.backup()
    assert seen["after_pre"].since(seen["before_pre"]).created == ("/run/lock.me",)
    assert not seen["frozen"].since(seen["after_pre"])
    assert not seen["after_post"].since(seen["before_pre"])


def test_of_a_booted_vm(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\necho x > /srv/x\n", post="#!/bin/sh\n")
    point = vm.backup().recovery_point
    assert point is not None
    with point.boot() as booted:
        assert booted.inventory().files["/srv/x"].size == 2


def test_in_memory(memory_vm: MemoryMachine) -> None:
    memory_vm.write("/srv/one", "1")
    before = memory_vm.inventory()
    memory_vm.write("/srv/two", "2")
    memory_vm.write("/srv/one", "3")
    changes = memory_vm.inventory().since(before)
    assert changes == Changes(("/srv/two",), ("/srv/one",), ())
    assert memory_vm.inventory().files["/srv/two"].mode == 0o644


@pytest.mark.vm(guest="rootless")
def test_rootless(vm: VirtualMachine) -> None:
    before = vm.inventory()
    vm.run("echo 1 > /srv/one; rm -f /usr/bin/env", check=True)
    changes = vm.inventory().since(before)
    assert "/srv/one" in changes.created
    assert vm.inventory().files["/usr/bin/env"] == FileState("removed", original=True)
