"""The storage that needs no privileges: every process is paused while the layer is copied."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

from ..frozen_mounts import Crash, FrozenMounts
from ..protocols import Copied, LayerCopy, PointFiles, StorageFailed


class Pausable(Protocol):
    """A guest that can stand still."""

    def pause(self, deadline: float | None) -> Sequence[str]:
        """Stop every process at one instant; returns the commands that could not be stopped."""
        ...

    def resume(self, frozen: FrozenMounts | None = None) -> None:
        """Let every process go on.

        Args:
            frozen: the freeze that the pause stood for: it has written what it covers to the disk.
        """
        ...

    def copy_layer(
        self, name: str, deadline: float | None, crash: Crash | None = None
    ) -> LayerCopy:
        """Copy the private layer, as it is or as a crash would leave it."""
        ...

    def open_point(self, name: str) -> PointFiles:
        """Access to a copy's files."""
        ...


class PauseAndCopy:
    """Freezes by pausing all processes and copies the guest's private layer meanwhile.

    Args:
        guest: what is paused.
        seed: decides, together with the number of the recovery point, what is lost of what is not
            frozen; 0 for nothing.
        simulates: whether the pause stands for a freeze.
    """

    name = "pause-and-copy"

    def __init__(self, guest: Pausable, seed: int = 1, *, simulates: bool = True) -> None:
        self._simulates = simulates
        self._seed = seed
        self._used_seed: int | None = None
        self._kept_all = ""
        self._guest = guest
        self._names = itertools.count(1)
        self._frozen = False
        self._covered: FrozenMounts | None = None
        self._missed: tuple[str, ...] = ()

    def freeze(self, mounts: Sequence[str], deadline: float, others: Sequence[str] = ()) -> str:
        """Pause every process.

        Args:
            mounts: what a real freeze would freeze.
            deadline: when it must be done.
            others: what it would leave as it is.

        Raises:
            StorageFailed: they could not be paused; all go on.
        """
        self._pause(deadline)
        self._frozen = True
        self.cover(FrozenMounts(tuple(mounts), tuple(others)))
        return f"{', '.join(mounts)} (simulated: every process is paused)"

    def cover(self, frozen: FrozenMounts | None) -> None:
        """Say what counts as frozen from now on, though processes may run; None for nothing."""
        self._covered = frozen

    def snapshot(self, deadline: float | None) -> Copied:
        """Copy the private layer while every process is paused.

        What a crash would take of what is not frozen is missing in the copy.

        Raises:
            StorageTimeout: the deadline passed before the copy was complete.
            StorageFailed: there is no copy.
        """
        if not self._frozen:
            self._pause(deadline)
        name = str(next(self._names))
        try:
            copy = self._copy(name, deadline)
        finally:
            if not self._frozen:
                self._guest.resume(self._covered)
        source = self._guest.open_point(name)
        return Copied(copy.files, copy.size, source, lost=copy.lost, seed=self._used_seed)

    def _copy(self, name: str, deadline: float | None) -> LayerCopy:
        self._kept_all, self._used_seed = "", None
        frozen = self._covered or FrozenMounts()
        if not frozen.others:  # freezing has written everything to the disk
            return self._guest.copy_layer(name, deadline)
        if not self._seed:
            self._kept_all = "crash_seed is 0"
            return self._guest.copy_layer(name, deadline)
        copy = self._guest.copy_layer(name, deadline, Crash(f"{self._seed} {name}", frozen))
        self._kept_all = copy.unseen
        if not copy.unseen:
            self._used_seed = self._seed
        return copy

    def thaw(self) -> None:
        """Let every process go on."""
        if self._frozen:
            self._frozen = False
            self._guest.resume(self._covered)
            self.cover(None)

    @property
    def pauses(self) -> bool:
        """Whether it does at present."""
        return self._frozen

    def modelled(self) -> tuple[str, ...]:
        """No freeze is a real one here."""
        sentences = []
        if self._simulates:
            sentences.append("the freeze was simulated by pausing every process of the VM")
        sentences += [
            f"the snapshot may not be a point in time: {command!r} is traced and was not paused"
            for command in self._missed
        ]
        if self._kept_all:
            sentences.append(
                "the recovery point holds even what was neither synced nor frozen: "
                + self._kept_all
            )
        return tuple(sentences)

    def _pause(self, deadline: float | None) -> None:
        try:
            self._missed = tuple(self._guest.pause(deadline))
        except StorageFailed:
            self._guest.resume()
            raise
