"""A copy while it is made: what was copied so far, and until when it may take."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass, field

from .unchanged import Deferred, Unchanged


@dataclass(slots=True)
class Tally:
    """A copy while it is made.

    Args:
        deadline: reading of the monotonic clock after which it is given up.
        files: entries of the copy, directories included.
        bytes: content of the copy, holes not counted.
        shared: entries that were not copied but are links to the last recovery point's.
        links: first copies of files with several names.
        clones: whether the file system may share blocks; false once it refused.
        one_device: whether files of another device than the top are passed over; false on an
            overlay, whose files may be of another device than its directories.
        unchanged: knows what the last recovery point holds; none where everything is copied.
        in_two: whether a second process may help with many files.
        defers: whether links to the last recovery point's files are made only when they are needed.
        deferred: those that are to be made.
    """

    deadline: float | None = None
    files: int = 0
    bytes: int = 0
    shared: int = 0
    links: dict[tuple[int, int], str] = field(default_factory=dict)
    clones: bool = True
    one_device: bool = True
    unchanged: Unchanged | None = None
    in_two: bool = False
    defers: bool = False
    deferred: list[Deferred] = field(default_factory=list)

    def check_time(self) -> None:
        """Give up when the time is over.

        Raises:
            TimeoutError: it is.
        """
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError(errno.ETIMEDOUT, "the time for the copy is over")
