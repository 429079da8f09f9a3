"""Copying a VM's private layer: every kind of file, with owners, modes, times and attributes.

Files are cloned where the file system shares blocks, else copied inside the kernel, holes kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..frozen_mounts import Crash, FrozenMounts
from .attributes import copy_attributes
from .entries import Batch, Done, EntryCopier, link_all
from .halves import both, two_processors
from .instant import Instant
from .marks import mark_directories, untouched
from .tally import Tally as Tally  # whoever copies counts
from .unchanged import Deferred, Held, Listing, Unchanged

_BATCH = 256
"""Files that one process takes at a time."""

_MANY = 1000
"""Files from which on a second process is worth its start."""


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


class CopiedVolumes(Protocol):
    """The volumes of a VM, as its layer sees them."""

    def copy(self, point: str, tally: Tally) -> None:
        """Copy all that lie on a disk into a recovery point."""
        ...


class Layer:
    """The private layer of one VM: all that differs from what every VM starts with.

    What is unchanged since this object was made is not copied: assembling makes it anew.

    Args:
        disk: directory that holds it: ``root``, and ``upper`` with one directory per overlay.
        points: directory that takes recovery points.
        skipped: names in ``root`` that are not part of it.
        volumes: what else lies on the VM's disks.
        booted: whether it came from a recovery point: then assembling makes nothing of it anew.
        look: looks around at the moment of a recovery point, for the next one.
    """

    def __init__(
        self,
        disk: str,
        points: str,
        skipped: frozenset[str],
        volumes: CopiedVolumes,
        *,
        booted: bool = False,
        look: Callable[[], Instant] = Instant.now,
    ) -> None:
        self._volumes = volumes
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


@dataclass(frozen=True, slots=True)
class _Directory:
    """One directory of a tree, its copy made but not complete.

    Args:
        here: the directory.
        there: its copy.
        facts: what stat(2) says of the directory.
        listing: what is in it.
    """

    here: str
    there: str
    facts: os.stat_result
    listing: Listing


def copy_tree(
    source: str, target: str, tally: Tally | None = None, skip: frozenset[str] = frozenset()
) -> Tally:
    """Copy the content of one directory into another that exists.

    Mounts below ``source`` are not entered: they are not part of the layer.

    Args:
        source: directory to copy.
        target: directory to fill; it takes over the mode, owner and times of ``source``.
        tally: where to go on counting.
        skip: names directly in ``source`` that are passed over.

    Raises:
        OSError: the copy could not be made (no space, for instance).
    """
    tally = Tally() if tally is None else tally
    with _exact_modes():
        directories = _make_directories(source, target, tally, skip)
        batches = list(_batches(directories, tally))
        copier = EntryCopier(tally, directories[0].facts.st_dev)
        done = _copy_batches(batches, copier, tally)
        held = {
            directory.there: Held(directory.there, directory.listing) for directory in directories
        }
        for batch, result in zip(batches, done, strict=True):
            notes = held[batch.there].notes
            if batch.earlier is not None:
                known = batch.earlier.notes
                notes.update(zip(result.linked, map(known.__getitem__, result.linked), strict=True))
                if tally.defers and result.linked:
                    names = tuple(result.linked)
                    links = Deferred(batch.earlier.place, held[batch.there], names, batch.times)
                    tally.deferred.append(links)
            notes.update(result.notes)
            if result.several:
                notes.update(copier.copy_several(batch, result.several))
        for directory in reversed(directories):
            _complete(directory)
            if tally.unchanged is not None:
                tally.unchanged.directory_is_complete(directory.facts, held[directory.there])
    return tally


@contextlib.contextmanager
def _exact_modes() -> Iterator[None]:
    mask = os.umask(0)
    try:
        yield
    finally:
        os.umask(mask)


def _make_directories(
    source: str, target: str, tally: Tally, skip: frozenset[str]
) -> list[_Directory]:
    """Make the copies of all directories; parents come before their children."""
    top = os.stat(source)
    found: list[_Directory] = []
    pending = [(source, target, top)]
    while pending:
        here, there, facts = pending.pop()
        listing = _listing(here, facts, tally.unchanged)
        for name in listing.directories:
            if skip and here == source and name in skip:
                continue
            tally.check_time()
            inside = os.lstat(f"{here}/{name}")
            if inside.st_dev == top.st_dev:
                made = f"{there}/{name}"
                os.mkdir(made, 0o700)
                tally.files += 1
                pending.append((f"{here}/{name}", made, inside))
        if skip and here == source:
            listing = listing.without(skip)
        found.append(_Directory(here, there, facts, listing))
    return found


def _listing(here: str, facts: os.stat_result, unchanged: Unchanged | None) -> Listing:
    """What is in a directory, which is known if it is as at the last recovery point."""
    known = None if unchanged is None else unchanged.listing(facts)
    return Listing.of(here, facts) if known is None else known


def _batches(directories: list[_Directory], tally: Tally) -> Iterator[Batch]:
    unchanged = tally.unchanged
    for directory in directories:
        here, there, facts = directory.here, directory.there, directory.facts
        earlier, settled = None, True
        if unchanged is not None:
            earlier = unchanged.before.get((facts.st_dev, facts.st_ino))
            settled = unchanged.is_settled(facts)
        listing = directory.listing
        for names, regular in ((listing.regular, True), (listing.others, False)):
            for start in range(0, len(names), _BATCH):
                part = names[start : start + _BATCH]
                times = (facts.st_atime_ns, facts.st_mtime_ns)
                yield Batch(here, there, part, regular, settled, earlier, times)


def _copy_batches(batches: list[Batch], copier: EntryCopier, tally: Tally) -> list[Done]:
    """Copy batch after batch, by two processes if there are many files."""
    total = sum(len(batch.names) for batch in batches)
    if total < _MANY or not tally.in_two or not two_processors():
        return [copier.copy(batch) for batch in batches]
    middle = count = 0
    while count < total // 2:
        count += len(batches[middle].names)
        middle += 1

    def others() -> tuple[Any, ...]:
        before = tally.files, tally.bytes, tally.shared
        done = [copier.copy(batch) for batch in batches[middle:]]
        counts = (tally.files - before[0], tally.bytes - before[1], tally.shared - before[2])
        return counts, [(each.notes, each.linked, each.several) for each in done]

    ours, (counts, theirs) = both(
        lambda: [copier.copy(batch) for batch in batches[:middle]], others
    )
    tally.files += counts[0]
    tally.bytes += counts[1]
    tally.shared += counts[2]
    return [*ours, *(Done(*each) for each in theirs)]


def _complete(directory: _Directory) -> None:
    """Give a copied directory its facts, once all that belongs into it is there."""
    facts, there = directory.facts, directory.there
    if facts.st_uid or facts.st_gid:
        os.chown(there, facts.st_uid, facts.st_gid)
    os.chmod(there, stat.S_IMODE(facts.st_mode))
    copy_attributes(directory.here, there)
    os.utime(there, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def remove_tree(top: str) -> None:
    """Remove a directory with all in it, however deep.

    ``shutil.rmtree`` recurses before Python 3.13, and needs a descriptor for each level.

    Raises:
        OSError: something cannot be removed.
    """
    directories = [top]
    try:
        for here in directories:  # grows meanwhile
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
                    else:
                        os.unlink(entry.path)
        for here in reversed(directories):
            os.rmdir(here)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        shutil.rmtree(top)  # it needs no long paths


def copy_file(source: str, target: str, tally: Tally) -> None:
    """Copy one entry that is no directory, with all its facts.

    Raises:
        OSError: the copy could not be made.
    """
    with _exact_modes():
        EntryCopier(tally, os.lstat(source).st_dev).copy_file(source, target)
