"""Volumes of real VMs: mounted, frozen by the rules, in the recovery point, and booted again."""

from __future__ import annotations

import os

import pytest

from pytest_vmsnapshot import (
    Backup,
    GuestDied,
    MemoryMachine,
    RecoveryPoint,
    UsageError,
    VirtualMachine,
    VmFactory,
)

OK = "#!/bin/sh\n"


def recovered(vm: VirtualMachine, pre: str = OK) -> RecoveryPoint:
    vm.install(pre=pre, post=OK)
    point = vm.backup().recovery_point
    assert point is not None
    return point


def frozen_line(backup: Backup) -> str:
    return next(event.text for event in backup.events if event.step.value == "freeze")


def test_it_is_a_file_system_of_its_own(vm: VirtualMachine) -> None:
    volume = vm.volume("/srv/app", size="10M")
    assert vm.volumes == (volume,)
    assert "/dev/sdc1 on /srv/app" in vm.run("mount").stdout
    filled = vm.run("head -c 20M /dev/zero > /srv/app/big")
    assert filled.exit_status != 0
    assert "No space left" in filled.stderr
    assert len(set(vm.run("stat -c %d / /srv/app").stdout.split())) == 2
    assert vm.path("/srv/app").mode == 0o755


def test_order_of_the_freeze(vm: VirtualMachine) -> None:
    for place, fstype in (("/a", "ext4"), ("/b", "xfs"), ("/c", "nfs"), ("/a/d", "btrfs")):
        vm.volume(place, fstype=fstype)
    vm.volume("/e", disk="loop")
    recovered(vm)
    assert vm.backups[0].frozen == ("/a/d", "/b", "/a", "/")
    assert frozen_line(vm.backups[0]) == "/a/d, /b, /a, / (simulated: every process is paused)"


def test_mounts_to_skip(vm: VirtualMachine) -> None:
    vm.volume("/a")
    vm.volume("/b")
    vm.write("/etc/azure/vmbackup.conf", "[SnapshotThread]\nMountsToSkip = /a\n")
    recovered(vm)
    assert vm.backups[0].frozen == ("/b", "/")


def test_one_disk_falls_back(vm: VirtualMachine) -> None:
    vm.volume("/srv/app", disk="os")
    vm.install(pre="#!/bin/sh\nexit 1\n", post=OK, continue_on_failure=False)
    vm.backup().assert_crash_consistent()


def test_two_disks_do_not(vm: VirtualMachine) -> None:
    vm.volume("/srv/app")
    vm.install(pre="#!/bin/sh\nexit 1\n", post=OK, continue_on_failure=False)
    vm.backup().assert_failed()


def test_what_is_on_disk_is_in_the_recovery_point(vm: VirtualMachine) -> None:
    for place, fstype in (("/disk", "xfs"), ("/far", "nfs"), ("/memory", "tmpfs")):
        vm.volume(place, fstype=fstype)
    vm.volume("/disk/inner")
    for place in ("/disk", "/far", "/memory", "/disk/inner", "/run", "/dev/shm", "/tmp"):
        vm.write(f"{place}/file", place)
    point = recovered(vm, "#!/bin/sh\nln /disk/file /disk/link; mkfifo /disk/fifo\n")
    vm.write("/disk/file", "changed")
    found = [
        place
        for place in ("/disk", "/far", "/memory", "/disk/inner", "/run", "/dev/shm", "/tmp")
        if point.exists(f"{place}/file")
    ]
    assert found == ["/disk", "/disk/inner", "/tmp"]
    assert point.read_text("/disk/file") == "/disk"
    assert list(point.walk("/disk")) == [
        "/disk/fifo",
        "/disk/file",
        "/disk/inner",
        "/disk/inner/file",
        "/disk/link",
    ]
    assert vm.backups[0].modelled[:2] == (
        "the volume /disk is memory, not xfs",
        "the volume /far is memory, not nfs",
    )


