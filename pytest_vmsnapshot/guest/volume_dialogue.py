"""What the harness tells a VM's agent about volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..protocols import AskedVolume
from .fault_dialogue import FaultDialogue


class VolumeDialogue(FaultDialogue):
    """A dialogue in which volumes can be asked for."""

    _volumes: list[Mapping[str, Any]]
    """All volumes, as the agent was told of them."""

    def add_volume(self, volume: AskedVolume) -> None:
        """Mount a volume.

        Raises:
            OSError: it cannot be mounted there.
        """
        row = {
            "number": volume.number,
            "path": volume.path,
            "fstype": volume.fstype,
            "device": volume.device,
            "size": volume.size,
            "kept": volume.kept,
        }
        self._ask({"op": "volume", **row})
        self._volumes.append(row)

    def _modelled_volumes(self, *, in_place: bool) -> tuple[str, ...]:
        """What is not as on a real VM, each a sentence."""
        if in_place:
            return tuple(
                f"the volume {row['path']} is a directory: in place nothing is mounted"
                for row in self._volumes
            )
        return tuple(
            f"the volume {row['path']} is memory, not {row['fstype']}"
            for row in self._volumes
            if row["fstype"] != "tmpfs"
        )
