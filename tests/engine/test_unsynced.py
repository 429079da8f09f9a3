"""A recovery point without a freeze holds what was synced, and not all of what was not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_vmsnapshot import Backup, RecoveryPoint, VirtualMachine, VmFactory

OK = "#!/bin/sh\n"

PAGE = 4096


def crashed(vm: VirtualMachine, *commands: str) -> RecoveryPoint:
    """The recovery point of a backup whose pre-script did this, without a freeze."""
    vm.install(pre="\n".join(["#!/bin/sh", "set -e", *commands, ""]), post=OK, fs_freeze=False)
    return point_of(vm.backup())


def point_of(backup: Backup) -> RecoveryPoint:
    backup.assert_application_consistent()
    assert backup.recovery_point is not None
    return backup.recovery_point


def lost(point: RecoveryPoint) -> list[str]:
    """Paths of the files something of is lost."""
    return [sentence.split(": ")[0] for sentence in point.lost]


# -- what saves data ----------------------------------------------------------------------------


def test_what_was_never_synced_is_lost(vm: VirtualMachine) -> None:
    point = crashed(vm, "echo x > /data/f")
    assert not point.exists("/data/f") or point.read_bytes("/data/f") == b""
    assert lost(point) == ["/data/f"]
    assert point.seed == 1


SAVED = {
    "dd conv=fsync": "dd if=/dev/zero of=/data/f bs=9000 count=1 conv=fsync 2>/dev/null",
    "dd conv=fdatasync": "dd if=/dev/zero of=/data/f bs=9000 count=1 conv=fdatasync 2>/dev/null",
    "dd oflag=sync": "dd if=/dev/zero of=/data/f bs=4500 count=2 oflag=sync 2>/dev/null",
    "dd oflag=dsync": "dd if=/dev/zero of=/data/f bs=4500 count=2 oflag=dsync 2>/dev/null",
    "sync": "head -c 9000 /dev/zero > /data/f; sync",
    "sync FILE": "head -c 9000 /dev/zero > /data/f; sync /data/f",
    "sync -d FILE": "head -c 9000 /dev/zero > /data/f; sync -d /data/f",
    "sync -f": "head -c 9000 /dev/zero > /data/f; sync -f /data",
    "renamed after fsync": "head -c 9000 /dev/zero > /data/n; sync /data/n; mv /data/n /data/f",
    "renamed before fsync": "head -c 9000 /dev/zero > /data/n; mv /data/n /data/f; sync /data/f",
    "O_SYNC, then renamed": "dd if=/dev/zero of=/data/n bs=9000 count=1 oflag=sync 2>/dev/null; "
    "mv /data/n /data/f",
    "linked": "head -c 9000 /dev/zero > /data/n; ln /data/n /data/f; sync /data/n",
    "over a bind mount": "mkdir /data/here /mnt/there; mount --bind /data/here /mnt/there; "
    "head -c 9000 /dev/zero > /mnt/there/f; sync /mnt/there/f; umount /mnt/there; "
    "mv /data/here/f /data/f",
    "in a layer": "head -c 9000 /dev/zero > /opt/n; sync /opt/n; mv /opt/n /opt/f; "
    "ln -s /opt/f /data",
}


@pytest.mark.parametrize("how", SAVED)
def test_what_was_synced_is_there(vm: VirtualMachine, how: str) -> None:
    point = crashed(vm, SAVED[how])
    assert point.lost == ()
    assert point.read_bytes("/data/f") == bytes(9000)


PRELUDE = """
import ctypes, mmap, os, threading, time

def pass_real_time():
    while time.process_time() < 0.1:  # a tick of the kernel's clock, and more
        pass

