"""What lies below the private layer of a VM: the host's files, on its disk from the start."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .assemble import flat
from .template import Entry, Kind


@dataclass(frozen=True, slots=True)
class LowerFile:
    """A file below the private layer.

    Args:
        size: in bytes.
        content: None where it is long, or cannot be read.
    """

    size: int
    content: bytes | None


class LowerFiles:
    """Finds files below the private layer, and names of files in it.

    Args:
        layers: descriptors of the directories below each overlay, by where that lies, without the
            leading slash.
    """

    def __init__(self, layers: Mapping[str, Iterable[int]]) -> None:
        self._layers = sorted(layers, key=len, reverse=True)
        self._flat = {flat(layer): layer for layer in layers}
        self._below = {layer: tuple(found) for layer, found in layers.items()}

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> LowerFiles:
        """Take hold of the directories, as long as a path leads to them."""
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        return cls(
            {
                entry.path: [os.open(lower, flags) for lower in entry.lowers]
                for entry in entries
                if entry.kind is Kind.LAYER
            }
        )

    def place(self, path: str) -> str:
        """Where a file would lie on the disk.

        Args:
            path: on the VM, absolute, without links.
        """
        bare = path.lstrip("/")
        for layer in self._layers:
            if bare.startswith(layer + "/"):
                return f"upper/{flat(layer)}/{bare[len(layer) + 1 :]}"
        return f"root/{bare}"

    def path(self, place: str) -> str:
        """The path on the VM of what lies at a place on the disk."""
        part, _, rest = place.partition("/")
        if part == "root":
            return f"/{rest}"
        layer, _, rest = rest.partition("/")
        return f"/{self._flat.get(layer, layer)}/{rest}"

    def kind(self, place: str) -> int:
        """The file type bits (stat(2)) of what lies below a place on the disk; 0 for nothing."""
        part, _, rest = place.partition("/")
        layer, _, rest = rest.partition("/")
        for directory in self._below.get(self._flat.get(layer, ""), ()) if part == "upper" else ():
            with contextlib.suppress(OSError):  # it is not in this one
                return stat.S_IFMT(os.stat(rest, dir_fd=directory, follow_symlinks=False).st_mode)
        return 0

    def content(self, place: str, limit: int) -> LowerFile | None:
        """The file below the one at a place on the disk, if there is one.

        Args:
            place: on the disk.
            limit: bytes up to which the content is read.
        """
        part, _, rest = place.partition("/")
        layer, _, rest = rest.partition("/")
        if part != "upper":
            return None
        for directory in self._below.get(self._flat.get(layer, ""), ()):
            with contextlib.suppress(OSError):  # it is not in this one
                status = os.stat(rest, dir_fd=directory, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    return None
                return LowerFile(status.st_size, _content(rest, directory, status.st_size, limit))
        return None


def _content(path: str, directory: int, size: int, limit: int) -> bytes | None:
    if size > limit:
        return None
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
    except OSError:  # the host's file may be for others' eyes only
        return None
    try:
        return os.read(fd, limit)
    finally:
        os.close(fd)
