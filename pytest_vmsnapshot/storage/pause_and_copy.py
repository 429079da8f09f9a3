"""The storage that needs no privileges: every process is paused while the layer is copied."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

from ..protocols import Copied, LayerCopy, PointFiles, StorageFailed


class Pausable(Protocol):
    """A guest that can stand still."""

    def pause(self, deadline: float | None) -> Sequence[str]:
        """Stop every process at one instant; returns the commands that could not be stopped."""
        ...

    def resume(self, *, flushed: bool = False) -> None:
        """Let every process go on.

        Args:
            flushed: whether the pause stood for a freeze, which writes everything to the disk.
        """
        ...

    def copy_layer(self, name: str, deadline: float | None, seed: str = "") -> LayerCopy:
        """Copy the private layer; with a seed, as a crash would leave it."""
        ...

    def open_point(self, name: str) -> PointFiles:
        """Access to a copy's files."""
        ...


class PauseAndCopy:
    """Freezes by pausing all processes and copies the guest's private layer meanwhile.

    Args:
        guest: what is paused.
        seed: decides, together with the number of the recovery point, what is lost of a snapshot
            without a freeze; 0 for nothing.
        simulates: whether the pause stands for a freeze.
    """

    name = "pause-and-copy"

    def __init__(self, guest: Pausable, seed: int = 1, *, simulates: bool = True) -> None:
        self._simulates = simulates
        self._seed = seed
        self._kept_all = ""
        self._guest = guest
        self._names = itertools.count(1)
        self._frozen = False
        self._missed: tuple[str, ...] = ()

    def freeze(self, mounts: Sequence[str], deadline: float) -> str:
        """Pause every process.

        Args:
            mounts: what a real freeze would freeze.
            deadline: when it must be done.

        Raises:
            StorageFailed: they could not be paused; all go on.
        """
        self._pause(deadline)
        self._frozen = True
        return f"{', '.join(mounts)} (simulated: every process is paused)"

    def snapshot(self, deadline: float | None) -> Copied:
        """Copy the private layer while every process is paused.

        What a crash would take is missing in the copy, unless it is frozen.

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
                self._guest.resume()
        seed = None if self._frozen or self._kept_all else self._seed
        source = self._guest.open_point(name)
        return Copied(copy.files, copy.size, source, lost=copy.lost, seed=seed)

    def _copy(self, name: str, deadline: float | None) -> LayerCopy:
        self._kept_all = ""
        if self._frozen:  # freezing writes everything to the disk
            return self._guest.copy_layer(name, deadline)
        if not self._seed:
            self._kept_all = "crash_seed is 0"
            return self._guest.copy_layer(name, deadline)
        copy = self._guest.copy_layer(name, deadline, f"{self._seed} {name}")
        self._kept_all = copy.unseen
        return copy

    def thaw(self) -> None:
        """Let every process go on."""
        if self._frozen:
            self._frozen = False
            self._guest.resume(flushed=True)

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
                "the recovery point holds even what was never synced, though nothing was frozen: "
                + self._kept_all
            )
        return tuple(sentences)

    def _pause(self, deadline: float | None) -> None:
        try:
            self._missed = tuple(self._guest.pause(deadline))
        except StorageFailed:
            self._guest.resume()
            raise
