"""What an agent does about the VM's disks: mounting volumes, freezing and copying them."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Collection
from typing import Any, ClassVar

from ..clock.keeping import Keeper
from ..clock.shift import SECOND
from ..frozen_mounts import Crash, FrozenMounts
from . import thawer, wire
from .file_requests import ServesFiles
from .layer import CopiedLayer
from .pause import hang
from .volumes import Volumes

_WRITING = frozenset({"install", "make_directory", "remove", "volume", "double", "spoil"})
"""Requests that write where their path leads."""


class ServesVolumes(ServesFiles):
    """The part of an agent that sees to the VM's disks.

    Args:
        sock: the way to the harness.
        keeper: gives what keeps the VM's time.
        layer: what a snapshot copies.
        volumes: the VM's volumes.
    """

    def __init__(
        self,
        sock: socket.socket,
        keeper: Callable[[], Keeper],
        layer: CopiedLayer,
        volumes: Volumes,
    ) -> None:
        super().__init__(sock, keeper, layer)
        self._volumes = volumes
        self._thawed_early: list[str] = []

    def _kernel_deadline(self, deadline: float | None) -> float | None:
        """A moment of the VM's clock as one of the kernel's: nothing is skipped until then."""
        return None if deadline is None else deadline - self._keeper().ahead() / SECOND

    def _check_not_frozen(self, body: dict[str, Any]) -> None:
        """Refuse to write to what is frozen: we would hang, and with us the whole VM.

        Raises:
            OSError: EBUSY.
        """
        devices = self._volumes.frozen_devices()
        if not devices or body["op"] not in _WRITING:
            return
        path = body["path"]
        place = os.path.realpath(path)
        while not os.path.exists(place):
            place = os.path.dirname(place)
        if os.stat(place).st_dev in devices:
            raise OSError(errno.EBUSY, "the file system is frozen; write before or after", path)

    def volume(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Mount a volume."""
        self._volumes.add(request.body)
        self._mounts.volumes.add(request.body["path"])
        return {}

    def freeze(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Freeze the volumes that are real file systems; says which these are."""
        deadline = self._kernel_deadline(request.body["deadline"])
        left = thawer.LIMIT if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "the time for the freeze was over")
        try:
            frozen = self._volumes.freeze(request.body["paths"], min(left, thawer.LIMIT))
        except thawer.ThawerGone as gone:
            raise OSError(errno.ECHILD, str(gone)) from gone
        return {"frozen": frozen}

    def thaw(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Thaw them; says which were not frozen any more."""
        early, self._thawed_early = self._thawed_early, []
        return {"late": early + self._thaw()}

    def _thaw(self) -> list[str]:
        try:
            return self._volumes.thaw()
        except thawer.ThawerGone:  # its end thaws nothing by itself, and we have thawed
            return []

    def _thaw_for(self, doomed: Collection[int]) -> None:
        """Thaw if one of some processes hangs in a write to what is frozen: no signal ends it."""
        if not self._volumes.frozen_devices() or not hang(doomed):
            return
        self._thawed_early += self._volumes.frozen_paths()
        self._thaw()

    def copy_layer(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Copy the private layer into a recovery point."""
        deadline = self._kernel_deadline(request.body["deadline"])
        name, seed = request.body["name"], request.body["seed"]
        tally = self._layer.copy(name, deadline)
        answer = {"files": tally.files, "bytes": tally.bytes, "missed": self._mounts.added()}
        if seed:
            crash = Crash(seed, FrozenMounts(*map(tuple, request.body["frozen"])))
            answer |= self._layer.crash(name, crash, self._looked_after())
        return answer

    def complete(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Do what was put off of the last recovery point."""
        self._layer.complete()
        return {}

    volume_requests: ClassVar = {
        "complete": complete,
        "volume": volume,
        "freeze": freeze,
        "thaw": thaw,
        "copy_layer": copy_layer,
    }
