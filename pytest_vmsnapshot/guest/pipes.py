"""The pipes of a program's output: both drained together, in bounded memory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
from collections.abc import Callable

from .. import syscalls
from ..output import Capture, Output
from . import wire

_READ_SIZE = 256 * 1024


class Pipes:
    """A pipe for standard output and one for standard error.

    Args:
        capacity: bytes each of them holds before its writer must wait; the kernel's choice by
            default.

    Raises:
        OSError: they cannot be made, or not of this capacity.
    """

    def __init__(self, capacity: int | None = None) -> None:
        self._captures: dict[int, Capture] = {}
        self.writing: list[int] = []
        for _ in range(2):
            reading, writing = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(reading, False)
            self._captures[reading] = Capture()
            self.writing.append(writing)
            if capacity is not None:
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, capacity)
        self._reading = list(self._captures)

    def close_writing(self) -> None:
        """Close the ends that the program has by now."""
        while self.writing:
            os.close(self.writing.pop())

    def drain_until_answer(
        self, sock: socket.socket, receive: Callable[[], wire.Received | None]
    ) -> wire.Received:
        """Collect output until the agent answers.

        Args:
            sock: the way to it.
            receive: takes a message in, and returns it if it is the answer.

        Raises:
            PeerGone: it never will.
        """
        poller = select.poll()
        answer = sock.fileno()
        poller.register(answer, select.POLLIN)
        for fd in self._reading:
            poller.register(fd, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poller.poll()]
            if answer in ready and (received := receive()) is not None:
                return received
            for fd in set(ready) - {answer}:
                if not self._read(fd):
                    poller.unregister(fd)

    def finish(self) -> list[int]:
        """Collect what is left now; returns the ends whose pipes something still writes to."""
        for fd in list(self._reading):
            # No more than a pipe holds is from before: a daemon may write as fast as we read.
            left = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
            while left > 0 and (size := self._read(fd)) > 0:
                left -= size
        return self._reading

    def close_full(self) -> None:
        """Close pipes nobody has read from, and keep what is in them.

        Reading them would make room, and whoever waits to print would go on as if somebody read.
        """
        copies = {}
        for fd in self._reading:
            copied, room = os.pipe2(os.O_CLOEXEC)
            copies[fd] = copied
            with open(room, "wb", buffering=0):
                capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
                fcntl.fcntl(room, fcntl.F_SETPIPE_SZ, capacity)
                with contextlib.suppress(BlockingIOError):  # it is empty
                    syscalls.tee(fd, room, capacity)
        self.close()
        for fd, copied in copies.items():
            with open(copied, "rb", buffering=0) as file:
                while data := file.read(_READ_SIZE):
                    self._captures[fd].add(data)

    def outputs(self) -> tuple[Output, Output]:
        """What was collected: standard output, standard error."""
        output, error_output = (capture.output() for capture in self._captures.values())
        return output, error_output

    def close(self) -> None:
        """Close what is still open."""
        self.close_writing()
        while self._reading:
            os.close(self._reading.pop())

    def _read(self, fd: int) -> int:
        """Read once: the number of bytes, 0 at the end, -1 when there is nothing now."""
        try:
            data = os.read(fd, _READ_SIZE)
        except BlockingIOError:
            return -1
        if data:
            self._captures[fd].add(data)
        else:
            self._reading.remove(fd)
            os.close(fd)
        return len(data)
