"""The recovery point: what it holds, and that it is one instant."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace

import pytest

from pytest_vmsnapshot import Backup, Consistency, GuestDied, Status, VirtualMachine, VmFactory
from pytest_vmsnapshot.engine import DOCUMENTED
from pytest_vmsnapshot.layout import FREEZE_HELPER_PATH

OK = "#!/bin/sh\n"

TWO_COUNTERS = """#!/bin/sh
# Two files, the second written right after the first: at any instant they differ by one at most.
i=0
mkdir /srv/counters
while :; do
    i=$((i + 1))
    echo $i > /srv/counters/a.new && mv /srv/counters/a.new /srv/counters/a
    echo $i > /opt/b.new && mv /opt/b.new /opt/b
done
"""


def recovered(vm: VirtualMachine, pre: str, post: str = OK) -> Backup:
    vm.install(pre=pre, post=post)
    return vm.backup()


def test_files_are_as_they_were(vm: VirtualMachine) -> None:
    vm.write("/srv/app/db", "before")
    backup = recovered(
        vm, "#!/bin/sh\nprintf frozen > /srv/app/db\n", "#!/bin/sh\nprintf thawed > /srv/app/db\n"
    )
    point = backup.recovery_point
    assert point is not None
    assert point.read_text("/srv/app/db") == "frozen"
    assert vm.path("/srv/app/db").read_text() == "thawed"
    assert point.exists("/srv/app/db")
    assert not point.exists("/srv/app/none")
    assert list(point.walk("/srv")) == ["/srv/app", "/srv/app/db"]
    assert point.consistency is Consistency.APPLICATION


def test_it_shows_the_whole_tree(vm: VirtualMachine) -> None:
    backup = recovered(vm, "#!/bin/sh\nmkdir /newtop; echo 1 > /newtop/x; rm -r /etc/apt; rm $0\n")
    point = backup.recovery_point
    assert point is not None
    assert point.read_text("/newtop/x") == "1\n"
    assert not point.exists("/etc/apt")
    assert point.exists("/etc/passwd")
    assert point.exists("/usr/bin/env")
    assert not point.exists("/opt/vmsnapshot/pre.sh")
    assert point.exists("/opt/vmsnapshot/post.sh")
    with pytest.raises(FileNotFoundError):
        point.read_bytes("/etc/apt/sources.list")
    with pytest.raises(IsADirectoryError):
        point.read_bytes("/newtop")


def test_a_directory_that_was_replaced_does_not_show_its_old_content(vm: VirtualMachine) -> None:
    backup = recovered(vm, "#!/bin/sh\nrm -r /etc/default && mkdir /etc/default\n")
    point = backup.recovery_point
    assert point is not None
    assert list(point.walk("/etc/default")) == []


def test_what_the_harness_brings_is_gone_once_it_was_removed(vm: VirtualMachine) -> None:
    vm.path(FREEZE_HELPER_PATH).remove()
    point = recovered(vm, OK).recovery_point
    assert point is not None
    assert not point.exists(FREEZE_HELPER_PATH)
    with point.boot() as booted:
        assert not booted.path(FREEZE_HELPER_PATH).exists()


@pytest.mark.vm(allow=["processes"], crash_seed=0)
@pytest.mark.parametrize("freeze", [True, False])
def test_it_is_one_instant_of_a_writer_that_never_stops(vm: VirtualMachine, freeze: bool) -> None:
    vm.write("/usr/local/bin/count", TWO_COUNTERS, mode=0o755)
    vm.install(
        pre="#!/bin/sh\nsetsid count &\nwhile ! [ -s /opt/b ]; do :; done\n",
        post=OK,
        fs_freeze=freeze,
    )
    points = []
    for _ in range(20):
        vm.run("pkill -KILL count; while pgrep count; do :; done; rm -rf /srv/counters /opt/b")
        backup = vm.backup()
        assert backup.recovery_point is not None
        points.append(backup.recovery_point)
    for point in points:
        first = int(point.read_text("/srv/counters/a"))
        second = int(point.read_text("/opt/b"))
        assert first - second in (0, 1)


@pytest.mark.vm(allow=["processes"])
def test_the_writer_goes_on_unharmed(vm: VirtualMachine) -> None:
    """Pausing is invisible: no signal arrives, nothing that sleeps wakes early, no child stops."""
    vm.write(
        "/usr/local/bin/witness",
        "#!/bin/bash\nset -m\ntrap 'echo signal >> /srv/seen' CONT CHLD TERM USR1\n"
        "sleep 2 & child=$!\ntrap - CHLD\n"
        "until [ -e /srv/stop ]; do :; done\n"
        "jobs -s >> /srv/seen\nkill -0 $child && echo alive >> /srv/seen\n",
        mode=0o755,
    )
    vm.install(pre="#!/bin/sh\nsetsid witness &\n", post=OK)
    vm.backup().assert_application_consistent()
    vm.run("touch /srv/stop; until [ -s /srv/seen ]; do :; done", check=True)
    assert vm.path("/srv/seen").read_text() == "alive\n"


@pytest.mark.vm(allow=["processes"])
def test_a_process_that_stopped_itself_stays_stopped(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\nsh -c 'kill -STOP $$' &\necho $! > /run/it\n", post=OK)
    vm.backup().assert_application_consistent()
    assert vm.run("ps -o stat= -p $(cat /run/it)").stdout.startswith("T")


def test_a_process_that_waits_for_its_vfork_child(vm: VirtualMachine, python: str) -> None:
    """Its parent hangs in the kernel until the child goes on: it cannot be stopped, nor run."""
    program = (
        "import os\n"
        "open('/srv/ready', 'w').close()\n"
        "opened = (os.POSIX_SPAWN_OPEN, 0, '/srv/fifo', os.O_RDONLY, 0)\n"
        "os.posix_spawn('/bin/true', ['true'], {}, file_actions=[opened])\n"
        "open('/srv/spawned', 'w').close()\n"
    )
    vm.run("mkfifo /srv/fifo", check=True)
    vm.write("/srv/vfork.py", program)
    vm.install(
        pre=f"#!/bin/sh\nsetsid {python} /srv/vfork.py &\n"
        "until grep -q State:.D /proc/[0-9]*/status; do :; done\n",
        post="#!/bin/sh\n: > /srv/fifo; until [ -e /srv/spawned ]; do :; done\n",
    )
    vm.backup().assert_application_consistent()


@pytest.mark.vm(allow=["processes"])
def test_many_threads_are_paused(vm: VirtualMachine, python: str) -> None:
    program = (
        "import threading, itertools\n"
        "def work(name):\n"
        "    for i in itertools.count():\n"
        "        open(f'/srv/t{name}', 'w').write(str(i))\n"
        "for name in range(8): threading.Thread(target=work, args=(name,)).start()\n"
        "open('/srv/ready', 'w').close()\n"
    )
    vm.write("/srv/threads.py", program)
    vm.install(
        pre=f"#!/bin/sh\nsetsid {python} /srv/threads.py &\n"
        "while ! [ -e /srv/ready ]; do :; done\n",
        post=OK,
    )
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.modelled == ("the freeze was simulated by pausing every process of the VM",)


def test_every_kind_of_file(vm: VirtualMachine) -> None:
    backup = recovered(
        vm,
        "#!/bin/sh\ncd /srv\necho one > a; ln a b; ln -s a link; ln -s /srv/a absolute\n"
        "mkfifo fifo; mkdir -m 1777 dir; echo x > dir/x; chmod 4751 a\n"
        "truncate -s 100M sparse; printf end >> sparse; touch -d 2001-02-03 a\n"
        "printf '' > empty; mkdir -p deep/er/still; ln -s loop loop\n",
    )
    point = backup.recovery_point
    assert point is not None
    assert point.read_text("/srv/b") == "one\n"
    assert point.read_text("/srv/link") == "one\n"
    assert point.read_text("/srv/absolute") == "one\n"
    assert point.read_text("/srv/dir/x") == "x\n"
    assert point.read_bytes("/srv/empty") == b""
    assert point.read_bytes("/srv/sparse")[-5:] == b"\0\0end"
    assert point.size < 1_000_000, "holes are not copied"
    assert point.exists("/srv/deep/er/still")
    with pytest.raises(OSError, match="symbolic links"):
        point.read_bytes("/srv/loop")
    with pytest.raises(OSError, match="Invalid argument"):
        point.read_bytes("/srv/fifo")


def test_changes_in_the_first_instant_are_not_missed(vm_factory: VmFactory) -> None:
    """File times are counted in ticks; a change in the tick of the VM's making must show."""
    for _ in range(20):
        vm = vm_factory()
        vm.install(pre="#!/bin/sh\nchmod 700 /srv; : > /data/x\n", post=OK)
        point = vm.backup().recovery_point
        assert point is not None
        assert point.exists("/data/x")


