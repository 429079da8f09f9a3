"""Where images of file systems lie: an xfs in memory, whose files can share their blocks.

A clone of an image then takes well under a millisecond whatever its size, and memory only for what
changes afterwards. It is itself an image: a file on a tmpfs, on a loop device, mounted where only
this mount namespace sees it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .. import syscalls
from . import disk_image
from .disk_image import FileSystem, NoFileSystem
from .loop_device import PATIENCE, LoopDevice, NoLoopDevice

_BACKING = "store"
_IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Store:
    """A directory for images.

    Args:
        directory: path of it.
        device: what it is mounted from; None where it is a plain directory.
        no_clones: why its files cannot share blocks, so that each clone is a copy that takes
            time and memory; empty if they can.
    """

    directory: str
    device: LoopDevice | None
    no_clones: str = ""

    def close(self, patience: float = PATIENCE) -> None:
        """Unmount it, and wait until nothing is left of it. No image may be mounted any more.

        Raises:
            StillAttached: one is, or another mount namespace still shows the store.
        """
        if self.device is not None:
            disk_image.unmount(self.directory, self.device, patience)


def make(place: str, nodes: str, size: int, root: str = "/") -> Store:
    """Make a store.

    Args:
        place: an empty directory, best on a tmpfs; it is no part of the store.
        nodes: directory with device nodes, or for them.
        size: bytes it may take; it takes only what is written.
        root: where this machine's own tree is.

    Raises:
        OSError: no directory can be made there, or the mount was refused.
    """
    images = f"{place}/{_IMAGES}"
    os.mkdir(images, 0o700)
    free = os.statvfs(place)
    # Were it larger than what is there, a full store would be met as an I/O error.
    size = min(size, free.f_bavail * free.f_frsize)
    backing = f"{place}/{_BACKING}"
    try:
        image = disk_image.create(backing, FileSystem.XFS, size, root)
        try:
            os.unlink(backing)  # the device keeps it; when that goes, it goes
            flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
            # What is removed gives its memory back.
            device = disk_image.mount(image, FileSystem.XFS, images, nodes, flags, "discard")
        finally:
            os.close(image)
    except (NoFileSystem, NoLoopDevice) as reason:
        return Store(images, None, str(reason))
    return Store(images, device)
