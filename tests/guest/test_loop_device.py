"""Images of file systems on loop devices: made, frozen, cloned, mounted and gone again."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from pytest_vmsnapshot import syscalls
from pytest_vmsnapshot.guest import disk_image, frozen, image_store, loop_device
from pytest_vmsnapshot.guest.disk_image import FileSystem, NoFileSystem
from pytest_vmsnapshot.guest.frozen import Cause, FreezeRefused, Thaw, Thawed
from pytest_vmsnapshot.guest.loop_device import Departure, LoopDevice, NoLoopDevice, StillAttached

from .private_place import run_in, skip_without, why_no_loop_devices

MIB = 1024 * 1024
SIZES = {FileSystem.EXT4: 8 * MIB, FileSystem.XFS: 300 * MIB, FileSystem.BTRFS: 109 * MIB}
KINDS = list(FileSystem)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    if reason := why_no_loop_devices(tmp_path):
        pytest.skip(reason)
    return tmp_path


def mounted(place: Path, name: str, kind: FileSystem) -> tuple[LoopDevice, Path]:
    """A new file system, on a directory of this name."""
    image = disk_image.create(f"{place}/{name}.img", kind, SIZES[kind])
    target = place / name
    target.mkdir()
    device = disk_image.mount(image, kind, str(target), f"{place}/nodes")
    os.close(image)
    return device, target


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_file_system_is_cloned_and_the_clone_holds_what_was_written(
    place: Path, kind: FileSystem
) -> None:
    skip_without(kind, FileSystem.XFS)

    def work(place: Path) -> None:
        store_place = place / "store"
        store_place.mkdir()
        store = image_store.make(str(store_place), f"{place}/nodes", 1 << 30)
        assert store.no_clones == ""
        images = Path(store.directory)
        image = disk_image.create(f"{images}/a", kind, SIZES[kind])
        target, copy = place / "target", place / "copy"
        target.mkdir()
        copy.mkdir()
        device = disk_image.mount(image, kind, str(target), f"{place}/nodes")
        content = os.urandom(2 * MIB)
        (target / "before").write_bytes(content)
        with frozen.opened([str(target)]) as volumes:
            frozen.freeze(volumes)
            disk_image.clone(f"{images}/a", f"{images}/b")
            assert frozen.thaw(volumes) == [Thawed(str(target), Thaw.THAWED)]
        (target / "after").write_bytes(b"later")
        with open(images / "b", "r+b") as file:
            other = disk_image.mount(file.fileno(), kind, str(copy), f"{place}/nodes")
        assert (copy / "before").read_bytes() == content
        assert not (copy / "after").exists()
        assert (target / "after").read_bytes() == b"later"
        disk_image.unmount(str(copy), other)
        disk_image.unmount(str(target), device)
        os.close(image)
        store.close()
        assert not any(d.is_attached() for d in (device, other, store.device) if d is not None)

    run_in(place, work)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_store_that_shares_blocks_the_copy_keeps_its_holes(
    place: Path, kind: FileSystem
) -> None:
    skip_without(kind)

    def work(place: Path) -> None:
        device, target = mounted(place, "a", kind)
        (target / "file").write_bytes(b"x" * MIB)
        with frozen.opened([str(target)]) as volumes:
            frozen.freeze(volumes)
            disk_image.clone(f"{place}/a.img", f"{place}/b.img", time.monotonic() + 60)
            frozen.thaw(volumes)
        assert os.stat(f"{place}/b.img").st_size == SIZES[kind]
        assert os.stat(f"{place}/b.img").st_blocks * 512 < 8 * MIB
        disk_image.unmount(str(target), device)

    run_in(place, work)


def test_a_copy_that_takes_too_long_leaves_nothing(place: Path) -> None:
    def work(place: Path) -> None:
        (place / "a").write_bytes(b"x" * MIB)
        with pytest.raises(TimeoutError):
            disk_image.clone(f"{place}/a", f"{place}/b", time.monotonic() - 1)
        assert not (place / "b").exists()
        (place / "b").write_bytes(b"mine")
        with pytest.raises(FileExistsError):
            disk_image.clone(f"{place}/a", f"{place}/b")
        assert (place / "b").read_bytes() == b"mine"

    run_in(place, work)


def test_many_compete_for_numbers_and_each_gets_its_own(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        found: list[LoopDevice] = []
        ready = threading.Barrier(8)

        def attach_one(index: int) -> None:
            image = os.open(f"{place}/{index}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
            os.ftruncate(image, MIB)
            ready.wait()
            with loop_device.attach(image, f"{place}/nodes") as device:
                found.append(device)
                ready.wait()
                assert device.is_attached()
                known = loop_device.attached(f"{place}/nodes")
                assert known[device.number] == device.mark
                ready.wait()
            os.close(image)

        threads = [threading.Thread(target=attach_one, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({device.number for device in found}) == 8
        with Departure() as departure:
            departure.wait(found)

    run_in(place, work)


def test_the_device_goes_with_the_mount_of_a_killed_process(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        heard, said = os.pipe()
        with Departure() as departure:
            pid = os.fork()
            if pid == 0:
                syscalls.unshare(syscalls.CLONE_NEWNS)
                device, _ = mounted(place, "a", FileSystem.EXT4)
                os.write(said, f"{device.number} {device.mark}".encode())
                threading.Event().wait()
            number, mark = os.read(heard, 100).decode().split()
            device = LoopDevice(int(number), f"{place}/nodes/loop{number}", mark, direct_io=False)
            assert device.is_attached()
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            departure.wait([device])
        assert not device.is_attached()

    run_in(place, work)


def test_a_file_held_open_keeps_the_device_and_the_error_says_so(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, target = mounted(place, "a", FileSystem.EXT4)
        with Departure() as departure:
            with (target / "file").open("w"):
                with pytest.raises(StillAttached) as caught:
                    disk_image.unmount(str(target), device, patience=0.05)
                assert caught.value.errno == errno.EBUSY
                assert str(caught.value.strerror) == (
                    f"still attached 0.05 s after the unmount: /dev/loop{device.number}; something "
                    "holds a file on it open, or another mount namespace still shows it "
                    "(fuser -vm DEVICE shows who)"
                )
                assert caught.value.numbers == {device.number}
            departure.wait([device])

    run_in(place, work)


def test_a_frozen_file_system_is_thawed_before_it_is_unmounted(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, target = mounted(place, "a", FileSystem.EXT4)
        with frozen.opened([str(target)]) as volumes:
            frozen.freeze(volumes)
        disk_image.unmount(str(target), device)
        assert not device.is_attached()

    run_in(place, work)


def test_a_node_that_cannot_be_used_is_explained(place: Path) -> None:
    def work(place: Path) -> None:
        nodes = place / "no-devices"
        nodes.mkdir()
        syscalls.mount("tmpfs", str(nodes), "tmpfs", syscalls.MS_NODEV)
        image = os.memfd_create("image", os.MFD_CLOEXEC)
        with pytest.raises(NoLoopDevice) as caught, loop_device.attach(image, str(nodes)):
            pass
        assert caught.value.errno == errno.EACCES
        assert caught.value.strerror == (
            "no loop device can be attached: loop-control may not be opened here; only root may, "
            "and in a container only with --privileged (or --device-cgroup-rule 'b 7:* rwm' "
            "--device-cgroup-rule 'c 10:237 rwm' --cap-add SYS_ADMIN --cap-add MKNOD)"
        )
        foreign = place / "foreign"
        foreign.mkdir()
        os.mknod(foreign / "loop-control", stat.S_IFCHR | 0o600, os.makedev(10, 254))
        with pytest.raises(NoLoopDevice) as caught, loop_device.attach(image, str(foreign)):
            pass
        assert caught.value.strerror == (
            "no loop device can be attached: this kernel has no loop-control; sudo modprobe loop"
        )

    run_in(place, work)


TOO_SMALL = {
    FileSystem.EXT4: (
        "ext4 cannot be made with 7 MiB: it needs 8 MiB at least; give the volume a larger size"
    ),
    FileSystem.XFS: (
        "xfs cannot be made with 299 MiB: it needs 300 MiB at least; give the volume a larger size"
    ),
    FileSystem.BTRFS: (
        "btrfs cannot be made with 108 MiB: it needs 109 MiB at least; "
        "give the volume a larger size"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_size_is_told(tmp_path: Path, kind: FileSystem) -> None:
    with pytest.raises(NoFileSystem) as caught:
        disk_image.create(f"{tmp_path}/image", kind, SIZES[kind] - MIB)
    assert str(caught.value) == TOO_SMALL[kind]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_missing_package_is_told(tmp_path: Path, kind: FileSystem) -> None:
    with pytest.raises(NoFileSystem) as caught:
        disk_image.create(f"{tmp_path}/image", kind, SIZES[kind], root=str(tmp_path))
    package = {"ext4": "e2fsprogs", "xfs": "xfsprogs", "btrfs": "btrfs-progs"}[kind.value]
    assert str(caught.value) == (
        f"{kind.value} cannot be made: mkfs.{kind.value} is not installed; "
        f"install the package {package} (its name in Debian and Ubuntu)"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_mkfs_says_is_told(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        fake = place / "usr/sbin/mkfs.ext4"
        fake.parent.mkdir(parents=True)
        fake.write_text("#!/bin/sh\necho 'no, not' >&2; echo here; exit 3\n")
        fake.chmod(0o755)
        for name in ("bin", "lib", "lib64", "proc", "dev"):
            if os.path.exists(f"/{name}"):
                (place / name).mkdir()
                syscalls.mount(f"/{name}", f"{place}/{name}", None, syscalls.MS_BIND)
        with pytest.raises(NoFileSystem) as caught:
            disk_image.create(f"{place}/image", FileSystem.EXT4, 8 * MIB, root=str(place))
        assert str(caught.value) == "ext4 cannot be made: mkfs.ext4 failed: no, not here"
        assert not (place / "image").exists()

    run_in(place, work)


def test_without_xfs_the_store_is_a_plain_directory(place: Path) -> None:
    def work(place: Path) -> None:
        here = place / "store"
        here.mkdir()
        store = image_store.make(str(here), f"{place}/nodes", 200 * MIB)
        assert store.device is None
        assert store.no_clones == (
            "xfs cannot be made with 200 MiB: it needs 300 MiB at least; "
            "give the volume a larger size"
        )
        assert os.path.isdir(store.directory)
        store.close()

    run_in(place, work)


def test_what_is_removed_from_a_store_gives_its_memory_back(place: Path) -> None:
    skip_without(FileSystem.XFS)

    def work(place: Path) -> None:
        def used() -> int:
            facts = os.statvfs(place)
            return (facts.f_blocks - facts.f_bfree) * facts.f_frsize

        here = place / "store"
        here.mkdir()
        store = image_store.make(str(here), f"{place}/nodes", 1 << 30)
        assert used() < 8 * MIB
        file = Path(store.directory, "file")
        with file.open("wb") as out:
            out.write(os.urandom(64 * MIB))
            out.flush()
            os.fsync(out.fileno())
        assert used() > 64 * MIB
        file.unlink()
        held = os.open(store.directory, os.O_RDONLY)
        syscalls.sync_file_system(held)
        os.close(held)
        store.close()  # waits for what is given back
        assert used() < 8 * MIB

    run_in(place, work)


@pytest.mark.parametrize("kind", KINDS)
def test_all_are_frozen_or_none(place: Path, kind: FileSystem) -> None:
    skip_without(kind, FileSystem.EXT4)

    def work(place: Path) -> None:
        first, there = mounted(place, "first", kind)
        second, elsewhere = mounted(place, "second", FileSystem.EXT4)
        with frozen.opened([str(there), str(elsewhere)]) as volumes:
            frozen.freeze(volumes[1:])  # as a script may do
            with pytest.raises(FreezeRefused) as caught:
                frozen.freeze(volumes)
            assert caught.value.cause is Cause.FROZEN_ALREADY
            assert caught.value.strerror == (
                f"{elsewhere} could not be frozen: somebody else has frozen it already (fsfreeze "
                "in a script, for instance); whoever did must thaw it before the snapshot"
            )
            assert frozen.thaw(volumes) == [
                Thawed(str(elsewhere), Thaw.THAWED),
                Thawed(str(there), Thaw.WAS_NOT_FROZEN, errno.EINVAL),
            ]
            with pytest.raises(FreezeRefused) as caught:
                frozen.freeze(volumes, deadline=time.monotonic() - 1)
            assert caught.value.cause is Cause.LATE
            assert caught.value.strerror == (
                f"{there} could not be frozen: the time for freezing was over before all were "
                "frozen"
            )
            assert {thawed.outcome for thawed in frozen.thaw(volumes)} == {Thaw.WAS_NOT_FROZEN}
        with frozen.opened([str(there), str(place)]) as volumes:
            with pytest.raises(FreezeRefused) as caught:
                frozen.freeze(volumes)
            assert caught.value.cause is Cause.UNSUPPORTED
            assert caught.value.strerror == (
                f"{place} could not be frozen: its type cannot be frozen; leave it out, or use "
                "ext4, xfs or btrfs"
            )
            assert frozen.thaw(volumes)[1].outcome is Thaw.WAS_NOT_FROZEN
        disk_image.unmount(str(there), first)
        disk_image.unmount(str(elsewhere), second)

    run_in(place, work)


def test_who_may_not_freeze_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may")
    with frozen.opened([str(tmp_path)]) as volumes, pytest.raises(FreezeRefused) as caught:
        frozen.freeze(volumes)
    assert caught.value.cause is Cause.DENIED
    assert caught.value.strerror == (
        f"{tmp_path} could not be frozen: freezing needs root with CAP_SYS_ADMIN"
    )
