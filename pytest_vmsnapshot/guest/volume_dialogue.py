"""What the harness tells a VM's agent about volumes."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..inventory import FileState, Inventory
from ..protocols import AskedVolume, StorageFailed, StorageTimeout
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

    def freeze_volumes(self, paths: Sequence[str], deadline: float) -> list[str]:
        """Freeze the volumes that are real file systems; returns which these are.

        Args:
            paths: where what is to be frozen is mounted, in this order.
            deadline: second of the VM's clock at which they thaw by themselves.

        Raises:
            StorageFailed: one could not be frozen; none is.
        """
        with as_storage_failure("nothing is frozen"):
            request = {"op": "freeze", "paths": list(paths), "deadline": self._guest_time(deadline)}
            frozen: list[str] = self._ask(request).body["frozen"]
            return frozen

    def thaw_volumes(self) -> list[str]:
        """Thaw them; returns those that were not frozen any more."""
        late: list[str] = self._ask({"op": "thaw"}).body["late"]
        return late

    def inventory(self) -> Inventory:
        """What lies on the VM of its own."""
        rows = self._ask({"op": "inventory"}).body["files"]
        return Inventory({path: FileState(*state) for path, *state in rows})

    def _guest_time(self, deadline: float | None) -> float | None:
        return None if deadline is None else self._clock.to_guest(deadline)

    def _modelled_volumes(self, storage: str, *, in_place: bool) -> tuple[str, ...]:
        """What is not as on a real VM, each a sentence."""
        if in_place:
            return tuple(
                f"the volume {row['path']} is a directory: in place nothing is mounted"
                for row in self._volumes
            )
        return tuple(
            f"the volume {row['path']} is memory, not {row['fstype']}"
            for row in self._volumes
            if row["fstype"] != "tmpfs" and not (storage == "loop" and row["kept"])
        )


@contextlib.contextmanager
def as_storage_failure(what: str) -> Iterator[None]:
    """What the operating system refuses becomes a failure of the storage."""
    try:
        yield
    except OSError as error:
        kind = StorageTimeout if error.errno == errno.ETIMEDOUT else StorageFailed
        raise kind(f"{what}: {error.strerror}") from error