def test_boot(vm: VirtualMachine) -> None:
    vm.volume("/srv/app")
    vm.volume("/cache", fstype="tmpfs")
    vm.write("/srv/app/db", "1")
    vm.write("/cache/x", "1")
    vm.write("/etc/app.conf", "new")
    vm.run("rm -r /etc/default && useradd somebody; touch /var/lib/here", check=True)
    server = vm.start("sleep 1000")
    point = recovered(vm, "#!/bin/sh\nprintf 2 >> /srv/app/db\n")
    restored = point.boot()
    assert server.running
    assert restored.path("/srv/app/db").read_text() == "12"
    assert restored.path("/etc/app.conf").read_text() == "new"
    assert restored.path("/var/lib/here").exists()
    assert not restored.path("/etc/default").exists()
    assert not restored.path("/cache/x").exists()
    assert "somebody" in restored.path("/etc/passwd").read_text()
    assert restored.volumes == vm.volumes
    assert "sleep" not in restored.run("cat /proc/[0-9]*/cmdline").stdout
    mounted = restored.run("mount").stdout
    assert "/dev/sdc1 on /srv/app" in mounted
    assert "on /cache type tmpfs" in mounted


def test_booted_vms_are_independent(vm: VirtualMachine) -> None:
    vm.volume("/srv/app")
    vm.write("/srv/app/db", "1")
    vm.write("/opt/x", "1")
    point = recovered(vm)
    with point.boot() as first, point.boot() as second:
        for path in ("/srv/app/db", "/opt/x"):
            first.path(path).write_text("2")
            assert second.path(path).read_text() == "1"
            assert vm.path(path).read_text() == "1"
            assert point.read_text(path) == "1"
    with pytest.raises(GuestDied):
        first.run("true")


def test_a_booted_vm_can_be_backed_up_and_booted(vm: VirtualMachine) -> None:
    vm.volume("/srv/app")
    vm.write("/opt/x", "1")
    first = recovered(vm, "#!/bin/sh\nprintf 1 >> /srv/app/db\n").boot()
    backup = first.backup()
    backup.assert_application_consistent()
    assert backup.frozen == ("/srv/app", "/")
    assert backup.recovery_point is not None
    second = backup.recovery_point.boot()
    assert second.path("/srv/app/db").read_text() == "11"
    assert second.path("/opt/x").read_text() == "1"


@pytest.mark.vm(clock_start="2031-05-06T07:08:09")
def test_time_goes_on_from_the_boot(vm: VirtualMachine) -> None:
    point = recovered(vm)
    vm.wait(3600)
    assert point.boot().run("date -u +%FT%H").stdout == "2031-05-06T08\n"


def test_a_session_is_closed_with_its_vm(vm_factory: VmFactory) -> None:
    vm = vm_factory()
    point = recovered(vm)
    vm.close()
    with pytest.raises(GuestDied) as caught:
        point.boot()
    assert str(caught.value) == (
        "the VM of this recovery point is closed; read its files before the test ends"
    )


def test_loaded_from_json_it_cannot_be_booted(vm: VirtualMachine) -> None:
    recovered(vm)
    point = Backup.from_json(vm.backups[0].to_json()).recovery_point
    assert point is not None
    with pytest.raises(GuestDied, match=r"^this recovery point was loaded from JSON"):
        point.boot()


def test_files_that_a_volume_would_hide(vm: VirtualMachine) -> None:
    vm.write("/srv/app/file", "x")
    with pytest.raises(UsageError) as caught:
        vm.volume("/srv/app")
    assert caught.value.mistakes == (
        "there are files at /srv/app already, which the volume would hide; call vm.volume() "
        "before anything is put there",
    )
    with pytest.raises(UsageError) as caught:
        vm.volume("/srv/app/file")
    assert caught.value.mistakes == ("the volume /srv/app/file cannot be mounted: File exists",)
    assert vm.volumes == ()
    recovered(vm)
    assert vm.backups[0].frozen == ("/data", "/")


def test_in_memory(memory_vm: MemoryMachine) -> None:
    memory_vm.volume("/srv/app", size="1M")
    memory_vm.volume("/far", fstype="nfs")
    memory_vm.write("/far/x", "1")
    memory_vm.write("/srv/app/x", "1")
    memory_vm.install(pre=lambda _: 0, post=lambda _: 0)
    backup = memory_vm.backup()
    assert backup.frozen == ("/srv/app", "/")
    point = backup.recovery_point
    assert point is not None
    assert point.exists("/srv/app/x")
    assert not point.exists("/far/x")
    with pytest.raises(UsageError, match="No space left on device"):
        memory_vm.write("/srv/app/big", b"x" * 2_000_000)
    for asked in (point.boot, lambda: memory_vm.start("true")):
        with pytest.raises(UsageError, match="a VM in memory"):
            asked()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_real_file_systems_are_for_root(vm_factory: VmFactory) -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        vm_factory(storage="loop")
    assert str(caught.value).startswith("storage='loop' needs root, and here the guest is ")
