"""Volumes of a VM in memory: mount points of the fake file system."""

from __future__ import annotations

import errno
import os

from pyfakefs.fake_filesystem import FakeFilesystem

from ..protocols import AskedVolume


class MemoryVolumes:
    """Mounts volumes on a fake file system.

    Args:
        fs: the fake file system.
    """

    def __init__(self, fs: FakeFilesystem) -> None:
        self._mounted_on = fs
        self._on_no_disk: set[str] = {"/run", "/dev", "/proc", "/sys"}

    def add_volume(self, volume: AskedVolume) -> None:
        """Mount a volume.

        Raises:
            OSError: it cannot be mounted there.
        """
        fs = self._mounted_on
        if fs.exists(volume.path):
            if not fs.isdir(volume.path):
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), volume.path)
            if fs.listdir(volume.path):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), volume.path)
        fs.add_mount_point(volume.path, volume.size, can_exist=True)
        if not volume.kept:
            self._on_no_disk.add(volume.path)
