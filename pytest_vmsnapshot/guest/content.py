"""The content of one file: copied with its holes, or compared."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable

from .. import syscalls

SMALL = 256 * 1024
"""Bytes: up to here a file is copied by reading and writing it at once."""

_STRETCH = 16 * 1024 * 1024
"""Bytes copied between two looks at the clock."""

_READING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_quietly(path: str, directory: int | None = None) -> int:
    """Open a file for reading, if possible without its time of access being changed.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        return os.open(path, _READING | os.O_NOATIME, dir_fd=directory)
    except PermissionError:  # for its owner only
        return os.open(path, _READING, dir_fd=directory)


class ContentCopier:
    """Copies the content of large files.

    Args:
        check_time: raises when the time is over.
        clones: whether the file system may share blocks; false once it refused.
    """

    def __init__(self, check_time: Callable[[], None], *, clones: bool) -> None:
        self._check_time = check_time
        self.clones = clones

    def copy_large(self, read: int, write: int, size: int) -> int:
        """Copy the content of a large file into an empty one.

        Args:
            read: descriptor of the file.
            write: descriptor of the empty one.
            size: of the file, in bytes.

        Returns:
            How many bytes were copied; of a hole, none.

        Raises:
            OSError: no space, for instance.
        """
        if self.clones and _clone(read, write):
            return size
        self.clones = False  # the file system cannot: not asked for each file
        os.ftruncate(write, size)
        return sum(self._send(read, write, start, end) for start, end in _data(read, size))

    def _send(self, read: int, write: int, start: int, end: int) -> int:
        os.lseek(write, start, os.SEEK_SET)
        sent = 0
        while sent < end - start:
            self._check_time()
            moved = os.sendfile(write, read, start + sent, min(end - start - sent, _STRETCH))
            if not moved:  # cut off meanwhile
                break
            sent += moved
        return sent


def same(one: int, other: int, size: int) -> bool:
    """Whether two files, small ones of this size, have the same content."""
    return _whole(one, size) == _whole(other, size)


def _whole(read: int, size: int) -> bytes:
    data = os.read(read, size + 1)
    if len(data) == size:  # the usual case, told by one call
        return data
    while more := os.read(read, SMALL):  # it grows meanwhile
        data += more
    return data


def copy_small(read: int, write: int, size: int) -> int:
    """Copy the content of a small file into an empty one.

    Args:
        read: descriptor of the file.
        write: descriptor of the empty one.
        size: of the file, in bytes.

    Raises:
        OSError: no space, for instance.
    """
    data = _whole(read, size)
    done = os.write(write, data)
    while done < len(data):  # the file system is nearly full: the next call says so
        done += os.write(write, data[done:])
    return done


def _clone(read: int, write: int) -> bool:
    """Share the blocks of a file, where the file system can."""
    try:
        fcntl.ioctl(write, syscalls.FICLONE, read)
    except OSError:
        return False
    return True


def _data(read: int, size: int) -> list[tuple[int, int]]:
    """The parts of a file that are not holes, as first byte and the one after the last."""
    found: list[tuple[int, int]] = []
    end = 0
    while end < size:
        try:
            start = os.lseek(read, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                break
            raise
        end = os.lseek(read, start, os.SEEK_HOLE)
        found.append((start, end))
    return found
