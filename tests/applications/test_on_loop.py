"""Real file systems, frozen by the kernel while something is written to them. Needs root."""

from __future__ import annotations

import os

import pytest

from pytest_vmsnapshot import VmFactory
from pytest_vmsnapshot.applications import Commands, Sqlite, Writer

from .trying import VOLUME, backed_up, install

DATA = f"{VOLUME}/data"
NOTHING = "#!/bin/sh\n"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_a_look_at_a_frozen_file_hangs_nobody(vm_factory: VmFactory) -> None:
    vm = vm_factory(storage="loop")
    vm.volume("/var/lib/app", size="64M")
    vm.run("sleep 40; echo x > /var/lib/app/x", check=True)
    looks = []
    vm.on("frozen", lambda at: looks.append(at.run("cat /var/lib/app/x; stat /var/lib/app/x")))
    backup = vm.backup()
    assert backup.recovery_point is not None
    assert backup.duration < 10
    assert looks[0].stdout.startswith("x\n")


@pytest.mark.parametrize("fstype", ["ext4", "xfs", "btrfs"])
def test_what_is_synced_is_there_whatever_freezes(vm_factory: VmFactory, fstype: str) -> None:
    app = Sqlite(DATA)
    vm = vm_factory(storage="loop")
    vm.volume(VOLUME, fstype=fstype, size="512M")
    app.set_up(vm)
    install(vm, "sqlite/good", DATA)
    found, _ = backed_up(vm, app)
    assert found.frozen.evidence == (f"{VOLUME}, on which {DATA} lies (really)",)
    assert found.simulated is False
    found.assert_quiesced()
    found.assert_complete()


def test_what_is_not_synced_is_lost_without_a_freeze(vm_factory: VmFactory) -> None:
    app = Sqlite(DATA, synchronous="OFF")
    vm = vm_factory(storage="loop")
    vm.volume(VOLUME, size="512M")
    app.set_up(vm)
    vm.install(pre=NOTHING, post=NOTHING, fs_freeze=False)
    found, _ = backed_up(vm, app)
    assert (found.frozen.holds, found.complete.holds) == (False, False)


def test_data_on_no_volume_is_frozen_in_simulation(vm_factory: VmFactory) -> None:
    app = Sqlite("/srv/data")
    vm = vm_factory(storage="loop")
    vm.volume(VOLUME, size="64M")
    app.set_up(vm)
    found, _ = backed_up(vm, app)
    assert found.frozen.evidence == (
        "/, on which /srv/data lies (simulated: every process was paused)",
    )
    assert found.simulated
    found.assert_complete()


@pytest.mark.parametrize("thaws", [True, False])
def test_a_script_that_freezes_by_itself_hangs_nobody(vm_factory: VmFactory, thaws: bool) -> None:
    vm = vm_factory(storage="loop", allow=["frozen"])
    vm.volume(VOLUME, size="64M")
    vm.install(
        pre=f"#!/bin/sh\nsleep 9\necho > {DATA}\nfsfreeze -f {VOLUME}\nstat {DATA}\n",
        post=f"#!/bin/sh\nfsfreeze -u {VOLUME}\n" if thaws else NOTHING,
        fs_freeze=False,
    )
    backup = vm.backup()
    assert backup.errors == ()
    if thaws:
        assert vm.run(f"touch {DATA}", timeout=5).exit_status == 0


@pytest.mark.parametrize(
    ("synchronous", "journal", "lost"),
    [("FULL", "DELETE", 1), ("EXTRA", "DELETE", 0), ("FULL", "PERSIST", 0), ("FULL", "WAL", 0)],
)
def test_the_last_record_of_sqlite_without_a_freeze(
    vm_factory: VmFactory, synchronous: str, journal: str, lost: int
) -> None:
    """Without EXTRA nobody syncs that the journal was removed, and it rolls the last one back."""
    app = Sqlite(DATA, synchronous, journal)
    # A probe would be a later transaction, which brings the removal before it to the disk.
    quiet = Commands(name="SQLite", place=DATA, write=app.write, read=app.read)
    vm = vm_factory(storage="loop")
    vm.volume(VOLUME, size="512M")
    app.set_up(vm)
    vm.install(pre=NOTHING, post=NOTHING, fs_freeze=False)
    with Writer(vm, quiet, pause=5) as writer:  # none is on its way at the snapshot
        vm.wait(12)
        backup = vm.backup()
    found = writer.check(backup)
    assert found.complete.holds is (not lost)
    if lost:
        (missing,) = found.complete.evidence
        assert missing.startswith("1 of ")
