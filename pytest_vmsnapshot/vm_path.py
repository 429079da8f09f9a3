"""A path on the VM."""

from __future__ import annotations

from typing import Protocol

from .errors import UsageError
from .inventory import Inventory
from .protocols import FileFacts, FileKind, Guest


class FileGuest(Guest, Protocol):
    """A guest whose files can be changed."""

    def install(self, path: str, content: bytes | int, mode: int, owner: str) -> None:
        """Put a file in place, parents included."""
        ...

    def make_directory(self, path: str, mode: int, owner: str) -> None:
        """Make a directory and its parents."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all in it."""
        ...

    def read(self, path: str) -> bytes:
        """Content of a file."""
        ...

    def walk(self, path: str) -> list[str]:
        """Every path below a directory."""
        ...

    def inventory(self) -> Inventory:
        """What lies there of its own."""
        ...


class VmPath:
    """One path on the VM. Errors are those of a local file.

    Args:
        path: absolute.
        guest: where it lies.
    """

    def __init__(self, path: str, guest: FileGuest) -> None:
        self._path = path
        self._guest = guest

    def __str__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"VmPath({self._path!r})"

    def __truediv__(self, name: str) -> VmPath:
        return VmPath(f"{self._path.rstrip('/')}/{name}", self._guest)

    def read_bytes(self) -> bytes:
        """The file's content."""
        return self._guest.read(self._path)

    def read_text(self, encoding: str = "utf-8") -> str:
        """The file's content as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes, *, mode: int = 0o644, owner: str = "root") -> None:
        """Write the file, parents included; it is replaced, not changed in place."""
        self._guest.install(self._path, content, mode, owner)

    def write_text(self, content: str, *, mode: int = 0o644, owner: str = "root") -> None:
        """Write the file as UTF-8 text, parents included."""
        if not isinstance(content, str):
            raise UsageError([f"content is {content!r}; write text, or use write_bytes()"])
        self.write_bytes(content.encode("utf-8"), mode=mode, owner=owner)

    def mkdir(self, *, mode: int = 0o755, owner: str = "root") -> None:
        """Make a directory, parents included; one that exists gets the mode and owner."""
        self._guest.make_directory(self._path, mode, owner)

    def remove(self) -> None:
        """Remove the file, or the directory with all in it."""
        self._guest.remove(self._path)

    def exists(self) -> bool:
        """Whether something is there, links followed."""
        return self._facts().kind is not FileKind.ABSENT

    def is_file(self) -> bool:
        """Whether a regular file is there, links followed."""
        return self._facts().kind is FileKind.FILE

    def is_dir(self) -> bool:
        """Whether a directory is there, links followed."""
        return self._facts().kind is FileKind.DIRECTORY

    @property
    def mode(self) -> int:
        """Permission bits, special bits included."""
        return self._existing().mode

    @property
    def owner(self) -> str:
        """Name of the owner, or the number where it has none."""
        return self._existing().owner

    def walk(self) -> tuple[str, ...]:
        """Every path below this directory, sorted."""
        return tuple(self._guest.walk(self._path))

    def _facts(self) -> FileFacts:
        (facts,) = self._guest.examine((self._path,), 0)
        return facts

    def _existing(self) -> FileFacts:
        facts = self._facts()
        if facts.kind is FileKind.ABSENT:
            raise FileNotFoundError(2, "No such file or directory", self._path)
        return facts
