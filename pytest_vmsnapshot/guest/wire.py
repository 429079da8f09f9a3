"""Messages between harness, warden and agents: JSON in one packet, descriptors beside it.

The sockets are ``SOCK_SEQPACKET``: a packet is a message, so nothing coalesces and nothing
needs framing. A message too large for one packet travels in a memory file whose descriptor is
sent instead.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

PACKET_LIMIT = 96 * 1024
"""Bytes: above this a message travels in a memory file (the default send buffer is 208 KiB)."""

_FDS_LIMIT = 32
_IN_MEMORY_FILE = b"\0"


class PeerGone(Exception):
    """The other end of the socket is closed: its process has ended."""


class Received:
    """One message with the descriptors that came with it.

    Args:
        body: the decoded message.
        fds: descriptors, owned by this object until taken.
        complete: false when there was no room for all descriptors (RLIMIT_NOFILE).
    """

    __slots__ = ("body", "complete", "fds")

    def __init__(self, body: dict[str, Any], fds: list[int], *, complete: bool = True) -> None:
        self.body = body
        self.fds = fds
        self.complete = complete

    def take(self) -> int:
        """Hand the next descriptor to the caller, who closes it."""
        return self.fds.pop(0)

    def close(self) -> None:
        """Close what nobody took."""
        while self.fds:
            os.close(self.fds.pop())


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected packet sockets, both close-on-exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, body: Mapping[str, Any], fds: Iterable[int] = ()) -> None:
    """Send one message.

    Raises:
        PeerGone: nobody reads the other end any more.
    """
    packet = json.dumps(body).encode("ascii")
    sent = list(fds)
    with contextlib.ExitStack() as stack:
        if len(packet) > PACKET_LIMIT:
            sent.insert(0, stack.enter_context(memory_file(packet)))
            packet = _IN_MEMORY_FILE
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", sent))] if sent else []
        try:
            sock.sendmsg([packet], ancillary)
        except (BrokenPipeError, ConnectionResetError) as gone:
            raise PeerGone from gone


def receive(sock: socket.socket) -> Received:
    """Wait for one message.

    Raises:
        PeerGone: the other end is closed.
    """
    room = socket.CMSG_SPACE(_FDS_LIMIT * array.array("i").itemsize)
    try:
        packet, ancillary, flags, _ = sock.recvmsg(PACKET_LIMIT, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError as gone:
        raise PeerGone from gone
    fds: list[int] = []
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            received = array.array("i")
            received.frombytes(data[: len(data) - len(data) % received.itemsize])
            fds.extend(received)
    if not packet:
        raise PeerGone
    complete = not flags & socket.MSG_CTRUNC
    if packet == _IN_MEMORY_FILE:
        packet = read_all(fds.pop(0)) if fds else b"{}"
    return Received(json.loads(packet), fds, complete=complete)


@contextlib.contextmanager
def memory_file(content: bytes) -> Iterator[int]:
    """A descriptor from which ``content`` can be read, for as long as the block lasts."""
    fd = os.memfd_create("vmsnapshot", os.MFD_CLOEXEC)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def read_all(fd: int) -> bytes:
    """Read a memory file to its end and close it."""
    with open(fd, "rb") as file:
        file.seek(0)
        return file.read()
