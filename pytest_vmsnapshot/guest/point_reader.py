"""Reading a recovery point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from ..errors import GuestDied
from ..protocols import FileFacts, FileKind
from .session import VirtualTime, VmSpec

_LOOKING_AT_ONCE = 8
"""Recovery points of one VM that are kept open for reading."""


class FilesOfVm(Protocol):
    """A VM whose files can be looked at."""

    def read(self, path: str) -> bytes:
        """Content of a file."""
        ...

    def examine(self, paths: Sequence[str], read_limit: int) -> tuple[FileFacts, ...]:
        """State the facts of paths."""
        ...

    def walk(self, path: str) -> list[str]:
        """Every path below a directory."""
        ...

    def close(self) -> None:
        """End the VM."""
        ...


class PointReader:
    """Reads a recovery point through a VM of its own, made when it is looked at.

    Args:
        make: makes a VM that shows the recovery point.
        looking: the readers that have a VM, the one looked at last in the end; shared by all
            recovery points of a VM, so that a thousand of them do not keep a thousand VMs.
        spec: what such a VM is like.
        complete: sees to it that all files are there.
    """

    def __init__(
        self,
        make: Callable[[], FilesOfVm],
        looking: list[PointReader],
        spec: VmSpec,
        complete: Callable[[], object],
    ) -> None:
        self._complete = complete
        self._spec = spec
        self._make = make
        self._looking = looking
        self._guest: FilesOfVm | None = None
        self._closed = False

    def read_bytes(self, path: str) -> bytes:
        """Content of a file."""
        return self._opened().read(path)

    def exists(self, path: str) -> bool:
        """Whether something is there, links followed."""
        (facts,) = self._opened().examine((path,), 0)
        return facts.kind is not FileKind.ABSENT

    def walk(self, path: str) -> list[str]:
        """Every path below a directory."""
        return self._opened().walk(path)

    def booted(self, clock: VirtualTime | None) -> VmSpec:
        """What a VM is like whose disks are the recovery point.

        Args:
            clock: its clock.

        Raises:
            GuestDied: the VM that had the recovery point is closed.
        """
        self._check()
        self._complete()
        return replace(self._spec, booted=True, clock=clock)

    def close(self) -> None:
        """End the VM this reads through."""
        self._closed = True
        self._release()

    def _release(self) -> None:
        if self._guest is not None:
            self._looking.remove(self)
            self._guest.close()
            self._guest = None

    def _check(self) -> None:
        if self._closed:
            raise GuestDied(
                "the VM of this recovery point is closed; read its files before the test ends"
            )

    def _opened(self) -> FilesOfVm:
        self._check()
        if self._guest is None:
            if len(self._looking) == _LOOKING_AT_ONCE:
                self._looking[0]._release()  # noqa: SLF001  # it opens again when it is needed
            self._complete()
            self._guest = self._make()
        else:
            self._looking.remove(self)
        self._looking.append(self)
        return self._guest
