"""One stand-in that has called: what it is told, what it reads, and what can be seen of it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
from dataclasses import dataclass, field
from typing import Any

from .. import syscalls
from ..doubles import STDIN_KEPT

_ENVIRON_READ = 256 * 1024
_PROC_READ = 16 * 1024

_SENT_AHEAD = 4096
"""Bytes of orders it is sent before it has asked for them: they surely have room."""

_LONGEST_LINE = 1024 * 1024
"""Bytes of a line that are waited for; what is longer is taken in parts."""


@dataclass(slots=True)
class Caller:
    """A stand-in that has called and lives.

    Args:
        sock: the way to it.
        number: of its double; -1 until it has said so.
        record: the call, as the harness gets it.
        orders: what it is still told, the next one first.
        underway: orders it was sent and has not carried out.
        stdin: descriptor of its standard input, or -1.
        watched: whether that is waited for.
        lines: what it has read and nobody has been told yet.
        partial: the beginning of a line.
        is_struck: whether a fault answers it.
    """

    sock: socket.socket
    number: int = -1
    record: dict[str, Any] = field(default_factory=dict)
    orders: list[bytes] = field(default_factory=list)
    underway: int = 0
    stdin: int = -1
    watched: bool = False
    lines: list[str] = field(default_factory=list)
    partial: bytes = b""
    is_struck: bool = False

    def tell(self, *orders: bytes) -> None:
        """Give it orders; they go out at once if it waits."""
        self.orders += orders
        self._send()

    def ready(self) -> None:
        """It has carried an order out."""
        self.underway = max(0, self.underway - 1)
        self._send()

    def _send(self) -> None:
        """Send what it is told, short orders together, once it has carried out all before."""
        if self.underway:
            return
        sent = 0
        with contextlib.suppress(OSError):  # it has been killed: the next look shows that
            while self.orders and sent < _SENT_AHEAD:
                order = self.orders.pop(0)
                self.underway += 1
                sent += self.sock.send(order)

    def watch_input(self, poller: select.poll) -> None:
        """Wait for its standard input."""
        if self.stdin >= 0 and not self.watched:
            poller.register(self.stdin, select.POLLIN)
            self.watched = True

    def leave_input(self, poller: select.poll) -> None:
        """Do not wait for it for a while."""
        if self.watched:
            poller.unregister(self.stdin)
            self.watched = False

    def drop_input(self, poller: select.poll) -> None:
        """Have nothing to do with its standard input any more."""
        self.leave_input(poller)
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def read_input(self) -> bool:
        """Take in what can be read now; false at its end."""
        try:
            data = os.read(self.stdin, STDIN_KEPT)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        kept = self.record["stdin"] + data.decode("latin-1")
        self.record["stdin"] = kept[:STDIN_KEPT]
        *lines, rest = (self.partial + data).split(b"\n")
        self.lines += [line.decode("utf-8", "surrogateescape") + "\n" for line in lines]
        if rest and (not data or len(rest) > _LONGEST_LINE):
            self.lines.append(rest.decode("utf-8", "surrogateescape"))
            rest = b""
        self.partial = rest
        return bool(data)


def leads_to(fd: int, name: bytes) -> bool:
    """Whether a descriptor is a socket that is connected to this name.

    A stand-in that is called without a standard input has its way to the agent in that place.
    """
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        return False
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as sock:
        return sock.family == socket.AF_UNIX and sock.getpeername() == name
    return False


def words_in(path: str) -> list[str]:
    """A list of strings in /proc, each ended by a NUL."""
    text = b""
    try:
        with open(path, "rb", buffering=0) as file:
            while len(text) < _ENVIRON_READ and (piece := file.read(_PROC_READ)):
                text += piece
    except OSError:
        return []
    return [os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0")] if text else []


def link(path: str) -> str:
    """Where a link of /proc leads; empty when it is gone."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def peeked(fd: int) -> bytes:
    """What can be read from a descriptor now, without taking it away from anybody."""
    mode = os.fstat(fd).st_mode
    try:
        if stat.S_ISREG(mode):
            return os.pread(fd, STDIN_KEPT, os.lseek(fd, 0, os.SEEK_CUR))
        if not stat.S_ISFIFO(mode):
            return b""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        with open(reading, "rb", buffering=0) as file:
            with open(writing, "wb", buffering=0):
                size = syscalls.tee(fd, writing, STDIN_KEPT)
            return file.read(size) if size else b""
    except OSError:
        return b""
