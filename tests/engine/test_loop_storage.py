"""Real file systems on loop devices: frozen by the kernel, cloned, booted, and nothing is left."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pytest_vmsnapshot import (
    AtMoment,
    Backup,
    CommandTimeout,
    UsageError,
    VirtualMachine,
    VmFactory,
)
from pytest_vmsnapshot.guest.disk_image import FileSystem, find_mkfs

OK = "#!/bin/sh\n"
SIZES = {"ext4": "64M", "xfs": "300M", "btrfs": "128M"}

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="real file systems are mounted by root only"),
    pytest.mark.vm(storage="loop"),
]


@pytest.fixture(params=SIZES)
def fstype(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if not find_mkfs(FileSystem(name)):
        pytest.skip(f"needs mkfs.{name}")
    return name


def steps(backup: Backup, step: str) -> list[str]:
    return [event.text for event in backup.events if event.step.value == step]


def test_the_file_system_is_real(vm: VirtualMachine, fstype: str) -> None:
    vm.volume("/srv/app", fstype=fstype, size=SIZES[fstype])
    assert f"/dev/sdc1 on /srv/app type {fstype} (rw" in vm.run("mount").stdout
    vm.install(pre=OK, post=OK)
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.storage == "loop"
    assert backup.modelled == (
        "/: on no volume, so not frozen; every process was paused while it was copied",
    )
    assert steps(backup, "freeze") == ["/srv/app; / (simulated: on no volume)"]


def test_writers_hang_until_the_thaw(vm: VirtualMachine, fstype: str) -> None:
    vm.volume("/srv/app", fstype=fstype, size=SIZES[fstype])
    writer = vm.start("while :; do echo tick >> /srv/app/log; done")
    seen: dict[str, list[str]] = {}

    def look(at: AtMoment) -> None:
        state = at.run(f"cat /proc/{writer.pid}/stat").stdout.rpartition(") ")[2].split()[0]
        size = at.run("wc -c < /srv/app/log").stdout
        seen.setdefault(at.moment, []).extend([state, size])

    for moment in ("frozen", "before_snapshot", "after_snapshot"):
        vm.on(moment, look)
    vm.install(pre="#!/bin/sh\nuntil [ -s /srv/app/log ]; do sleep 0.01; done\n", post=OK)
    backup = vm.backup()
    backup.assert_application_consistent()
    (size,) = {values[1] for values in seen.values()}
    assert seen["after_snapshot"][0] == "D"
    assert backup.recovery_point is not None
    assert len(backup.recovery_point.read_bytes("/srv/app/log")) == int(size)
    before = int(vm.run("wc -c < /srv/app/log").stdout)
    vm.run("sleep 0.2", clock="real")
    assert int(vm.run("wc -c < /srv/app/log").stdout) > before >= int(size)


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("name", ["ext4", "xfs"])
def test_what_was_not_synced(vm: VirtualMachine, name: str, freeze: bool) -> None:
    if not find_mkfs(FileSystem(name)):
        pytest.skip(f"needs mkfs.{name}")
    vm.volume("/srv/app", fstype=name, size=SIZES[name])
    vm.run("sync")
    pre = "#!/bin/sh\ni=0; while [ $i -lt 50 ]; do echo x > /srv/app/$i; i=$((i+1)); done\n"
    vm.install(pre=pre, post=OK, fs_freeze=freeze)
    point = vm.backup().recovery_point
    assert point is not None
    whole = [
        path
        for path in point.walk("/srv/app")
        if "lost" not in path and point.read_text(path) == "x\n"
    ]
    assert len(whole) == (50 if freeze else 0)
    assert point.lost == ()


def test_several_in_order_and_one_left_out(vm: VirtualMachine) -> None:
    for place in ("/a", "/b", "/c"):
        vm.volume(place, size="16M")
    vm.run("sync")
    vm.write("/etc/azure/vmbackup.conf", "[SnapshotThread]\nMountsToSkip = /b\n")
    vm.install(pre="#!/bin/sh\nfor d in a b c; do echo x > /$d/f; done\n", post=OK)
    backup = vm.backup()
    assert steps(backup, "freeze") == ["/c, /a; / (simulated: on no volume)"]
    point = backup.recovery_point
    assert point is not None
    assert [point.exists(f"/{name}/f") for name in "abc"] == [True, False, True]


def test_boot(vm: VirtualMachine, fstype: str) -> None:
    vm.volume("/srv/app", fstype=fstype, size=SIZES[fstype])
    vm.volume("/far", fstype="nfs")
    vm.write("/srv/app/db", "1", mode=0o600)
    vm.run("ln /srv/app/db /srv/app/link; mkfifo /srv/app/fifo", check=True)
    vm.install(pre="#!/bin/sh\nprintf 2 >> /srv/app/db\n", post=OK)
    point = vm.backup().recovery_point
    assert point is not None
    assert point.read_text("/srv/app/link") == "12"
    with point.boot() as first, point.boot() as second:
        assert f"/dev/sdc1 on /srv/app type {fstype} (rw" in first.run("mount").stdout
        first.run("printf 3 >> /srv/app/db; sync")
        assert second.path("/srv/app/db").read_text() == "12"
        again = first.backup().recovery_point
        assert again is not None
        assert again.read_text("/srv/app/db") == "1232"
        with again.boot() as third:
            assert third.path("/srv/app/db").read_text() == "1232"
            assert third.path("/srv/app/db").mode == 0o600
    assert vm.path("/srv/app/db").read_text() == "12"


def test_the_test_cannot_write_to_what_is_frozen(vm: VirtualMachine) -> None:
    vm.volume("/srv/app", size="16M")
    said: list[str] = []

    def write(at: AtMoment) -> None:
        for path in ("/srv/app/x", "/srv/app/new/x"):
            with pytest.raises(OSError, match="frozen") as caught:
                at.path(path).write_text("x")
            said.append(str(caught.value.strerror))
        at.path("/opt/x").write_text("x")

    vm.on("frozen", write)
    vm.install(pre=OK, post=OK)
    vm.backup().assert_application_consistent()
    assert said == ["the file system is frozen; write before or after"] * 2


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_a_command_that_hangs_in_a_write_is_ended_by_a_thaw(
    vm_factory: VmFactory, rules: str
) -> None:
    vm = vm_factory(rules=rules)
    vm.volume("/srv/app", size="16M")
    vm.on("frozen", lambda at: at.run("echo x > /srv/app/x", timeout=1))
    vm.install(pre=OK, post=OK)
    with pytest.raises(CommandTimeout):
        vm.backup()
    backup = vm.backups[0]
    assert steps(backup, "thaw") == [
        "failed: /srv/app thawed before the snapshot was complete: by itself when its time was "
        "over, or because a process that was to be stopped hung in a write to it"
    ]
    assert vm.run("echo x > /srv/app/x").exit_status == 0


def test_a_command_that_only_takes_too_long_thaws_nothing(vm: VirtualMachine) -> None:
    vm.volume("/srv/app", size="16M")
    vm.on("frozen", lambda at: at.run("sleep 10", timeout=1))
    vm.install(pre=OK, post=OK)
    with pytest.raises(CommandTimeout):
        vm.backup()
    vm.backups[0].assert_application_consistent()
    assert steps(vm.backups[0], "thaw") == ["done"]


def test_the_limit_of_a_freeze(vm: VirtualMachine) -> None:
    vm.volume("/srv/app", size="16M")
    vm.on("frozen", lambda at: at.run("sleep 61", timeout=100))
    vm.install(pre=OK, post=OK)
    vm.backup()
    assert steps(vm.backups[0], "freeze")[-1] == (
        "timed out: the copy could not be made: the time for the copy is over"
    )
    assert vm.run("echo x > /srv/app/x").exit_status == 0


FREEZES = "#!/bin/sh\nfsfreeze -f /srv/app && stat /srv/app/f > /dev/null\n"
THAWS = "#!/bin/sh\nfsfreeze -u /srv/app\n"


def test_a_script_that_freezes_by_itself(vm: VirtualMachine, fstype: str) -> None:
    """The virtual clock, which corrects times of files, must not hang in it."""
    vm.volume("/srv/app", fstype=fstype, size=SIZES[fstype])
    vm.run("echo x > /srv/app/f; sleep 50", check=True)
    vm.install(pre=FREEZES, post=THAWS, fs_freeze=False)
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.recovery_point is not None
    assert backup.recovery_point.read_text("/srv/app/f") == "x\n"


def test_what_a_script_has_frozen_cannot_be_frozen_again(vm: VirtualMachine) -> None:
    vm.volume("/other", size="16M")
    vm.volume("/srv/app", size="16M")
    vm.write("/srv/app/f", "x")
    vm.install(pre=FREEZES, post=THAWS)
    backup = vm.backup()
    assert steps(backup, "freeze")[0] == (
        "failed: nothing is frozen: /srv/app could not be frozen: somebody else has frozen it "
        "already (fsfreeze in a script, for instance); whoever did must thaw it before the snapshot"
    )
    assert vm.run("echo x > /other/x && echo x > /srv/app/x").exit_status == 0


def test_a_script_that_never_thaws(vm_factory: VmFactory) -> None:
    vm = vm_factory()
    vm.volume("/srv/app", size="16M")
    vm.write("/srv/app/f", "x")
    vm.install(pre=FREEZES, post=OK, fs_freeze=False)
    vm.start("sleep 1; echo x > /srv/app/x")
    vm.backup()
    vm.close()
    assert vm_factory().run("true").exit_status == 0


def test_too_small(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.volume("/srv/app", fstype="xfs", size="64M")
    assert caught.value.mistakes == (
        "the volume /srv/app cannot be mounted: xfs cannot be made with 64 MiB: it needs 300 MiB "
        "at least; give the volume a larger size",
    )
    vm.volume("/srv/app", fstype="ext4", size="64M")


def test_a_full_volume(vm: VirtualMachine) -> None:
    vm.volume("/srv/app", size="16M")
    assert "No space left" in vm.run("head -c 32M /dev/zero > /srv/app/big").stderr
    vm.install(pre=OK, post=OK)
    vm.backup().assert_application_consistent()


TWO_TESTS = """
import pytest

@pytest.mark.parametrize("number", range(2))
def test_backup(vm, number):
    vm.volume("/srv/app", size="16M")
    vm.install(pre="#!/bin/sh\\necho x > /srv/app/x\\n", post="#!/bin/sh\\n")
    point = vm.backup().recovery_point
    assert point.boot().path("/srv/app/x").read_text() == "x\\n"
"""


def test_nothing_is_left(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    done = pytester.runpytest_subprocess("--vmsnapshot-storage=loop", "-p", "no:randomly")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["vmsnapshot: *storage loop (command line)*"])
    assert not re.search(re.escape(str(pytester.path)), Path("/proc/mounts").read_text())
    assert "/srv/app" not in Path("/proc/mounts").read_text()
