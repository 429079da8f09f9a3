"""Copying what lies in a directory and is none: every kind of file, with all its facts."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from .attributes import attributes_of, copy_attributes, names_of
from .content import SMALL, ContentCopier, copy_small, open_quietly, same
from .tally import Tally
from .unchanged import Held, Note, Unchanged, Verdict

_NO_NOTE: Note = (b"", 0, 0, False)

_BLOCK = 512
"""Bytes: the unit of st_blocks (sys/stat.h)."""

_MODE_BITS = 0o7777
_SPECIAL_BITS = 0o7000

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Batch:
    """Some files of one directory.

    Args:
        here: the directory.
        there: its copy.
        names: of the files.
        regular: whether they are regular files, which can be opened without a look at them first.
        settled: whether the directory was not changed in the last ticks.
        earlier: what the last recovery point has of the directory.
        times: the directory's, of access and of modification, in nanoseconds.
    """

    here: str
    there: str
    names: Sequence[str]
    regular: bool = False
    settled: bool = False
    earlier: Held | None = None
    times: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Done:
    """What was done for a batch.

    Args:
        notes: of the files that were copied or looked into.
        linked: files of which the note of the last recovery point still holds; the links are made,
            or deferred.
        several: files with several names, which are left for later.
    """

    notes: dict[str, Note] = field(default_factory=dict)
    linked: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Places:
    """Descriptors of a directory, of its copy, and of its copy in the last recovery point.

    Args:
        path: of the directory.
        target: path of its copy.
        here: the directory.
        there: its copy.
        before: the earlier copy; negative where there is nothing to link to.
        trusted: whether nothing can have been exchanged in the earlier copy.
        settled: whether the directory was not changed in the last ticks.
    """

    path: str
    target: str
    here: int
    there: int
    settled: bool
    before: int = -1
    trusted: bool = False


@contextlib.contextmanager
def _descriptors() -> Iterator[Callable[[str], int]]:
    """What opens directories, all of which are closed in the end."""
    with contextlib.ExitStack() as stack:

        def opened(path: str) -> int:
            number = os.open(path, _DIRECTORY)
            stack.callback(os.close, number)
            return number

        yield opened


@contextlib.contextmanager
def _opened(batch: Batch) -> Iterator[_Places]:
    with _descriptors() as opened:
        places = _Places(
            batch.here, batch.there, opened(batch.here), opened(batch.there), batch.settled
        )
        if batch.earlier is not None:
            with contextlib.suppress(FileNotFoundError):  # that recovery point was removed
                before = opened(batch.earlier.place)
                places = replace(places, before=before, trusted=batch.earlier.is_as_left())
        yield places


class EntryCopier:
    """Copies files, or links them to the copies of the last recovery point.

    Files are created with the mode asked for: the process's umask must be zero.

    Args:
        tally: where to count, and what is known of the last recovery point.
        device: of the tree that is copied.
    """

    def __init__(self, tally: Tally, device: int) -> None:
        self._tally = tally
        self._device = device
        self._contents = ContentCopier(tally.check_time, clones=tally.clones)

    def copy(self, batch: Batch) -> Done:
        """Copy some files, except those with several names.

        Raises:
            OSError: a copy could not be made.
        """
        self._tally.check_time()
        done = Done()
        with _opened(batch) as places:
            if batch.regular and batch.earlier is None:
                self._copy_fresh(batch, places, done)
            else:
                self._compare_and_copy(batch, places, done)
        return done

    def _compare_and_copy(self, batch: Batch, places: _Places, done: Done) -> None:
        tally, linked, shared_bytes = self._tally, done.linked, 0
        here, there, before = places.here, places.there, places.before
        notes, unchanged = _what_is_known(batch, places, tally)
        holds = None
        if unchanged is not None and unchanged.stamps_attributes and places.trusted:
            holds = unchanged.holds
        get, look, defers = notes.get, os.stat, tally.defers
        for name in batch.names:
            facts = look(name, dir_fd=here, follow_symlinks=False)
            note = get(name)
            # Most files end here, so this much is written for speed.
            if holds is not None and note is not None and holds(note, facts):  # noqa: SIM102
                if defers or _link(before, there, name):
                    linked.append(name)
                    size, used = facts.st_size, facts.st_blocks * _BLOCK
                    shared_bytes += min(used, size)
                    continue
            if facts.st_dev != self._device and tally.one_device:
                continue
            tally.files += 1
            if facts.st_nlink > 1:
                done.several.append(name)
            else:
                done.notes[name] = self._link_or_copy(places, name, facts, note)
        tally.files += len(linked)
        tally.shared += len(linked)
        tally.bytes += shared_bytes

    def _copy_fresh(self, batch: Batch, places: _Places, done: Done) -> None:
        """Copy regular files of which nothing is known, with as few calls as possible."""
        tally, here = self._tally, places.here
        for name in batch.names:
            read = open_quietly(name, here)
            try:
                facts = os.fstat(read)
                if facts.st_dev != self._device and tally.one_device:
                    continue
                tally.files += 1
                if facts.st_nlink > 1:
                    done.several.append(name)
                else:
                    done.notes[name] = self._copy_opened(places, read, name, name, facts)
            finally:
                os.close(read)

    def copy_several(self, batch: Batch, names: Sequence[str]) -> dict[str, Note]:
        """Copy files with several names: one copy, which gets all the names in the copied tree.

        Raises:
            OSError: a copy could not be made.
        """
        found: dict[str, Note] = {}
        with _opened(batch) as places:
            notes, _ = _what_is_known(batch, places, self._tally)
            for name in names:
                self._tally.check_time()
                facts = os.stat(name, dir_fd=places.here, follow_symlinks=False)
                target = f"{batch.there}/{name}"
                if self._is_linked(facts, target):
                    inode = os.lstat(target).st_ino
                    found[name] = self._note(name, facts, inode, attributes=True)
                else:
                    found[name] = self._link_or_copy(places, name, facts, notes.get(name))
        return found

    def copy_file(self, source: str, target: str) -> None:
        """Copy one file from path to path.

        Raises:
            OSError: the copy could not be made.
        """
        here, name = os.path.split(source)
        there, new_name = os.path.split(target)
        with _opened(Batch(here or ".", there or ".", ())) as places:
            facts = os.stat(name, dir_fd=places.here, follow_symlinks=False)
            if facts.st_nlink == 1 or not self._is_linked(facts, target):
                self._copy(places, name, new_name, facts)

    def _is_linked(self, facts: os.stat_result, target: str) -> bool:
        """Whether a file got this name because it was copied by another name already."""
        known = self._tally.links.setdefault((facts.st_dev, facts.st_ino), target)
        if known == target:
            return False
        os.link(known, target, follow_symlinks=False)
        return True

    def _link_or_copy(
        self, places: _Places, name: str, facts: os.stat_result, note: Note | None
    ) -> Note:
        attributes = None if note is None else self._unchanged_attributes(places, name, facts, note)
        if note is None or attributes is None or not _link(places.before, places.there, name):
            return self._copy(places, name, name, facts)
        self._tally.shared += 1
        self._tally.bytes += min(facts.st_size, facts.st_blocks * _BLOCK)
        return self._note(name, facts, note[2], attributes=bool(attributes))

    def _unchanged_attributes(
        self, places: _Places, name: str, facts: os.stat_result, note: Note
    ) -> dict[str, bytes] | None:
        """Look whether a file is as the last recovery point has it, at all costs.

        Returns:
            Its extended attributes; none if it has changed.
        """
        unchanged = self._tally.unchanged
        if unchanged is None or places.before < 0:
            return None
        if not (places.trusted or _is_copy(places.before, name, note)):
            return None
        verdict = unchanged.verdict(note, facts)
        if verdict is Verdict.UNCHANGED:  # and without attributes, if they would not have shown
            hidden = not unchanged.stamps_attributes and names_of(f"{places.path}/{name}")
            return None if hidden else {}
        if verdict is Verdict.CHANGED or facts.st_size > SMALL:  # copying is hardly more work
            return None
        return _same_attributes(places.here, places.before, name, facts.st_size)

    def _copy(self, places: _Places, name: str, new_name: str, facts: os.stat_result) -> Note:
        if stat.S_ISREG(facts.st_mode):
            return self._copy_regular(places, name, new_name, facts)
        there, mode = places.there, facts.st_mode
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(name, dir_fd=places.here), new_name, dir_fd=there)
        else:
            os.mknod(new_name, mode, facts.st_rdev, dir_fd=there)
        if facts.st_uid or facts.st_gid:
            os.chown(new_name, facts.st_uid, facts.st_gid, dir_fd=there, follow_symlinks=False)
            if mode & _SPECIAL_BITS and not stat.S_ISLNK(mode):
                os.chmod(new_name, stat.S_IMODE(mode), dir_fd=there)
        attributes = names_of(f"{places.path}/{name}")
        if attributes:
            copy_attributes(f"{places.path}/{name}", f"{places.target}/{new_name}")
        times = (facts.st_atime_ns, facts.st_mtime_ns)
        os.utime(new_name, ns=times, dir_fd=there, follow_symlinks=False)
        return self._note(name, facts, 0, attributes=bool(attributes))

    def _copy_regular(
        self, places: _Places, name: str, new_name: str, facts: os.stat_result
    ) -> Note:
        read = open_quietly(name, places.here)
        try:
            return self._copy_opened(places, read, name, new_name, facts)
        finally:
            os.close(read)

    def _copy_opened(
        self, places: _Places, read: int, name: str, new_name: str, facts: os.stat_result
    ) -> Note:
        mode, size = facts.st_mode & _MODE_BITS, facts.st_size
        write = os.open(new_name, _CREATE, mode, dir_fd=places.there)
        try:
            if size > SMALL:
                copied = self._contents.copy_large(read, write, size)
                self._tally.clones = self._contents.clones
            elif size:
                copied = copy_small(read, write, size)
            else:
                copied = 0
            self._tally.bytes += copied
            if facts.st_uid or facts.st_gid:
                os.chown(write, facts.st_uid, facts.st_gid)
            if mode & _SPECIAL_BITS:  # writing, and a new owner, take these away
                os.chmod(write, mode)
            attributes = copy_attributes(read, write)
            os.utime(write, ns=(facts.st_atime_ns, facts.st_mtime_ns))
            # Where the directory's times tell of an exchange, the copy's inode need not.
            inode = 0 if places.settled else os.fstat(write).st_ino
        finally:
            os.close(write)
        return self._note(name, facts, inode, attributes=attributes)

    def _note(self, name: str, facts: os.stat_result, inode: int, *, attributes: bool) -> Note:
        unchanged = self._tally.unchanged
        if unchanged is None:
            return _NO_NOTE
        return unchanged.note(name, facts, inode, attributes=attributes)


def _what_is_known(
    batch: Batch, places: _Places, tally: Tally
) -> tuple[dict[str, Note], Unchanged | None]:
    """The notes of the last recovery point, as far as it is still there."""
    if batch.earlier is None or places.before < 0:
        return {}, None
    return batch.earlier.notes, tally.unchanged


def _is_copy(directory: int, name: str, note: Note) -> bool:
    """Whether a file of the last recovery point is still the one that was noted."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino == note[2]
    return False


def _same_attributes(here: int, before: int, name: str, size: int) -> dict[str, bytes] | None:
    """Look whether a file in doubt is as the last recovery point has it.

    Returns:
        The extended attributes both have; none if the files differ.
    """
    one = open_quietly(name, here)
    try:
        other = open_quietly(name, before)
        try:
            attributes = attributes_of(one)
            if attributes == attributes_of(other) and same(one, other, size):
                return attributes
            return None
        finally:
            os.close(other)
    finally:
        os.close(one)


def link_all(source: str, target: str, names: Sequence[str]) -> None:
    """Link files of one directory into another.

    Raises:
        OSError: a file is gone, or has too many names.
    """
    with _descriptors() as opened:
        before, there = opened(source), opened(target)
        for name in names:
            os.link(name, name, src_dir_fd=before, dst_dir_fd=there, follow_symlinks=False)


def _link(before: int, there: int, name: str) -> bool:
    """Link a file of the last recovery point; not possible if it is gone, or has too many names."""
    try:
        os.link(name, name, src_dir_fd=before, dst_dir_fd=there, follow_symlinks=False)
    except OSError as refused:
        if refused.errno not in (errno.EMLINK, errno.ENOENT, errno.EPERM):
            raise
        return False
    return True
