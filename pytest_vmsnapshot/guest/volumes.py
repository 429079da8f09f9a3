"""The volumes of a VM: file systems of their own, mounted where a test wants them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import syscalls
from .tally import Tally
from .trees import copy_tree

VOLUMES = "volumes"
"""Where a recovery point holds them."""

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """One volume, as an agent is told of it.

    Args:
        number: names it in a recovery point.
        path: where it is mounted.
        fstype: the type of its file system, as its owner would see it.
        device: what it is mounted from, for those who look at the table of mounts.
        size: bytes it can hold.
        kept: whether it lies on a disk, so that a recovery point holds it.
    """

    number: int
    path: str
    fstype: str
    device: str
    size: int
    kept: bool

    @staticmethod
    def of(row: dict[str, Any]) -> VolumeRow:
        """The volume of a request."""
        names = ("number", "path", "fstype", "device", "size", "kept")
        return VolumeRow(*(row[name] for name in names))


@dataclass(frozen=True, slots=True)
class VolumeInMemory:
    """A volume that stands for a disk, and is a file system in memory.

    Args:
        number: names it in a recovery point.
        path: where it is mounted.
        device: number of its device.
        top: descriptor of its top directory.
    """

    number: int
    path: str
    device: int
    top: int


class Volumes:
    """The mounted volumes of one VM.

    Args:
        origin: directory of the recovery point the VM starts from, or empty.
        on_device: told of the device number of each.
    """

    def __init__(self, origin: str = "", on_device: Callable[[int], None] = lambda _: None) -> None:
        self._origin = f"/proc/self/fd/{os.open(origin, DIRECTORY)}" if origin else ""
        self._on_device = on_device
        self._in_memory: list[VolumeInMemory] = []
        self._places: list[str] = []

    def add(self, described: dict[str, Any]) -> None:
        """Mount a volume with nothing on it.

        Args:
            described: the volume, as a request describes it.

        Raises:
            OSError: something lies where it is to be mounted (ENOTEMPTY), or the kernel refuses.
        """
        row = VolumeRow.of(described)
        self._mount(row, self._make_place(row))

    def bring_back(self, described: dict[str, Any], *, read_only: bool) -> None:
        """Mount a volume with what it held in the recovery point the VM starts from.

        Args:
            described: the volume, as a request described it.
            read_only: whether it is only to be looked at.

        Raises:
            OSError: the kernel refuses.
        """
        row = VolumeRow.of(described)
        if row.kept and read_only:
            return  # it is shown already
        place = self._make_place(row)
        self._mount(row, place)
        if row.kept:
            copy_tree(volume_of(self._origin, row.number), place)

    def show(self, described: dict[str, Any], root: str, point: str) -> None:
        """Show what a volume held, read-only, without a copy; while the host's tree is there.

        Args:
            described: the volume, as a request described it.
            root: the VM's root.
            point: directory of the recovery point.
        """
        row = VolumeRow.of(described)
        if row.kept:
            place = root + row.path
            os.makedirs(place, mode=0o755, exist_ok=True)
            syscalls.mount(volume_of(point, row.number), place, None, syscalls.MS_BIND)
            syscalls.make_read_only(place)

    def _mount(self, row: VolumeRow, place: str) -> None:
        syscalls.mount(row.device, place, "tmpfs", 0, f"mode=755,size={row.size}")
        top = os.open(place, DIRECTORY)
        device = os.fstat(top).st_dev
        self._on_device(device)
        if row.kept:
            self._in_memory.append(VolumeInMemory(row.number, row.path, device, top))
        else:
            os.close(top)

    def _make_place(self, row: VolumeRow) -> str:
        """The directory to mount a volume on, which must be empty."""
        os.makedirs(row.path, mode=0o755, exist_ok=True)
        if os.listdir(row.path):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), row.path)
        self._places.append(row.path)
        return row.path

    def freeze(self, paths: Sequence[str], seconds: float) -> list[str]:  # noqa: ARG002
        """Freeze those that can be; says which these are: none."""
        return []

    def thaw(self) -> list[str]:
        """Thaw what is frozen; says what had thawed by itself."""
        return []

    def frozen_paths(self) -> list[str]:
        """Where what is frozen at present is mounted."""
        return []

    def frozen_devices(self) -> frozenset[int]:
        """Device numbers of what is frozen at present."""
        return frozenset()

    def in_memory(self) -> Sequence[VolumeInMemory]:
        """Those that stand for a disk, and are file systems in memory."""
        return self._in_memory

    def mounted(self) -> Sequence[str]:
        """Where all of them are mounted."""
        return self._places

    def copy(self, point: str, tally: Tally) -> None:
        """Copy all that lie on a disk into a recovery point.

        Raises:
            OSError: the copy could not be made.
        """
        for volume in self._in_memory:
            target = volume_of(point, volume.number)
            os.makedirs(target, mode=0o700)
            copy_tree(f"/proc/self/fd/{volume.top}", target, tally)
            for inner in self._in_memory:  # a mount is passed over, and with it what it lies on
                if inner.path.startswith(f"{volume.path}/"):
                    os.makedirs(target + inner.path.removeprefix(volume.path), exist_ok=True)


def volume_of(point: str, number: int) -> str:
    """Where a recovery point holds a volume."""
    return f"{point}/{VOLUMES}/{number}"
