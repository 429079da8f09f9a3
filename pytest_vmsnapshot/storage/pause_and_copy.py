"""The storage that needs no privileges: every process is paused while the layer is copied."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

from ..protocols import Copied, PointFiles, StorageFailed


class Pausable(Protocol):
    """A guest that can stand still."""

    def pause(self, deadline: float | None) -> Sequence[str]:
        """Stop every process at one instant; returns the commands that could not be stopped."""
        ...

    def resume(self) -> None:
        """Let every process go on."""
        ...

    def copy_layer(self, name: str, deadline: float | None) -> tuple[int, int]:
        """Copy the private layer; returns the number of entries and of bytes."""
        ...

    def open_point(self, name: str) -> PointFiles:
        """Access to a copy's files."""
        ...


class PauseAndCopy:
    """Freezes by pausing all processes and copies the guest's private layer meanwhile.

    Args:
        guest: what is paused.
        simulates: whether the pause stands for a freeze.
    """

    name = "pause-and-copy"

    def __init__(self, guest: Pausable, *, simulates: bool = True) -> None:
        self._simulates = simulates
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

        Raises:
            StorageTimeout: the deadline passed before the copy was complete.
            StorageFailed: there is no copy.
        """
        if not self._frozen:
            self._pause(deadline)
        name = str(next(self._names))
        try:
            files, size = self._guest.copy_layer(name, deadline)
        finally:
            if not self._frozen:
                self._guest.resume()
        return Copied(files, size, self._guest.open_point(name))

    def thaw(self) -> None:
        """Let every process go on."""
        if self._frozen:
            self._frozen = False
            self._guest.resume()

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
        return tuple(sentences)

    def _pause(self, deadline: float | None) -> None:
        try:
            self._missed = tuple(self._guest.pause(deadline))
        except StorageFailed:
            self._guest.resume()
            raise
