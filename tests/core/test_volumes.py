"""What Azure and the extension see of a VM's volumes, and what no volume can be."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import UsageError, Volume
from pytest_vmsnapshot.engine.mounts import to_freeze
from pytest_vmsnapshot.engine.rules import DOCUMENTED, SHIPPED
from pytest_vmsnapshot.engine.vm_facts import Mount, VmFacts
from pytest_vmsnapshot.volumes import FSTYPES, ON_DISK, Disks, planned_volume, refused


def plan(*asked: dict[str, Any]) -> list[Volume]:
    volumes: list[Volume] = []
    for one in asked:
        row = {"fstype": "ext4", "size": None, "disk": None, **one}
        volumes.append(
            planned_volume(volumes, row["path"], row["fstype"], row["size"], row["disk"])
        )
    return volumes


def facts(*asked: dict[str, Any], disks: Disks = Disks()) -> VmFacts:  # noqa: B008
    return disks.with_volumes(VmFacts(), plan(*asked))


def test_a_volume_has_a_data_disk_of_its_own() -> None:
    assert plan({"path": "/srv/app"}, {"path": "/var/lib/db/", "fstype": "xfs", "size": "2G"}) == [
        Volume("/srv/app", "ext4", 1024**3, 0, "/dev/sdc1", 1),
        Volume("/var/lib/db", "xfs", 2 * 1024**3, 1, "/dev/sdd1", 2),
    ]


ROWS: list[tuple[list[dict[str, Any]], list[str], int]] = [
    ([{"path": "/a", "disk": 3}], ["sdf1 part"], 2),
    ([{"path": "/a", "disk": 0}, {"path": "/b", "disk": 0}], ["sdc1 part", "sdc2 part"], 2),
    ([{"path": "/a", "disk": 1}, {"path": "/b"}], ["sdd1 part", "sdc1 part"], 3),
    ([{"path": "/a", "disk": "os"}, {"path": "/b", "disk": "os"}], ["sda2 part", "sda3 part"], 1),
    (
        [{"path": "/a", "disk": "loop"}, {"path": "/b", "disk": "loop"}],
        ["loop0 loop", "loop1 loop"],
        1,
    ),
    ([{"path": "/a", "fstype": "nfs"}], ["server:/export/a "], 1),
    ([{"path": "/a", "fstype": "tmpfs"}], ["tmpfs "], 1),
]


@pytest.mark.parametrize(("asked", "devices", "disks"), ROWS)
def test_disks_follow(asked: list[dict[str, Any]], devices: list[str], disks: int) -> None:
    found = facts(*asked)
    assert found.mounts[0] == Mount("sda1", "part", "ext4", "/")
    assert [f"{mount.device} {mount.kind}" for mount in found.mounts[1:]] == devices
    assert found.disks == disks


def test_what_is_set_stays() -> None:
    root = Mount("sda1", "part", "xfs", "/")
    found = facts({"path": "/a"}, {"path": "/b"}, disks=Disks(7, (root,)))
    assert found.disks == 7
    assert found.mounts == (
        root,
        Mount("sdc1", "part", "ext4", "/a"),
        Mount("sdd1", "part", "ext4", "/b"),
    )


@pytest.mark.parametrize("rules", [DOCUMENTED, SHIPPED], ids=lambda rules: rules.name)
def test_what_is_frozen_follows(rules: Any) -> None:
    found = facts(
        {"path": "/a"},
        {"path": "/b", "fstype": "btrfs"},
        {"path": "/c", "fstype": "nfs"},
        {"path": "/d", "fstype": "tmpfs"},
        {"path": "/e", "disk": "loop"},
        {"path": "/f", "fstype": "xfs", "disk": "os"},
    )
    assert to_freeze(found.mounts, ("/b",), rules) == ("/f", "/a", "/")


@pytest.mark.parametrize("fstype", FSTYPES)
def test_what_lies_on_a_disk_is_kept(fstype: str) -> None:
    (volume,) = plan({"path": "/a", "fstype": fstype})
    assert volume.kept == (fstype in ON_DISK)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"path": "srv"}, "path is 'srv'; write an absolute path on the VM"),
    ({"path": "/"}, "path is '/', which is mounted already; write a directory below it"),
    (
        {"path": "/proc/x"},
        "path is '/proc/x', where the VM shows its kernel; write another directory",
    ),
    ({"path": "/run"}, "path is '/run', where the VM shows its kernel; write another directory"),
    ({"path": "/t"}, "path is '/t', where a volume is already; write another directory"),
    (
        {"path": "/a", "fstype": "zfs"},
        "fstype is 'zfs'; write one of ext4, xfs, btrfs, nfs, tmpfs",
    ),
    ({"path": "/a", "size": "big"}, "size is 'big'; write bytes, or '512M', or '2G'"),
    ({"path": "/a", "size": 0}, "size is 0; write bytes, or '512M', or '2G'"),
    (
        {"path": "/a", "fstype": "nfs", "disk": 1},
        "disk is 1, but nfs lies on no disk of the VM; leave it out",
    ),
    (
        {"path": "/a", "disk": True},
        "disk is True; write the number of a data disk from 0 to 23, 'os' for the disk of the "
        "system, or 'loop' for a file of that disk",
    ),
    (
        {"path": "/a", "disk": 24},
        "disk is 24; write the number of a data disk from 0 to 23, 'os' for the disk of the "
        "system, or 'loop' for a file of that disk",
    ),
]


@pytest.mark.parametrize(("asked", "message"), WRONG)
def test_mistakes(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan({"path": "/t"}, asked)
    assert caught.value.mistakes == (message,)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        plan({"path": "a", "fstype": "fat", "size": "", "disk": "x"})
    assert len(caught.value.mistakes) == 4


def test_no_disk_is_left() -> None:
    with pytest.raises(UsageError) as caught:
        plan(*({"path": f"/{number}"} for number in range(25)))
    assert caught.value.mistakes == ("all 24 data disks are taken; write disk= with one of them",)


def test_what_a_refusal_says() -> None:
    (volume,) = plan({"path": "/a"})
    assert str(refused(volume, OSError(errno.ENOTEMPTY, "x"))) == (
        "there are files at /a already, which the volume would hide; call vm.volume() before "
        "anything is put there"
    )
    assert str(refused(volume, OSError(errno.EPERM, "Operation not permitted"))) == (
        "the volume /a cannot be mounted: Operation not permitted"
    )


PATHS = st.lists(st.sampled_from([f"/{letter}" for letter in "abcdefgh"]), unique=True)
DISKS = st.none() | st.integers(0, 5) | st.sampled_from(["os", "loop"])


@given(PATHS, st.data())
def test_devices_are_never_shared(paths: list[str], data: st.DataObject) -> None:
    volumes = plan(*({"path": path, "disk": data.draw(DISKS)} for path in paths))
    devices = [volume.device for volume in volumes]
    assert len(set(devices)) == len(devices)
    count = Disks().with_volumes(VmFacts(), volumes).disks
    assert count == 1 + len(
        {device[:8] for device in devices if device.startswith("/dev/sd") and device[7] != "a"}
    )