"""

PYTHON = {
    "os.fsync": "f = os.open('/data/f', os.O_CREAT | os.O_WRONLY); os.write(f, b'x' * 9000); "
    "os.fsync(f)",
    "RWF_DSYNC": "f = os.open('/data/f', os.O_CREAT | os.O_WRONLY); "
    "os.pwritev(f, [b'x' * 9000], 0, os.RWF_DSYNC)",
    "O_DSYNC, renamed at once": "f = os.open('/data/n', os.O_CREAT | os.O_WRONLY | os.O_DSYNC); "
    "os.write(f, b'x' * 9000); os.rename('/data/n', '/data/f')",
    "msync": "f = os.open('/data/f', os.O_CREAT | os.O_RDWR); os.ftruncate(f, 9000); "
    "m = mmap.mmap(f, 9000); m[:] = b'x' * 9000; m.flush()",
    "msync, then written to": "f = os.open('/data/f', os.O_CREAT | os.O_RDWR); "
    "os.ftruncate(f, 9000); m = mmap.mmap(f, 9000); m[:] = b'o' * 9000; "
    "pass_real_time(); os.fsync(f); "
    "m[:9000] = b'x' * 9000; m.flush(); os.pwrite(f, b'x', 8999)",
    "a mapping, sync, then written to": "f = os.open('/data/f', os.O_CREAT | os.O_RDWR); "
    "os.ftruncate(f, 9000); m = mmap.mmap(f, 9000); m[:] = b'o' * 9000; "
    "pass_real_time(); os.fsync(f); "
    "m[:9000] = b'x' * 9000; os.sync(); os.pwrite(f, b'x', 8999)",
    "fsync in a thread": "f = os.open('/data/f', os.O_CREAT | os.O_WRONLY); "
    "os.write(f, b'x' * 9000); t = threading.Thread(target=os.fsync, args=(f,)); "
    "t.start(); t.join()",
    "fsync in a child": "f = os.open('/data/f', os.O_CREAT | os.O_WRONLY); "
    "os.write(f, b'x' * 9000); p = os.fork()\nif not p: os.fsync(f); os._exit(0)\nos.wait()",
    "O_TMPFILE": "f = os.open('/data', os.O_TMPFILE | os.O_RDWR); os.write(f, b'x' * 9000); "
    "os.fsync(f); "
    "ctypes.CDLL(None).linkat(-100, b'/proc/self/fd/%d' % f, -100, b'/data/f', 0x400)",
    "sync_file_range": "f = os.open('/data/f', os.O_CREAT | os.O_WRONLY); "
    "os.write(f, b'x' * 9000); "
    "ctypes.CDLL(None).sync_file_range(f, ctypes.c_long(0), ctypes.c_long(0), 7)",
    "a directory of the program's own": "os.mkdir('/data/d'); os.chdir('/data/d'); "
    "f = os.open('../f', os.O_CREAT | os.O_WRONLY | os.O_SYNC); os.write(f, b'x' * 9000)",
    "in another root": "os.chroot('/data'); "
    "f = os.open('/f', os.O_CREAT | os.O_WRONLY | os.O_SYNC); os.write(f, b'x' * 9000)",
}


@pytest.mark.parametrize("how", PYTHON)
def test_what_a_program_synced_is_there(vm: VirtualMachine, python: str, how: str) -> None:
    vm.write("/opt/p.py", f"{PRELUDE}{PYTHON[how]}\n")
    point = crashed(vm, f"{python} -I -S -B /opt/p.py")
    assert point.lost == ()
    assert point.read_bytes("/data/f") == b"x" * 9000


def test_what_the_harness_has_put_there_is_on_the_disk(vm: VirtualMachine, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a").write_text("a")
    vm.run("true")
    vm.write("/data/f", "written")
    vm.copy(tmp_path / "tree", "/data/tree")
    vm.command("mysql", passthrough=False)
    vm.command("/usr/bin/head", passthrough=True)
    point = crashed(vm, "mysql; head -c 0 /dev/zero")
    assert point.lost == ()
    assert point.read_text("/data/f") == "written"
    assert point.read_text("/data/tree/a") == "a"
    assert point.exists("/usr/bin/head.real")


def test_a_freeze_writes_everything_to_the_disk(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\necho x > /data/f\n", post=OK)
    point = point_of(vm.backup())
    assert point.lost == ()
    assert point.seed is None
    assert point.read_text("/data/f") == "x\n"


def test_what_a_freeze_has_written_stays(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\necho x >> /data/f\n", post="#!/bin/sh\necho y >> /data/f\n")
    vm.backup().assert_application_consistent()
    point = crashed(vm, "true")
    assert point.read_text("/data/f") == "x\n"
    assert lost(point) == ["/data/f"]


def test_write_back_saves_after_half_a_minute(vm: VirtualMachine) -> None:
    vm.run("echo old > /data/f", check=True)
    vm.wait(40)
    assert crashed(vm, "echo new >> /data/f").read_text("/data/f") == "old\n"
    vm.wait(20)
    assert crashed(vm, "true").read_text("/data/f") == "old\n"
    vm.wait(20)
    point = crashed(vm, "true")
    assert point.read_text("/data/f") == "old\nnew\n"
    assert point.lost == ()


def test_a_name_is_there_after_some_seconds(vm_factory: VmFactory) -> None:
    """The data is not, before write-back has come to it."""
    for seed in range(1, 8):
        vm = vm_factory(crash_seed=seed)
        vm.run("echo x > /data/f", check=True)
        vm.wait(10)
        point = crashed(vm, "true")
        assert point.read_bytes("/data/f") == b""


@pytest.mark.vm(allow=["processes"])
def test_a_writer_of_many_minutes_loses_its_last_half_minute(vm: VirtualMachine) -> None:
    vm.run("setsid sh -c 'while :; do date +%s >> /data/log; sleep 1; done' &", check=True)
    vm.wait(300)
    before = int(vm.run("date +%s", check=True).stdout)
    point = crashed(vm, "true")
    after = int(vm.run("date +%s", check=True).stdout)
    last = int(point.read_text("/data/log").splitlines()[-1])
    # Write-back comes every 5 s to what is older than 30 s; a second for the writer's own sleep.
    assert before - 36 <= last <= after - 30
    assert lost(point) == ["/data/log"]


# -- what a freeze covers -----------------------------------------------------------------------

CONF = "[SnapshotThread]\nMountsToSkip = {}\n"


def test_a_mount_that_is_skipped_is_not_frozen(vm: VirtualMachine) -> None:
    vm.write("/etc/azure/vmbackup.conf", CONF.format("/data"))
    vm.install(pre="#!/bin/sh\necho x > /data/f; echo x > /srv/f\n", post=OK)
    backup = vm.backup()
    point = point_of(backup)
    assert backup.frozen == ("/",)
    assert lost(point) == ["/data/f"]
    assert point.read_text("/srv/f") == "x\n"
    assert point.seed == 1
    after = point_of(vm.backup())
    assert lost(after) == ["/data/f"], "the freeze has written nothing there"


def test_a_root_that_is_skipped_is_not_frozen(vm: VirtualMachine) -> None:
    vm.write("/etc/azure/vmbackup.conf", CONF.format("/"))
    vm.install(pre="#!/bin/sh\necho x > /data/f; echo x > /srv/f\n", post=OK)
    point = point_of(vm.backup())
    assert lost(point) == ["/srv/f"]
    assert point.read_text("/data/f") == "x\n"


def test_a_volume_loses_what_was_not_synced(vm: VirtualMachine) -> None:
    vm.volume("/var/lib/app", fstype="xfs")
    point = crashed(
        vm,
        "cd /var/lib/app; echo x > synced; sync synced; echo y >> synced",
        "mkdir d; echo x > d/f; ln d/f d/g; sync d/f; echo x > /data/f; sync /data/f",
        "dd if=/dev/zero of=through bs=100 count=1 oflag=sync; echo x > lost",
    )
    assert lost(point) == ["/var/lib/app/lost", "/var/lib/app/synced"]
    assert point.read_text("/var/lib/app/synced") == "x\n"
    assert point.read_text("/var/lib/app/d/g") == "x\n"
    assert point.read_text("/data/f") == "x\n"


def test_a_volume_that_is_mounted_late(vm: VirtualMachine) -> None:
    vm.run("true")
    vm.volume("/var/lib/app")
    vm.write("/var/lib/app/put", "put")
    vm.run("echo x > /var/lib/app/old; echo x > /var/lib/app/f", check=True)
    vm.wait(40)
    point = crashed(vm, "echo y >> /var/lib/app/f")
    assert lost(point) == ["/var/lib/app/f"]
    assert point.read_text("/var/lib/app/f") == "x\n"
    assert point.read_text("/var/lib/app/old") == "x\n"
    assert point.read_text("/var/lib/app/put") == "put"


def test_files_of_two_volumes_with_one_number(vm: VirtualMachine) -> None:
    """Each file system counts its files by itself."""
    for path in ("/one", "/two"):
        vm.volume(path)
    point = crashed(vm, "echo x > /one/f; echo x > /two/f; sync /one/f")
    assert vm.run("stat -c %i /one/f /two/f | uniq | wc -l").stdout == "1\n"
    assert lost(point) == ["/two/f"]


def test_a_volume_that_is_skipped_is_not_frozen(vm: VirtualMachine) -> None:
    vm.volume("/var/lib/app")
    vm.volume("/var/lib/app/inner", fstype="ext4")
    vm.write("/etc/azure/vmbackup.conf", CONF.format("/var/lib/app"))
    vm.install(
        pre="#!/bin/sh\nfor d in / /var/lib/app /var/lib/app/inner; do echo x > $d/f; done\n",
        post=OK,
    )
    assert lost(point_of(vm.backup())) == ["/var/lib/app/f"]


def test_what_is_on_no_disk_of_the_vm_is_not_told(vm: VirtualMachine) -> None:
    vm.volume("/mnt/share", fstype="nfs")
    vm.volume("/mnt/memory", fstype="tmpfs")
    point = crashed(vm, "echo x > /mnt/share/f; echo x > /mnt/memory/f; echo x > /run/f")
    assert point.lost == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.vm(storage="loop")
def test_a_real_file_system_loses_by_itself(vm: VirtualMachine) -> None:
    vm.volume("/var/lib/app", fstype="ext4", size="64M")
    commands = "cd /var/lib/app; echo x > synced; sync synced; echo x > lost; echo x > /data/f"
    point = crashed(vm, commands)
    assert lost(point) == ["/data/f"], "which is in memory"
    assert point.read_text("/var/lib/app/synced") == "x\n"
    assert not point.exists("/var/lib/app/lost") or point.read_bytes("/var/lib/app/lost") == b""
    vm.install(pre="#!/bin/sh\necho y >> /data/f; echo y > /var/lib/app/lost\n", post=OK)
    point = point_of(vm.backup())
    assert point.lost == ()
    assert point.read_text("/data/f") == "x\ny\n"
    assert point.read_text("/var/lib/app/lost") == "y\n"
    assert crashed(vm, "true").lost == (), "the freeze has written it"


def test_a_vm_starts_from_a_recovery_point_with_all_of_it_on_its_disk(vm: VirtualMachine) -> None:
    vm.volume("/var/lib/app")
    vm.install(
        pre="#!/bin/sh\necho x > /var/lib/app/f; echo x > /data/f\n", post=OK, fs_freeze=True
    )
    with point_of(vm.backup()).boot() as booted:
        point = crashed(booted, "echo y >> /var/lib/app/f")
        assert lost(point) == ["/var/lib/app/f"]
        assert point.read_text("/var/lib/app/f") == "x\n"
        assert point.read_text("/data/f") == "x\n"


# -- what is lost -------------------------------------------------------------------------------


def test_what_was_appended_after_a_sync_is_cut_off(vm: VirtualMachine) -> None:
    point = crashed(vm, "echo one > /data/f; sync /data/f; echo two >> /data/f")
    assert point.read_text("/data/f") == "one\n"
    assert point.lost == ("/data/f: 1 of 1 page written since its last sync is not there",)


def test_a_file_that_is_written_anew_is_the_old_one(vm: VirtualMachine) -> None:
    point = crashed(vm, "echo old > /data/f; sync; echo new > /data/f")
    assert point.read_text("/data/f") == "old\n"
    assert point.lost == (
        "/data/f: it was replaced or emptied since its last sync, and is as it was then",
    )


def test_a_file_that_is_replaced_is_the_old_one(vm: VirtualMachine) -> None:
    point = crashed(vm, "echo old > /data/f; sync; echo new > /data/g; mv /data/g /data/f")
    assert point.read_text("/data/f") == "old\n"


def test_a_file_of_the_host_that_is_replaced_is_the_old_one(vm: VirtualMachine) -> None:
    before = vm.path("/etc/hostname").read_text() if vm.path("/etc/hostname").exists() else ""
    if not before:
        vm.write("/etc/hostname", before := "vm\n")
    point = crashed(vm, "sed -i s/^/new-/ /etc/hostname")
    assert point.read_text("/etc/hostname") == before


def test_a_file_of_the_host_that_is_appended_to_keeps_what_it_had(vm: VirtualMachine) -> None:
    before = vm.path("/etc/passwd").read_text()
    point = crashed(vm, "echo one:x:1:1::/: >> /etc/passwd")
    assert point.read_text("/etc/passwd") == before
    point = crashed(vm, "sync; echo two:x:1:1::/: >> /etc/passwd")
    assert point.read_text("/etc/passwd").splitlines()[-1] == "one:x:1:1::/:"


def test_pages_written_in_place_come_back_one_by_one(vm_factory: VmFactory, python: str) -> None:
    program = (
        "import os\n"
        "f = os.open('/data/f', os.O_CREAT | os.O_RDWR)\n"
        "os.write(f, b'a' * 4096 * 8); os.fsync(f)\n"
        "os.pwrite(f, b'b' * 4096 * 6, 4096)\n"
    )
    seen = set()
    for seed in range(1, 8):
        vm = vm_factory(crash_seed=seed)
        vm.write("/opt/p.py", program)
        content = crashed(vm, f"{python} -I -S -B /opt/p.py").read_bytes("/data/f")
        letters = content[::PAGE].decode()
        assert content == b"".join(letter.encode() * PAGE for letter in letters)
        assert letters[0] == letters[-1] == "a"
        assert "a" in letters[1:-1]
        seen.add(letters)
    assert len(seen) > 1


def test_seeds_decide(vm_factory: VmFactory) -> None:
    """The same seed loses the same, another seed something else."""

    def take(seed: int) -> list[tuple[tuple[str, ...], bytes]]:
        vm = vm_factory(crash_seed=seed)
        command = "sync; yes | head -c 60000 > /data/f; yes | head -c 60000 > /data/g"
        points = [crashed(vm, f"sync; {command}", "true") for _ in range(2)]
        points = [point for point in points if point.exists("/data/f")]
        return [(point.lost, point.read_bytes("/data/f")) for point in points]

    assert take(5) == take(5)
    assert len({str(take(seed)) for seed in range(1, 6)}) > 1


def test_nothing_is_lost_with_seed_0_and_the_result_says_so(vm_factory: VmFactory) -> None:
    vm = vm_factory(crash_seed=0)
    vm.install(pre="#!/bin/sh\necho x > /data/f\n", post=OK, fs_freeze=False)
    backup = vm.backup()
    point = point_of(backup)
    assert point.read_text("/data/f") == "x\n"
    assert (point.lost, point.seed) == ((), None)
    assert backup.modelled[-1] == (
        "the recovery point holds even what was neither synced nor frozen: crash_seed is 0"
    )


UNSEEN: dict[str, tuple[Callable[[VmFactory], VirtualMachine], str]] = {
    "real clock": (
        lambda make: make(clock="real"),
        "syncs are seen with a virtual clock only",
    ),
    "a program on the machine's clock": (
        lambda make: run_by_itself(make()),
        "a program was run on the machine's clock, and its syncs were not seen",
    ),
}


def run_by_itself(vm: VirtualMachine) -> VirtualMachine:
    vm.run("true", clock="real")
    return vm


@pytest.mark.parametrize("how", UNSEEN)
def test_nothing_is_lost_where_a_sync_may_have_been_missed(vm_factory: VmFactory, how: str) -> None:
    make, reason = UNSEEN[how]
    vm = make(vm_factory)
    vm.install(pre="#!/bin/sh\necho x > /data/f\n", post=OK, fs_freeze=False)
    backup = vm.backup()
    point = point_of(backup)
    assert point.read_text("/data/f") == "x\n"
    assert (point.lost, point.seed) == ((), None)
    assert backup.modelled[-1] == (
        f"the recovery point holds even what was neither synced nor frozen: {reason}"
    )


def test_a_program_with_io_uring(vm: VirtualMachine, python: str) -> None:
    vm.write(
        "/opt/p.py",
        "import ctypes\nctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120))\n",
    )
    vm.install(
        pre=f"#!/bin/sh\n{python} -I -S -B /opt/p.py\necho x > /data/f\n", post=OK, fs_freeze=False
    )
    backup = vm.backup()
    assert point_of(backup).read_text("/data/f") == "x\n"
    assert backup.modelled[-1].endswith(
        f"'{python} -I -S -B /opt/p.py' uses io_uring, whose syncs are not seen"
    )


def test_the_timeline_shows_what_is_lost(vm: VirtualMachine) -> None:
    names = " ".join(f"/data/{number:02}" for number in range(12))
    vm.install(
        pre=f"#!/bin/sh\nfor f in {names}; do echo x > $f; sync -f /data; echo y >> $f; done\n",
        post=OK,
        fs_freeze=False,
    )
    backup = vm.backup()
    told = [event.text for event in backup.events]
    at = told.index("without a freeze this is lost (seed 1):")
    assert told[at + 1] == "  /data/11: 1 of 1 page written since its last sync is not there"
    assert "without a freeze this is lost (seed 1):" in backup.explain()


def test_many_files_are_counted(vm: VirtualMachine) -> None:
    point = crashed(vm, "for i in $(seq 100 125); do echo x > /data/$i; done")
    assert len(point.lost) == 11
    assert point.lost[-1] == "and 16 files more"


# -- a database ---------------------------------------------------------------------------------

INSERT = (
    "import sqlite3, sys\n"
    "db = sqlite3.connect('/data/db', isolation_level=None)\n"
    "db.execute(f'pragma journal_mode={sys.argv[1]}')\n"
    "db.execute(f'pragma synchronous={sys.argv[2]}')\n"
    "db.execute('create table if not exists t(n integer primary key, v)')\n"
    "n, = db.execute('select count(*) from t').fetchone()\n"
    "for i in range(n, n + 20): db.execute('insert into t values(?, ?)', (i, 'v' * 500))\n"
)


def database(point: RecoveryPoint, place: Path) -> list[int] | str:
    """Numbers in the database, or what is wrong with it."""
    for name in ("db", "db-wal", "db-journal"):
        (place / name).unlink(missing_ok=True)
        if point.exists(f"/data/{name}"):
            (place / name).write_bytes(point.read_bytes(f"/data/{name}"))
    db = sqlite3.connect(place / "db")
    try:
        (said,) = db.execute("pragma integrity_check").fetchone()
        rows = [number for (number,) in db.execute("select n from t order by n")]
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        db.close()
    return rows if said == "ok" else str(said)


def inserted(
    vm: VirtualMachine, python: str, journal: str, synchronous: str, *, freeze: bool
) -> RecoveryPoint:
    vm.write("/opt/insert.py", INSERT)
    pre = f"#!/bin/sh\n{python} -B /opt/insert.py {journal} {synchronous}\n"
    vm.install(pre=pre, post=OK, fs_freeze=freeze)
    return point_of(vm.backup())


@pytest.mark.parametrize("journal", ["wal", "delete", "truncate", "persist"])
def test_sqlite_keeps_all_it_has_acknowledged(
    vm: VirtualMachine, python: str, tmp_path: Path, journal: str
) -> None:
    """Twenty backups: what is lost depends on the number of the backup, too."""
    for count in range(20, 420, 20):
        point = inserted(vm, python, journal, "full", freeze=False)
        assert database(point, tmp_path) == list(range(count))


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_sqlite_without_syncs_loses(
    vm_factory: VmFactory, python: str, tmp_path: Path, journal: str
) -> None:
    for seed in range(1, 6):
        vm = vm_factory(crash_seed=seed)
        point = inserted(vm, python, journal, "off", freeze=False)
        assert database(point, tmp_path) != list(range(20))


def test_sqlite_without_syncs_is_whole_with_a_freeze(
    vm: VirtualMachine, python: str, tmp_path: Path
) -> None:
    point = inserted(vm, python, "delete", "off", freeze=True)
    assert database(point, tmp_path) == list(range(20))
