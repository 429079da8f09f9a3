"""What an agent does about the VM's disks: mounting volumes, copying into recovery points."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar

from ..clock.keeping import Keeper
from ..clock.shift import SECOND
from . import wire
from .fault_requests import ServesFaults
from .layer import CopiedLayer


class ServesVolumes(ServesFaults):
    """The part of an agent that sees to the VM's disks.

    Args:
        sock: the way to the harness.
        keeper: gives what keeps the VM's time.
        layer: what a snapshot copies.
    """

    def __init__(
        self, sock: socket.socket, keeper: Callable[[], Keeper], layer: CopiedLayer
    ) -> None:
        super().__init__(sock, keeper)
        self._layer = layer

    def _kernel_deadline(self, deadline: float | None) -> float | None:
        """A moment of the VM's clock as one of the kernel's: nothing is skipped until then."""
        return None if deadline is None else deadline - self._keeper().ahead() / SECOND

    def volume(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Mount a volume."""
        self._layer.add_volume(request.body)
        self._mounts.volumes.add(request.body["path"])
        return {}

    def copy_layer(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Copy the private layer into a recovery point."""
        deadline = self._kernel_deadline(request.body["deadline"])
        tally = self._layer.copy(request.body["name"], deadline)
        return {"files": tally.files, "bytes": tally.bytes, "missed": self._mounts.added()}

    volume_requests: ClassVar = {"volume": volume, "copy_layer": copy_layer}
