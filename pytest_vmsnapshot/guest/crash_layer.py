"""The private layer of a VM, and copies of it as a crash would leave them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ..frozen_mounts import Crash, FrozenMounts
from .durable import Durable
from .layer import Layer
from .losses import lose
from .tally import Tally
from .trees import remove_tree

_TOLD = 10
"""Files that are named; of more, how many there are is told."""

REAL_CLOCK = "syncs are seen with a virtual clock only"

_BY_ITSELF = "a program was run on the machine's clock, and its syncs were not seen"


class CrashLayer:
    """A private layer of which is known what would be on the disk.

    Args:
        layer: the layer.
        points: directory that takes recovery points.
        watch: makes what keeps in mind what is on the disk, from the VM's clock.
    """

    def __init__(
        self, layer: Layer, points: str, watch: Callable[[Callable[[], int]], Durable]
    ) -> None:
        self._layer = layer
        self._points = points
        self._watch = watch
        self._durable: Durable | None = None

    def watched(self, now: Callable[[], int]) -> Durable:
        """Keep in mind from now on what is on the disk.

        Args:
            now: the VM's clock, in nanoseconds.
        """
        self._durable = self._watch(now)
        return self._durable

    def copy(self, name: str, deadline: float | None) -> Tally:
        """Copy the layer into a recovery point.

        Raises:
            OSError: as for a layer.
        """
        return self._layer.copy(name, deadline)

    def complete(self) -> None:
        """The last recovery point is about to be looked at: do what was put off.

        Raises:
            OSError: as for a layer.
        """
        self._layer.complete()

    def census(self) -> Iterator[list[Any]]:
        """List what the VM has of its own.

        Raises:
            OSError: as for a layer.
        """
        return self._layer.census()

    def crash(self, name: str, crash: Crash, spared: Collection[str]) -> dict[str, object]:
        """Take from a recovery point what a crash would have taken.

        Args:
            name: of the recovery point, just copied while every process is paused.
            crash: what it may take.
            spared: paths of files the harness looks after.

        Returns:
            ``lost``, a sentence for each file; ``unseen``, why nothing was taken, or empty.

        Raises:
            OSError: no space, for instance; nothing is left of the copy then.
        """
        if self._durable is None or self._durable.blind:
            return {"lost": [], "unseen": self._durable.blind if self._durable else REAL_CLOCK}
        point = f"{self._points}/{name}"
        self._layer.complete()
        try:
            unsynced = list(self._durable.unsynced(crash.frozen, spared))
            lost = lose(point, unsynced, crash.seed)
            self._layer.exchanged(name, [found.place for found in unsynced])
        except BaseException:
            with contextlib.suppress(OSError):
                remove_tree(point)
            raise
        if len(lost) > _TOLD:
            lost[_TOLD:] = [f"and {len(lost) - _TOLD} files more"]
        return {"lost": lost, "unseen": ""}

    def begin(self, *, unseen: bool) -> None:
        """A program is about to start.

        Args:
            unseen: whether nobody sees its syncs.
        """
        if self._durable is not None:
            self._durable.begin()
            if unseen:
                self._durable.unseen(_BY_ITSELF)

    def flushed(self, frozen: FrozenMounts) -> None:
        """What was frozen is on the disk."""
        if self._durable is not None and self._durable.begun:
            self._durable.all_synced(frozen)

    def put(self, path: str) -> None:
        """The harness has put a file at a path: it is on the disk."""
        if self._durable is not None and self._durable.begun:
            with contextlib.suppress(OSError):  # a process has removed it already
                self._durable.synced(path)
