"""A point-in-time copy of a fake file system: contents are shared, never copied."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pyfakefs.fake_file import FakeDirectory, FakeFile, FakeFileFromRealFile
from pyfakefs.fake_filesystem import FakeFilesystem

from ..errors import GuestDied
from ..inventory import FileState, Inventory
from .census import KINDS

_MOST_LINKS = 40
"""Links followed on one path before it is a loop (path_resolution(7))."""


@dataclass(frozen=True, slots=True)
class _Node:
    """An entry as it was.

    Args:
        kind: its file type bits.
        mode: its permission bits.
        uid: number of its owner.
        content: of a file; the target of a link. None where pyfakefs has none.
        original: the file of the host it shows, not yet read.
        children: of a directory.
    """

    kind: int
    mode: int
    uid: int
    content: bytes | None = None
    original: str = ""
    children: Mapping[str, _Node] = field(default_factory=dict)


class MemoryPoint:
    """The files of a fake file system as they are at the moment this object is made.

    Args:
        fs: what is copied.
        left_out: directories whose content is not.
    """

    def __init__(self, fs: FakeFilesystem, left_out: Collection[str] = ()) -> None:
        self.files = 0
        """Entries in it."""
        self.size = 0
        """Bytes of content in it."""
        self._fs = fs
        self._left_out = left_out
        self._root: _Node | None = self._take(fs.root_dir, "")
        self.files -= 1  # the root directory is none

    def close(self) -> None:
        """Let go of the copy."""
        self._root = None

    def read_bytes(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            OSError: as for a local file.
        """
        node = self._find(path)
        if stat.S_ISDIR(node.kind):
            raise _error(errno.EISDIR, path)
        if node.original:
            shown = FakeFileFromRealFile(node.original, self._fs)
            shown.file_path = node.original
            return shown.byte_contents or b""
        if node.content is None:
            raise _error(errno.EFBIG, path)
        return node.content

    def exists(self, path: str) -> bool:
        """Whether something is there, links followed."""
        try:
            self._find(path)
        except OSError:
            return False
        return True

    def walk(self, path: str) -> list[str]:
        """Every path below a directory, sorted, links not followed."""
        top = self._find(path)
        if not stat.S_ISDIR(top.kind):
            raise _error(errno.ENOTDIR, path)
        return sorted(found for found, _ in _below(path.rstrip("/"), top))

    def inventory(self) -> Inventory:
        """The state of every path.

        Raises:
            GuestDied: the copy was let go of.
        """
        return Inventory({path: _state(node) for path, node in _below("", self._find("/"))})

    def _take(self, entry: FakeFile, path: str) -> _Node:
        self.files += 1
        kind, mode, uid = stat.S_IFMT(entry.st_mode), stat.S_IMODE(entry.st_mode), entry.st_uid
        if isinstance(entry, FakeDirectory):
            inside = {} if path in self._left_out else entry.entries
            children = {name: self._take(child, f"{path}/{name}") for name, child in inside.items()}
            return _Node(kind, mode, uid, children=children)
        if stat.S_ISREG(kind):
            self.size += entry.st_size
        if isinstance(entry, FakeFileFromRealFile) and not entry.contents_read:
            return _Node(kind, mode, uid, original=str(entry.file_path))
        return _Node(kind, mode, uid, entry.byte_contents)

    def _find(self, path: str) -> _Node:
        """The entry at a path, links followed.

        Raises:
            OSError: there is none.
            GuestDied: the copy was let go of.
        """
        if self._root is None:
            raise GuestDied(
                "the VM of this recovery point is closed; read its files before the test ends"
            )
        links = 0
        trail = [self._root]
        names = _names(path)
        while names:
            name = names.pop()
            node = trail[-1]
            if not stat.S_ISDIR(node.kind):
                raise _error(errno.ENOTDIR, path)
            if name == "..":
                trail = trail[:-1] or trail
                continue
            child = node.children.get(name)
            if child is None:
                raise _error(errno.ENOENT, path)
            if not stat.S_ISLNK(child.kind):
                trail.append(child)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise _error(errno.ELOOP, path)
            target = (child.content or b"").decode("utf-8", "surrogateescape")
            if target.startswith("/"):
                trail = [self._root]
            names += _names(target)
        return trail[-1]


def _below(path: str, top: _Node) -> Iterator[tuple[str, _Node]]:
    pending = [(path, top)]
    while pending:
        here, node = pending.pop()
        for name, child in node.children.items():
            yield f"{here}/{name}", child
            if child.children:
                pending.append((f"{here}/{name}", child))


def _state(node: _Node) -> FileState:
    content = node.content or b""
    digest = f"{zlib.crc32(content):08x}" if node.content is not None else ""
    size = len(content) if stat.S_ISREG(node.kind) else 0
    return FileState(KINDS.get(node.kind, "device"), node.mode, node.uid, size, digest)


def _names(path: str) -> list[str]:
    """The names a path is made of, the last first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
