"""What a program printed, bounded: the beginning and the end are kept, the middle is counted."""

from __future__ import annotations

from dataclasses import dataclass

KEPT = 64 * 1024
"""Bytes kept of each end."""

UNREAD_CAPACITY = 64 * 1024
"""Bytes of a stream that nobody reads (pipe(7)), whatever a user's limit on pipes makes of it."""


@dataclass(frozen=True, slots=True)
class Output:
    """One stream of a program that has ended.

    Args:
        head: the first bytes.
        tail: the last bytes, where there are more than the head holds.
        dropped: how many bytes between them were not kept.
    """

    head: bytes = b""
    tail: bytes = b""
    dropped: int = 0

    @property
    def kept(self) -> bytes:
        """The bytes kept; where some were dropped, both ends joined."""
        return self.head + self.tail

    @property
    def total(self) -> int:
        """How many bytes were printed."""
        return len(self.head) + len(self.tail) + self.dropped

    @property
    def text(self) -> str:
        """The same as text: bytes that are not UTF-8 are shown as backslash escapes."""
        if not self.dropped:
            return self.kept.decode("utf-8", "backslashreplace")
        head = self.head.decode("utf-8", "backslashreplace")
        tail = self.tail.decode("utf-8", "backslashreplace")
        return f"{head}\n[{self.dropped} bytes dropped]\n{tail}"


class Capture:
    """Collects one stream in bounded memory."""

    __slots__ = ("_head", "_tail", "_total")

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0

    def add(self, data: bytes) -> None:
        """Take in what was read."""
        self._total += len(data)
        room = KEPT - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data[-KEPT:]
            if len(self._tail) > 2 * KEPT:
                del self._tail[:-KEPT]

    def output(self) -> Output:
        """What was collected."""
        tail = bytes(self._tail[-KEPT:])
        return Output(bytes(self._head), tail, self._total - len(self._head) - len(tail))
