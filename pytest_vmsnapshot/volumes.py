"""The volumes a test puts on its VM, and what Azure and the extension see of them."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .engine.vm_facts import MOUNTS, Mount, VmFacts
from .errors import UsageError
from .installing import Checker
from .settings import size_in_bytes

ON_DISK = ("ext4", "xfs", "btrfs")
FSTYPES = (*ON_DISK, "nfs", "tmpfs")
OS_DISK, LOOP = "os", "loop"
_MOST_DISKS = 24
"""Data disks a name is left for, from sdc to sdz; Azure allows up to 64."""

_DEFAULT_SIZE = "1G"
_TAKEN = ("/dev", "/proc", "/sys", "/run")


@dataclass(frozen=True, slots=True)
class Volume:
    """A file system of its own on a VM.

    Args:
        path: where it is mounted.
        fstype: the type the VM's owner would see, of ``FSTYPES``.
        size: bytes it can hold.
        disk: number of the data disk it lies on, from 0; ``os`` for the disk of the system, or
            ``loop`` for a file of that disk; None for what lies on no disk of the VM.
        device: what it is mounted from.
        number: which volume of the VM this is, from 1.
    """

    path: str
    fstype: str
    size: int
    disk: int | str | None
    device: str
    number: int

    @property
    def kept(self) -> bool:
        """Whether a snapshot of the VM's disks has it."""
        return self.disk is not None

    def mount(self) -> Mount:
        """What the extension sees of it."""
        kind = "" if self.disk is None else "loop" if self.disk == LOOP else "part"
        return Mount(self.device.removeprefix("/dev/"), kind, self.fstype, self.path)


@dataclass(frozen=True, slots=True)
class Disks:
    """What a test has said of its VM's disks before it asked for volumes.

    Args:
        count: how many disks Azure sees; None: as many as the volumes need.
        mounts: what is mounted; None: the root and, as long as there are no volumes, ``/data``.
    """

    count: int | None = None
    mounts: tuple[Mount, ...] | None = None

    def with_volumes(self, facts: VmFacts, volumes: Sequence[Volume]) -> VmFacts:
        """What Azure and the extension see of a VM with volumes."""
        mounts = MOUNTS[:1] if self.mounts is None else self.mounts
        mounts += tuple(volume.mount() for volume in volumes)
        data_disks = {volume.disk for volume in volumes if isinstance(volume.disk, int)}
        count = 1 + len(data_disks) if self.count is None else self.count
        return replace(facts, mounts=mounts, disks=count)


class VolumeGuest(Protocol):
    """A guest on which volumes can be mounted."""

    def add_volume(self, volume: Volume) -> None:
        """Mount a volume.

        Raises:
            OSError: it cannot be mounted there.
        """
        ...


def planned_volume(
    there: Sequence[Volume],
    path: str,
    fstype: str,
    size: int | str | None,
    disk: int | str | None,
) -> Volume:
    """The volume a test asks for.

    Args:
        there: the volumes the VM has.
        path: where it is to be mounted.
        fstype: its type.
        size: bytes, or text such as ``512M``.
        disk: the number of a data disk, ``os``, ``loop``, or None for a data disk of its own.

    Raises:
        UsageError: an argument cannot be meant; all mistakes are named.
    """
    __tracebackhide__ = True
    checker = Checker(())
    place = checker.place("path", path)
    wrong = checker.mistakes
    if place == "/" and not wrong:
        wrong.append("path is '/', which is mounted already; write a directory below it")
    if any(f"{place}/".startswith(f"{taken}/") for taken in _TAKEN):
        wrong.append(f"path is {path!r}, where the VM shows its kernel; write another directory")
    if any(volume.path == place for volume in there):
        wrong.append(f"path is {path!r}, where a volume is already; write another directory")
    if fstype not in FSTYPES:
        wrong.append(f"fstype is {fstype!r}; write one of {', '.join(FSTYPES)}")
    count = size_in_bytes(_DEFAULT_SIZE if size is None else size)
    if count is None:
        wrong.append(f"size is {size!r}; write bytes, or '512M', or '2G'")
    is_number = isinstance(disk, int) and not isinstance(disk, bool) and 0 <= disk < _MOST_DISKS
    if fstype in FSTYPES and fstype not in ON_DISK and disk is not None:
        wrong.append(f"disk is {disk!r}, but {fstype} lies on no disk of the VM; leave it out")
    elif not (disk is None or is_number or disk in (OS_DISK, LOOP)):
        wrong.append(
            f"disk is {disk!r}; write the number of a data disk from 0 to {_MOST_DISKS - 1}, "
            f"{OS_DISK!r} for the disk of the system, or {LOOP!r} for a file of that disk"
        )
    taken = {volume.disk for volume in there}
    if fstype in ON_DISK and disk is None:
        disk = next((number for number in range(_MOST_DISKS) if number not in taken), None)
        if disk is None:
            wrong.append(f"all {_MOST_DISKS} data disks are taken; write disk= with one of them")
    checker.finish()
    assert count is not None
    return Volume(place, fstype, count, disk, _device(there, place, fstype, disk), len(there) + 1)


def _device(there: Sequence[Volume], path: str, fstype: str, disk: int | str | None) -> str:
    """A name for what a volume is mounted from, as on a VM of Azure."""
    if disk is None:
        return f"server:/export{path}" if fstype == "nfs" else "tmpfs"
    beside = sum(volume.disk == disk for volume in there)
    if disk == LOOP:
        return f"/dev/loop{beside}"
    if isinstance(disk, int):  # the second disk is the temporary one of the host
        return f"/dev/sd{chr(ord('c') + disk)}{beside + 1}"
    return f"/dev/sda{beside + 2}"


def refused(volume: Volume, error: OSError) -> UsageError:
    """What a test is told of a volume that could not be mounted."""
    if error.errno == errno.ENOTEMPTY:
        return UsageError(
            [
                f"there are files at {volume.path} already, which the volume would hide; call "
                "vm.volume() before anything is put there"
            ]
        )
    return UsageError([f"the volume {volume.path} cannot be mounted: {error.strerror}"])
