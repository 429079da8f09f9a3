"""The storage with real file systems: the kernel freezes them, and their images are copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..frozen_mounts import FrozenMounts
from ..protocols import Copied, ThawFailed
from .pause_and_copy import Pausable, PauseAndCopy


class Freezable(Pausable, Protocol):
    """A guest whose volumes can be frozen."""

    def freeze_volumes(self, paths: Sequence[str], deadline: float) -> list[str]:
        """Freeze the real file systems among some mounts; returns which these are."""
        ...

    def thaw_volumes(self) -> list[str]:
        """Thaw them; returns those that were not frozen any more."""
        ...


class LoopStorage:
    """Freezes volumes by the kernel and copies their images.

    What lies on no volume is copied as by ``PauseAndCopy``: every process is paused for the
    instant of the copy.

    Args:
        guest: whose volumes they are.
        copying: copies them, and what lies on none.
    """

    name = "loop"

    def __init__(self, guest: Freezable, copying: PauseAndCopy) -> None:
        self._guest = guest
        self._copying = copying
        self._frozen = False
        self._simulated: tuple[str, ...] = ()

    def freeze(self, mounts: Sequence[str], deadline: float, others: Sequence[str] = ()) -> str:
        """Freeze the volumes.

        Args:
            mounts: what is to be frozen, in this order.
            deadline: second of the VM's clock at which they thaw by themselves.
            others: what stays as it is.

        Raises:
            StorageFailed: one could not be frozen; none is.
        """
        real = self._guest.freeze_volumes(mounts, deadline)
        self._frozen = True
        self._copying.cover(FrozenMounts(tuple(mounts), tuple(others)))
        self._simulated = tuple(place for place in mounts if place not in real)
        said = [", ".join(real)] if real else []
        if self._simulated:
            said.append(f"{', '.join(self._simulated)} (simulated: on no volume)")
        return "; ".join(said)

    def snapshot(self, deadline: float | None) -> Copied:
        """Copy the images, and the rest while every process is paused.

        Raises:
            StorageTimeout: the deadline passed before the copy was complete.
            StorageFailed: there is no copy.
        """
        return self._copying.snapshot(deadline)

    def thaw(self) -> None:
        """Thaw the volumes.

        Raises:
            ThawFailed: some had thawed before.
        """
        was_frozen, self._frozen = self._frozen, False
        self._copying.cover(None)
        late = self._guest.thaw_volumes() if was_frozen else []
        if late:
            raise ThawFailed(
                f"{', '.join(late)} thawed before the snapshot was complete: by itself when its "
                "time was over, or because a process that was to be stopped hung in a write to it"
            )

    @property
    def pauses(self) -> bool:
        """Only within a snapshot."""
        return False

    def modelled(self) -> tuple[str, ...]:
        """What lies on no volume is not frozen."""
        if not self._simulated:
            return self._copying.modelled()
        places = ", ".join(self._simulated)
        return (
            f"{places}: on no volume, so not frozen; every process was paused while it was copied",
            *self._copying.modelled(),
        )
