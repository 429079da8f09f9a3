"""The volumes of a VM: file systems of their own, mounted where a test wants them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import syscalls
from .layer import Tally, copy_tree


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """One volume, as an agent is told of it.

    Args:
        number: names it in a recovery point.
        path: where it is mounted.
        device: what it is mounted from, for those who look at the table of mounts.
        size: bytes it can hold.
        kept: whether it lies on a disk, so that a recovery point holds it.
    """

    number: int
    path: str
    device: str
    size: int
    kept: bool

    @staticmethod
    def of(row: dict[str, Any]) -> VolumeRow:
        """The volume of a request."""
        names = ("number", "path", "device", "size", "kept")
        return VolumeRow(*(row[name] for name in names))


class Volumes:
    """The mounted volumes of one VM.

    Args:
        on_device: told of the device number of each.
    """

    def __init__(self, on_device: Callable[[int], None] = lambda _: None) -> None:
        self._on_device = on_device
        self._tops: dict[int, int] = {}

    def add(self, described: dict[str, Any], root: str = "", point: str = "") -> None:
        """Mount a volume.

        Args:
            described: the volume, as a request describes it.
            root: the VM's root, while it is not this process's yet.
            point: directory of the recovery point whose content it gets, or empty.

        Raises:
            OSError: something lies where it is to be mounted (ENOTEMPTY), or the kernel refuses.
        """
        row = VolumeRow.of(described)
        place = root + row.path
        os.makedirs(place, mode=0o755, exist_ok=True)
        if not root and os.listdir(place):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), row.path)
        syscalls.mount(row.device, place, "tmpfs", 0, f"mode=755,size={row.size}")
        if point and row.kept:
            copy_tree(volume_of(point, row.number), place)
        top = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._on_device(os.fstat(top).st_dev)
        if row.kept:
            self._tops[row.number] = top
        else:
            os.close(top)

    def copy(self, point: str, tally: Tally) -> None:
        """Copy all that lie on a disk into a recovery point.

        Raises:
            OSError: the copy could not be made.
        """
        for number, top in self._tops.items():
            target = volume_of(point, number)
            os.makedirs(target, mode=0o700)
            copy_tree(f"/proc/self/fd/{top}", target, tally)


def show(described: dict[str, Any], root: str, point: str) -> None:
    """Show the content of a volume as it was, read-only."""
    row = VolumeRow.of(described)
    if row.kept:
        os.makedirs(root + row.path, mode=0o755, exist_ok=True)
        syscalls.mount(volume_of(point, row.number), root + row.path, None, syscalls.MS_BIND)
        syscalls.make_read_only(root + row.path)


def volume_of(point: str, number: int) -> str:
    """Where a recovery point holds a volume."""
    return f"{point}/volumes/{number}"