def test_freeze_has_its_own_limit(vm_factory: VmFactory) -> None:
    vm = vm_factory()
    vm._bench = replace(vm._bench, rules=replace(DOCUMENTED, freeze_limit=0.0))
    vm.install(pre="#!/bin/sh\necho x > /srv/x\n", post="#!/bin/sh\necho ran\n")
    backup = vm.backup()
    backup.assert_failed()
    backup.assert_error("FsFreezeTimeout")
    assert backup.recovery_point is None
    assert backup.post is not None
    assert backup.post.stdout == "ran\n"
    assert backup.decided_by == "the freeze did not work on a VM with 2 disks"


@pytest.mark.vm(disks=1)
def test_freeze_past_its_limit_on_a_single_disk(vm: VirtualMachine) -> None:
    vm._bench = replace(vm._bench, rules=replace(DOCUMENTED, freeze_limit=0.0))
    vm.install(pre="#!/bin/sh\necho x > /srv/x\n", post=OK)
    backup = vm.backup()
    backup.assert_crash_consistent()
    backup.assert_error("FsFreezeTimeout")
    assert backup.recovery_point is not None
    assert backup.recovery_point.read_text("/srv/x") == "x\n"


def test_processes_run_again_after_a_freeze_past_its_limit(vm: VirtualMachine) -> None:
    vm._bench = replace(vm._bench, rules=replace(DOCUMENTED, freeze_limit=0.0))
    vm.install(
        pre="#!/bin/sh\nmkfifo /srv/in; setsid sh -c 'read x < /srv/in; echo $x > /srv/out' &\n",
        post="#!/bin/sh\necho on > /srv/in; while ! [ -s /srv/out ]; do :; done\n",
    )
    backup = vm.backup()
    assert backup.post is not None
    assert backup.post.exit_status == 0


