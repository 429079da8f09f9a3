"""Copying and removing trees: every kind of file, with owners, modes, times and attributes.

Files are cloned where the file system shares blocks, else copied inside the kernel, holes kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .attributes import copy_attributes
from .entries import Batch, Done, EntryCopier
from .halves import both, two_processors
from .tally import Tally
from .unchanged import Deferred, Held, Listing, Unchanged

_BATCH = 256
"""Files that one process takes at a time."""

_MANY = 1000
"""Files from which on a second process is worth its start."""


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
