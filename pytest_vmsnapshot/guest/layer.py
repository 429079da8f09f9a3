"""Copying a VM's private layer into recovery points, and listing it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Protocol

from ..frozen_mounts import Crash, FrozenMounts
from .census import census
from .entries import link_all
from .instant import Instant
from .marks import mark_directories, untouched
from .tally import Tally
from .trees import copy_tree, remove_tree
from .unchanged import Deferred, Unchanged

_NO_FILES = frozenset({"dev", "proc", "sys"})
"""Directories of a VM whose files are none."""


class CopiedLayer(Protocol):
    """What an agent needs for a snapshot."""

    def begin(self, *, unseen: bool) -> None:
        """A program is about to start; its syncs may be seen by nobody."""
        ...

    def put(self, path: str) -> None:
        """The harness has put a file at a path: it is on the disk."""
        ...

    def flushed(self, frozen: FrozenMounts) -> None:
        """What was frozen is on the disk."""
        ...

    def crash(self, name: str, crash: Crash, spared: Collection[str]) -> dict[str, object]:
        """Take from a copy what a crash would have taken; says what, or why nothing."""
        ...

    def copy(self, name: str, deadline: float | None) -> Tally:
        """Copy into a recovery point of this name."""
        ...

    def complete(self) -> None:
        """The last recovery point is about to be looked at: do what was put off."""
        ...

    def census(self) -> Iterator[list[Any]]:
        """List what the VM has of its own; see ``census.census``."""
        ...


class CopiedVolumes(Protocol):
    """The volumes of a VM, as its layer sees them."""

    def copy(self, point: str, tally: Tally) -> None:
        """Copy all that lie on a disk into a recovery point."""
        ...

    def mounted(self) -> Sequence[str]:
        """Where they are mounted."""
        ...


class Below(Protocol):
    """What lies below the private layer of a VM."""

    def kind(self, place: str) -> int:
        """The file type bits of what lies below a place on the disk; 0 for nothing."""
        ...

    def path(self, place: str) -> str:
        """The path on the VM of what lies at a place on the disk."""
        ...


class Layer:
    """The private layer of one VM: all that differs from what every VM starts with.

    What is unchanged since this object was made is not copied: assembling makes it anew.

    Args:
        disk: directory that holds it: ``root``, and ``upper`` with one directory per overlay.
        points: directory that takes recovery points.
        skipped: names in ``root`` that are not part of it.
        volumes: what else lies on the VM's disks.
        below: what lies below the layer.
        booted: whether it came from a recovery point: then assembling makes nothing of it anew.
        look: looks around at the moment of a recovery point, for the next one.
    """

    def __init__(
        self,
        disk: str,
        points: str,
        skipped: frozenset[str],
        volumes: CopiedVolumes,
        below: Below,
        *,
        booted: bool = False,
        look: Callable[[], Instant] = Instant.now,
    ) -> None:
        self._volumes = volumes
        self._below = below
        self._disk = disk
        self._points = points
        self._skipped = skipped
        self._last: Unchanged | None = None
        self._deferred: list[Deferred] = []
        self._look = look
        os.chdir(disk)
        self._made = {
            f"{part}/{name}": mark_directories(f"{part}/{name}")
            for part in ("root", "upper")
            for name in os.listdir(part)
            if part == "upper" or not (name in skipped or os.path.isfile(f"root/{name}"))
        }
        if booted:
            self._made.clear()
        os.chdir("/")
        self._since = 0 if booted else time.time_ns()

    def copy(self, name: str, deadline: float | None) -> Tally:
        """Copy the layer into a recovery point.

        Args:
            name: of the recovery point.
            deadline: reading of the monotonic clock after which the copy is given up.

        Raises:
            OSError: no space, for instance, or ETIMEDOUT; nothing is left of the copy then.
        """
        self.complete()
        point = f"{self._points}/{name}"
        os.mkdir(point, 0o700)
        unchanged = Unchanged.since(self._last, self._look())
        tally = Tally(deadline, unchanged=unchanged, in_two=True, defers=True)
        try:
            os.chdir(self._disk)  # short paths: these are looked up for every file
            os.mkdir(f"{point}/root", 0o700)
            copy_tree("root", f"{point}/root", tally, self._skipped | self._untouched("root"))
            os.mkdir(f"{point}/upper", 0o700)
            copy_tree("upper", f"{point}/upper", tally, self._untouched("upper"))
            self._volumes.copy(point, tally)
        except BaseException:
            with contextlib.suppress(OSError):
                remove_tree(point)
            raise
        finally:
            os.chdir("/")
        unchanged.complete()
        self._last, self._deferred = unchanged, tally.deferred
        return tally

    def complete(self) -> None:
        """Give the last recovery point the files that it shares with the one before.

        Nobody needs them before it is looked at, booted, damaged, or followed by the next one.

        Raises:
            OSError: a link could not be made.
        """
        deferred, self._deferred = self._deferred, []
        for each in deferred:
            link_all(each.before, each.held.place, each.names)
        for each in deferred:
            os.utime(each.held.place, ns=each.times)
            each.held.restamp()

    def census(self) -> Iterator[list[Any]]:
        """List what the VM has of its own, volumes and what lies in memory included.

        Raises:
            OSError: a directory of it cannot be listed.
        """
        root, upper = f"{self._disk}/root", f"{self._disk}/upper"
        yield from census(root, "", self._since, skip=_NO_FILES | self._untouched("root"))
        for name in sorted(set(os.listdir(upper)) - self._untouched("upper")):
            shown = self._below.path(f"upper/{name}/").rstrip("/")
            yield from census(f"{upper}/{name}", shown, self._since, self._kind_below)
        for path in self._volumes.mounted():
            yield from census(path, path, 0)

    def _kind_below(self, path: str) -> int:
        return self._below.kind(path.removeprefix(f"{self._disk}/"))

    def exchanged(self, name: str, places: Iterable[str]) -> None:
        """Files of the last recovery point were changed: no other one may get them.

        Args:
            name: of the recovery point.
            places: the files, as paths in it.

        Raises:
            OSError: a directory of theirs is gone.
        """
        if self._last is not None:
            self._last.exchange(f"{self._points}/{name}/{place}" for place in places)

    def _untouched(self, part: str) -> frozenset[str]:
        return frozenset(
            place.removeprefix(f"{part}/")
            for place, marks in self._made.items()
            if place.startswith(part) and untouched(marks)
        )
