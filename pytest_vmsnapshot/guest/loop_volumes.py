"""Volumes that are real file systems: images on loop devices, frozen by the kernel. For root."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .. import syscalls
from . import disk_image, frozen
from .disk_image import FileSystem, NoFileSystem
from .loop_device import NoLoopDevice
from .tally import Tally
from .thawer import Thawer, ThawerGone
from .volumes import DIRECTORY, VolumeRow, Volumes

_REAL = frozenset(kind.value for kind in FileSystem)
_STAT_BLOCK = 512
"""Bytes in which stat(2) counts what a file takes."""


@dataclass(frozen=True, slots=True)
class _Image:
    """A volume whose file system is real.

    Args:
        path: where it is mounted.
        device: number of its device.
    """

    path: str
    device: int


class LoopVolumes(Volumes):
    """The volumes of one VM, of which those on a disk are real file systems.

    Args:
        images: directory of the images of all VMs and recovery points, one directory for each VM.
        number: of this VM.
        nodes: directory with nodes of loop devices, or for them.
        thawer: the way to the watchdog.
        layer: the recovery point the VM starts from, as VM number and name, or empty.
        origin: its directory.
        on_device: told of the device number of each.
    """

    def __init__(
        self,
        images: str,
        number: int,
        nodes: str,
        thawer: Thawer,
        layer: str,
        origin: str,
        on_device: Callable[[int], None],
    ) -> None:
        super().__init__(origin, on_device)
        os.mkdir(f"{images}/{number}", 0o700)
        # Once the VM's root is ours, no path leads there.
        self._own, self._nodes = _opened(f"{images}/{number}"), _opened(nodes)
        has_images = bool(layer) and os.path.exists(f"{images}/{layer}")
        self._images_then = _opened(f"{images}/{layer}") if has_images else ""
        self._thawer = thawer
        self._images: dict[int, _Image] = {}
        self._open: list[frozen.Volume] = []
        self._closing = contextlib.ExitStack()

    def add(self, described: dict[str, Any]) -> None:
        """Mount a volume with nothing on it.

        Args:
            described: the volume, as a request describes it.

        Raises:
            OSError: something lies where it is to be mounted (ENOTEMPTY), it cannot be made
                (EOPNOTSUPP), or the kernel refuses.
        """
        row = VolumeRow.of(described)
        if not _is_real(row):
            super().add(described)
            return
        place = self._make_place(row)
        with _refusal_of(row):
            image = disk_image.create(self._image(row), FileSystem(row.fstype), row.size)
            self._attach(row, image, place)

    def bring_back(self, described: dict[str, Any], *, read_only: bool) -> None:
        """Mount a clone of what a volume held in the recovery point; its journal is replayed.

        Args:
            described: the volume, as a request described it.
            read_only: whether it is only to be looked at.

        Raises:
            OSError: the kernel refuses.
        """
        row = VolumeRow.of(described)
        if not _is_real(row):
            super().bring_back(described, read_only=read_only)
            return
        place = self._make_place(row)
        with _refusal_of(row):
            disk_image.clone(f"{self._images_then}/{row.number}.img", self._image(row))
            image = os.open(self._image(row), os.O_RDWR | os.O_CLOEXEC)
            self._attach(row, image, place)
        if read_only:
            syscalls.make_read_only(place)

    def show(self, described: dict[str, Any], root: str, point: str) -> None:
        """All that lie on a disk are mounted later."""

    def _image(self, row: VolumeRow) -> str:
        return f"{self._own}/{row.number}.img"

    def _attach(self, row: VolumeRow, image: int, place: str) -> None:
        """Mount an image; one that cannot be mounted is removed."""
        try:
            kind = FileSystem(row.fstype)
            disk_image.mount(image, kind, place, self._nodes, shown=row.device)
        except BaseException:
            os.unlink(self._image(row))
            raise
        finally:
            os.close(image)
        with frozen.opened([place]) as volumes:
            self._thawer.keep(volumes[0])  # a script may freeze it, and never thaw it
        device = os.stat(place).st_dev
        self._on_device(device)
        self._images[row.number] = _Image(row.path, device)

    def copy(self, point: str, tally: Tally) -> None:
        """Copy all that lie on a disk into a recovery point.

        Raises:
            OSError: the copy could not be made.
        """
        super().copy(point, tally)
        if not self._images:
            return
        directory = f"{self._own}/{os.path.basename(point)}"
        os.mkdir(directory, 0o700)
        for number in self._images:
            image = f"{number}.img"
            disk_image.clone(f"{self._own}/{image}", f"{directory}/{image}", tally.deadline)
            tally.files += 1
            tally.bytes += os.stat(f"{directory}/{image}").st_blocks * _STAT_BLOCK

    # -- freezing ------------------------------------------------------------------------------

    def frozen_paths(self) -> list[str]:
        """Where what is frozen at present is mounted."""
        return [volume.path for volume in self._open]

    def frozen_devices(self) -> frozenset[int]:
        """Device numbers of what is frozen at present."""
        places = self.frozen_paths()
        return frozenset(i.device for i in self._images.values() if i.path in places)

    def freeze(self, paths: Sequence[str], seconds: float) -> list[str]:
        """Freeze the volumes among some mounts, in their order; all of them or none.

        Args:
            paths: where what is to be frozen is mounted.
            seconds: after which they thaw by themselves.

        Returns:
            Those that are frozen.

        Raises:
            OSError: one could not be frozen.
            ThawerGone: nobody would thaw them after our death.
        """
        real = {image.path for image in self._images.values()}
        wanted = [path for path in paths if path in real]
        self._open = self._closing.enter_context(frozen.opened(wanted))
        try:
            if wanted:
                frozen.freeze(self._open, self._thawer.arm(self._open, seconds))
        except BaseException:
            self._let_go()
            raise
        return wanted

    def thaw(self) -> list[str]:
        """Thaw what is frozen; harmless if nothing is.

        Returns:
            Those that were not frozen any more.
        """
        try:
            outcomes = frozen.thaw(self._open)
            return [one.path for one in outcomes if one.outcome is not frozen.Thaw.THAWED]
        finally:
            self._let_go()

    def _let_go(self) -> None:
        was_open, self._open = self._open, []
        self._closing.close()
        if was_open:
            self._thawer.release()


def _is_real(row: VolumeRow) -> bool:
    return row.kept and row.fstype in _REAL


def _opened(path: str) -> str:
    """A path that leads to a directory whatever the root is."""
    return f"/proc/self/fd/{os.open(path, DIRECTORY)}"


@contextlib.contextmanager
def _refusal_of(row: VolumeRow) -> Iterator[None]:
    """What this machine has not becomes an error like others."""
    try:
        yield
    except (NoFileSystem, NoLoopDevice, ThawerGone) as reason:
        text = str(reason.strerror if isinstance(reason, OSError) else reason)
        raise OSError(errno.EOPNOTSUPP, text, row.path) from reason
