"""The files on a VM's disks: all there are, and which one a status belongs to."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from .lower_files import LowerFile, LowerFiles
from .volumes import VOLUMES, VolumeInMemory

Key = tuple[int, int]
"""Device and number of a file; the overlays count as the disk their files are on."""

IsOwn = Callable[[os.stat_result, str], bool]

_VOLATILE = ("root/run", "root/dev")
"""On no disk."""


class FoundFile(NamedTuple):
    """A name of a file that was found.

    Args:
        place: in a copy, below its top.
        path: on the VM.
        real: leads there from the agent.
        key: the same for all its names.
        status: what lstat(2) says of it.
    """

    place: str
    path: str
    real: str
    key: Key
    status: os.stat_result


class DiskFiles:
    """The files on a VM's disks, as far as these are in memory.

    Args:
        disk: a descriptor of the file system that holds the private layer.
        skipped: names in its root that are not part of it.
        is_own: tells the files of the VM from the host's.
        elsewhere: device numbers of the VM's whose files are not among these, now or later.
        lower: the files that lie below the layer.
        volumes: the volumes that are.
    """

    def __init__(
        self,
        disk: int,
        skipped: frozenset[str],
        is_own: IsOwn,
        elsewhere: Collection[int],
        lower: LowerFiles,
        volumes: Callable[[], Sequence[VolumeInMemory]],
    ) -> None:
        self._top = f"/proc/self/fd/{disk}"
        self._device = os.fstat(disk).st_dev
        self._skipped = frozenset(f"root/{name}" for name in skipped).union(_VOLATILE)
        self._is_own = is_own
        self._elsewhere = elsewhere
        self._lower = lower
        self._volumes = volumes

    def key(self, status: os.stat_result, place: str) -> Key | None:
        """What a file is known by; None for what is none of these.

        Args:
            status: what stat(2) says of it.
            place: leads there from the agent.
        """
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_dev == self._device or any(
            status.st_dev == volume.device for volume in self._volumes()
        ):
            return status.st_dev, status.st_ino
        if status.st_dev in self._elsewhere:
            return None
        if self._is_own(status, place):
            return self._device, status.st_ino
        # A file of the host that was changed has the number of the host's; below is its own.
        with contextlib.suppress(OSError):
            below = f"{self._top}/{self._lower.place(os.path.realpath(place))}"
            return self._device, os.lstat(below).st_ino
        return None

    def scan(self) -> Iterator[FoundFile]:
        """Each file, by each of its names."""
        yield from self._below_top("root", f"{self._top}/root", self._device, "")
        upper = f"{self._top}/upper"
        for layer in os.listdir(upper):
            place = f"upper/{layer}"
            path = self._lower.path(f"{place}/").rstrip("/")
            yield from self._below_top(place, f"{upper}/{layer}", self._device, path)
        for volume in self._volumes():
            place, real = f"{VOLUMES}/{volume.number}", f"/proc/self/fd/{volume.top}"
            yield from self._below_top(place, real, volume.device, volume.path)

    def _below_top(self, top: str, real: str, device: int, path: str) -> Iterator[FoundFile]:
        """Each file below a directory.

        Args:
            top: the directory's place in a copy.
            real: leads to it from the agent.
            device: what its files are known by, besides their numbers.
            path: the directory's on the VM.
        """
        pending = [""]
        while pending:
            here = pending.pop()
            with contextlib.suppress(OSError), _entries(real + here) as entries:
                for entry in entries:
                    below = f"{here}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        if top + below not in self._skipped:
                            pending.append(below)
                    elif entry.is_file(follow_symlinks=False):
                        try:
                            status = entry.stat(follow_symlinks=False)
                        except OSError:  # it was removed meanwhile
                            continue
                        key = device, status.st_ino
                        yield FoundFile(top + below, path + below, real + below, key, status)

    def below(self, found: FoundFile, limit: int) -> LowerFile | None:
        """The host's file that lies below one of the VM's, if there is one.

        Args:
            found: the VM's.
            limit: bytes up to which the content is read.
        """
        return self._lower.content(found.place, limit)


@contextlib.contextmanager
def _entries(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """What is in a directory, by a descriptor: the way to it is gone once, not for every entry."""
    fd = os.open(f"{path}/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(fd) as entries:
            yield entries
    finally:
        os.close(fd)