def test_recovery_point_of_a_closed_vm(vm_factory: VmFactory) -> None:
    with vm_factory() as vm:
        backup = recovered(vm, "#!/bin/sh\necho x > /srv/x\n")
    assert backup.recovery_point is not None
    with pytest.raises(GuestDied) as gone:
        backup.recovery_point.read_text("/srv/x")
    assert str(gone.value) == (
        "the VM of this recovery point is closed; read its files before the test ends"
    )
    with pytest.raises(GuestDied) as gone:
        vm.backup()
    assert str(gone.value) == "the VM is closed"


def test_facts_survive_json_and_pickle_but_files_do_not(vm: VirtualMachine) -> None:
    backup = recovered(vm, "#!/bin/sh\necho x > /srv/x\n")
    unpickled: Backup = pickle.loads(pickle.dumps(backup))
    for copy in (Backup.from_json(backup.to_json()), unpickled):
        assert copy == backup
        assert copy.recovery_point is not None
        with pytest.raises(GuestDied) as gone:
            copy.recovery_point.read_text("/srv/x")
        assert str(gone.value) == (
            "this recovery point was loaded from JSON or another process and has no files; read "
            "them in the test that made the backup"
        )
    assert json.loads(backup.to_json())["status"] == "completed"


def test_failed_backup_has_no_recovery_point(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\nexit 1\n", post=OK, continue_on_failure=False)
    backup = vm.backup()
    assert backup.status is Status.FAILED
    assert backup.recovery_point is None


def test_no_room_for_the_copy_is_a_failed_snapshot(vm: VirtualMachine) -> None:
    """Produced for real: the directory that takes copies is replaced by a full one."""
    vm.install(pre=OK, post="#!/bin/sh\necho ran\n")
    guest = vm._guest
    assert hasattr(guest, "copy_layer")
    guest.copy_layer("1", None)  # the name the first snapshot would get is taken
    backup = vm.backup()
    backup.assert_failed()
    assert str(backup.errors[0]) == ("SnapshotFailed (76): the copy could not be made: File exists")
    assert backup.post is not None
    assert backup.post.stdout == "ran\n"


def test_what_a_script_mounts_is_not_in_it_and_the_result_says_so(vm: VirtualMachine) -> None:
    vm.install(
        pre="#!/bin/sh\nmkdir /srv/ram && mount -t tmpfs none /srv/ram && echo x > /srv/ram/x\n",
        post=OK,
    )
    backup = vm.backup()
    assert backup.recovery_point is not None
    assert not backup.recovery_point.exists("/srv/ram/x")
    assert backup.modelled == (
        "the recovery point has nothing of /srv/ram: a script mounted something there",
        "the freeze was simulated by pausing every process of the VM",
    )


def test_many_recovery_points_can_be_read_in_any_order(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\necho x >> /srv/log\n", post=OK)
    points = [vm.backup().recovery_point for _ in range(20)]
    for _ in range(2):
        for count, point in enumerate(points, 1):
            assert point is not None
            assert point.read_text("/srv/log") == "x\n" * count
    assert len(os.listdir("/proc/self/fd")) < 100
