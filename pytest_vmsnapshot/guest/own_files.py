"""Which of the files a VM shows are its own, to be changed, and which are the host's."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from .assemble import flat


class OwnFiles:
    """Tells a VM's own files from the host's that show through its layers.

    An overlay gives the files of its upper directory a device number of their own; which it is,
    the first such file tells.

    Args:
        disk: a descriptor of the file system that holds the layers.
        layers: where overlays lie, without the leading slash.
        devices: numbers of devices all of whose files are its own, now or later: its volumes.
    """

    def __init__(self, disk: int, layers: Iterable[str], devices: set[int]) -> None:
        self._upper = f"/proc/self/fd/{disk}/upper"
        self._layers = sorted(layers, key=len, reverse=True)
        self._volumes = devices
        self._devices = {os.fstat(disk).st_dev}

    def __call__(self, status: os.stat_result, path: str) -> bool:
        """Whether a file is the VM's own.

        Args:
            status: what stat(2) says of it.
            path: where it lies; may lead there through /proc.
        """
        # A directory of the host that is changed through a layer is copied without its content.
        if status.st_dev in self._devices or stat.S_ISDIR(status.st_mode):
            return True
        if status.st_dev in self._volumes:
            return True
        if not self._is_in_a_layer(status, path):
            return False
        self._devices.add(status.st_dev)
        return True

    def _is_in_a_layer(self, status: os.stat_result, path: str) -> bool:
        real = os.path.realpath(path).lstrip("/")
        for layer in self._layers:
            if real.startswith(layer + "/"):
                try:
                    above = os.lstat(f"{self._upper}/{flat(layer)}/{real[len(layer) + 1 :]}")
                except OSError:
                    return False
                return above.st_ino == status.st_ino
        return False
