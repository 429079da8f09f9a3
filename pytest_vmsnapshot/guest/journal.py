"""What the in-place guest changes on the real file system, written down before it is done.

The journal lies in the store, a directory of root's, with every original that was replaced or
removed. Whoever finds the journal can put everything back: the helper when the VM closes, the
agent when the helper was killed, and a person (``python -m pytest_vmsnapshot.guest.put_back``)
when both were.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import stat
from dataclasses import asdict

from .changes import (
    Change,
    Record,
    copy_exactly,
    is_to_be_undone,
    is_within,
    refuse_mount,
    refuse_mounts,
    undo,
)
from .tally import Tally
from .trees import copy_tree

STORE = "/var/lib/pytest-vmsnapshot"
"""On the disk and not in /tmp: what lies here may be somebody's only copy."""


class StoreTaken(Exception):
    """The store is in use by another run, or a killed run left it.

    Args:
        records: what the killed run left; empty when the store is in use.
    """

    def __init__(self, records: tuple[Record, ...]) -> None:
        super().__init__(records)
        self.records = records


class Journal:
    """The store of one run, and the changes written down in it.

    The lock on the store is shared with forked processes and ends with the last of them: as
    long as it is held, somebody is alive who will put things back.

    Args:
        store: the directory.
        lock: a descriptor of it that holds the lock.
    """

    def __init__(self, store: str, lock: int) -> None:
        self.store = store
        self._lock = lock
        self._records = _read(store)
        self.above: tuple[str, tuple[int, int]] | None = None  # its directory and that one's times

    @classmethod
    def begin(cls, store: str = STORE) -> Journal:
        """Make the store.

        Raises:
            StoreTaken: it exists, and is in use or needed.
        """
        above = os.path.dirname(store)
        os.makedirs(above, mode=0o755, exist_ok=True)
        times = _times(above)
        with contextlib.suppress(FileExistsError):
            os.mkdir(store, 0o700)
        journal = cls.resume(store)
        if records := journal.left():
            journal.release()
            raise StoreTaken(records)
        journal.put_back()  # its run was killed, but had nothing left to put back
        journal.above = above, times
        return journal

    @classmethod
    def resume(cls, store: str = STORE) -> Journal:
        """Take over the store of a run that was killed.

        Raises:
            StoreTaken: another run is using it.
            FileNotFoundError: there is none.
        """
        lock = os.open(store, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in ("kept", "points"):
                os.makedirs(f"{store}/{name}", mode=0o700, exist_ok=True)
        except (BlockingIOError, FileNotFoundError):  # held, or removed by its holder just now
            os.close(lock)
            raise StoreTaken(()) from None
        return cls(store, lock)

    def release(self) -> None:
        """Give up the lock."""
        os.close(self._lock)

    def left(self) -> tuple[Record, ...]:
        """Changes that are not put back, directory times not counted."""
        self._records = _read(self.store)
        return tuple(record for record in self._records if is_to_be_undone(record))

    # -- before a change -------------------------------------------------------------------

    def before_file(self, path: str) -> str:
        """A file is about to be put at a path.

        Returns:
            The name under which it shall be written before it is renamed to ``path``.

        Raises:
            OSError: the original cannot be kept, or is mounted there (such as a container's
                /etc/hosts); the change must not be made.
        """
        place = _resolved(path)
        refuse_mount(place)
        draft = f"{os.path.dirname(place)}/.vmsnapshot-{secrets.token_hex(4)}"
        for changed in (place, draft):
            if not self.covers(changed):
                self._before(changed)
        return draft

    def before_directory(self, path: str) -> None:
        """A directory is about to be made, or to get an owner and a mode."""
        place = os.path.realpath(path)
        if self.covers(place):
            return
        try:
            facts = os.stat(place)
        except FileNotFoundError:
            self._before(place)
            return
        if not any(record.path == place for record in self._records_of(Change.ALTERED)):
            mode = stat.S_IMODE(facts.st_mode)
            self._add(Record(Change.ALTERED, place, uid=facts.st_uid, gid=facts.st_gid, mode=mode))

    def before_removal(self, path: str) -> None:
        """A file or a whole directory is about to be removed.

        Raises:
            OSError: EBUSY, a file system is mounted there; or it cannot be kept.
        """
        place = _resolved(path)
        refuse_mounts(place)
        if os.path.lexists(place) and not self.covers(place):
            self._before(place)

    def covers(self, place: str) -> bool:
        """Whether a path is, or is below, what is removed or replaced when things are put back."""
        return self.made_above(place) != ""

    def made_above(self, place: str) -> str:
        """The directory (or file) of ours that a path is below, or empty."""
        ours = self._records_of(Change.MADE, Change.REPLACED)
        return next((record.path for record in ours if is_within(place, record.path)), "")

    def _records_of(self, *changes: Change) -> list[Record]:
        return [record for record in self._records if record.change in changes]

    def _before(self, place: str) -> None:
        """Write down that something is about to appear, or to be replaced, at a path."""
        while not os.path.lexists(os.path.dirname(place)):
            place = os.path.dirname(place)
        parent = os.path.dirname(place)
        if not any(record.path == parent for record in self._records_of(Change.DATED)):
            self._add(Record(Change.DATED, parent, times=_times(parent)))
        if os.path.lexists(place):
            self._add(Record(Change.REPLACED, place, kept=self._keep(place)))
        else:
            self._add(Record(Change.MADE, place))

    def _add(self, record: Record) -> None:
        _append(self.store, record)
        self._records.append(record)

    def _keep(self, place: str) -> str:
        """Keep an original: under a second name where that is possible, else as a copy."""
        kept = f"{self.store}/kept/{secrets.token_hex(8)}"
        facts = os.lstat(place)
        if stat.S_ISDIR(facts.st_mode):
            os.mkdir(kept + ".part", 0o700)
            copy_tree(place, kept + ".part", Tally(one_device=False))
            os.rename(kept + ".part", kept)
            return kept
        try:
            os.link(place, kept, follow_symlinks=False)
        except OSError:
            copy_exactly(place, kept + ".part")
            os.rename(kept + ".part", kept)
        return kept

    # -- after ---------------------------------------------------------------------------------

    def put_back(self) -> list[str]:
        """Undo every change, the last one first.

        Returns:
            What could not be put back, each a sentence; its record and its original stay.
        """
        failed: list[Record] = []
        sentences: list[str] = []
        for record in reversed(_read(self.store)):
            try:
                undo(record)
            except OSError as error:
                failed.insert(0, record)
                kept = f"; the original is {record.kept}" if record.kept else ""
                sentences.append(f"{record.path} ({record.change.value}): {error.strerror}{kept}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.store}/journal")
        for record in failed:
            _append(self.store, record)
        self._records = failed
        shutil.rmtree(f"{self.store}/points", ignore_errors=True)
        os.mkdir(f"{self.store}/points", 0o700)
        return sentences

    def end(self) -> None:
        """Remove the store, unless something in it is still needed."""
        if not self.left():
            shutil.rmtree(self.store)
            if self.above is not None:
                above, times = self.above
                os.utime(above, ns=times)


def _times(path: str) -> tuple[int, int]:
    facts = os.stat(path)
    return facts.st_atime_ns, facts.st_mtime_ns


def _resolved(path: str) -> str:
    """The path with links in its parents resolved, but not the last name itself."""
    parent, name = os.path.split(path)
    return os.path.join(os.path.realpath(parent), name)


# -- the file ------------------------------------------------------------------------------------


def _append(store: str, record: Record) -> None:
    row = {**asdict(record), "change": record.change.value}
    fd = os.open(f"{store}/journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, json.dumps(row).encode("ascii") + b"\n")
    finally:
        os.close(fd)


def _read(store: str) -> list[Record]:
    try:
        with open(f"{store}/journal", encoding="ascii") as file:
            lines = file.read().split("\n")
    except FileNotFoundError:
        return []
    records = []
    for line in lines[:-1]:  # what follows the last line end was cut short, so nothing followed
        row = json.loads(line)
        row["change"] = Change(row["change"])
        row["times"] = tuple(row["times"])
        records.append(Record(**row))
    return records
