"""The content of one file: copied with its holes, or compared."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable

from .. import syscalls
from .halves import two_processors

SMALL = 256 * 1024
"""Bytes: up to here a file is copied by reading and writing it at once."""

_BUFFER = 256 * 1024
"""Bytes moved by one call: what was read is still in the processor's cache when it is written."""

_STRETCH = 4 * 1024 * 1024
"""Bytes a thread takes at a time, and between two looks at the clock."""

_WORTH_TWO = 8 * 1024 * 1024
"""Bytes from which on a second thread is worth its start."""

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
    """Copies contents of files between two file systems.

    Args:
        check_time: raises when the time is over.
        clones: whether the file system may share blocks; false once it refused.
    """

    def __init__(self, check_time: Callable[[], None], *, clones: bool) -> None:
        self._check_time = check_time
        self.clones = clones

    def copy(self, read: int, write: int, size: int) -> int:
        """Copy a file's content into an empty file.

        Args:
            read: descriptor of the file.
            write: descriptor of the empty one.
            size: of the file, in bytes.

        Returns:
            How many bytes were copied; of a hole, none.

        Raises:
            OSError: no space, for instance.
        """
        if size <= SMALL:
            return _copy_small(read, write, size)
        if self.clones and _clone(read, write):
            return size
        self.clones = False  # the file system cannot: not asked for each file
        os.ftruncate(write, size)
        return _Stretches(read, write, size, self._check_time).copy()


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


def _copy_small(read: int, write: int, size: int) -> int:
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


class _Stretches:
    """One large file, copied by one or two threads that take stretch after stretch.

    Args:
        read: descriptor of the file.
        write: descriptor of its copy.
        size: in bytes.
        check_time: raises when the time is over.
    """

    def __init__(self, read: int, write: int, size: int, check_time: Callable[[], None]) -> None:
        self._read = read
        self._write = write
        self._check_time = check_time
        self._left = deque(
            (start, min(start + _STRETCH, end))
            for first, end in _data(read, size)
            for start in range(first, end, _STRETCH)
        )
        self._failed: list[BaseException] = []

    def copy(self) -> int:
        """Copy them all; returns the number of bytes."""
        total = sum(end - start for start, end in self._left)
        if total < _WORTH_TWO or not two_processors():
            self._work()
        else:
            second = threading.Thread(target=self._work)
            second.start()
            self._work()
            second.join()  # a stretch is a few milliseconds, and after a failure none is taken
        if self._failed:
            raise self._failed[0]
        return total

    def _work(self) -> None:
        try:
            buffer = memoryview(bytearray(_BUFFER))
            while not self._failed:
                self._check_time()
                start, end = self._left.popleft()
                self._move(buffer, start, end)
        except IndexError:  # no stretch is left
            pass
        except BaseException as error:
            self._failed.append(error)

    def _move(self, buffer: memoryview, start: int, end: int) -> None:
        while start < end:
            got = os.preadv(self._read, [buffer[: end - start]], start)
            if not got:  # cut off meanwhile
                return
            done = 0
            while done < got:
                done += os.pwrite(self._write, buffer[done:got], start + done)
            start += got


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
