"""A guest whose files and commands do not go wrong by themselves."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import UsageError
from ..faults import CommandFault


class NoFaults:
    """Refuses every fault of files, commands and disk."""

    def spoil(
        self,
        path: str,
        place: str,  # noqa: ARG002
        content: bytes | None,  # noqa: ARG002
        mode: int | None,  # noqa: ARG002
        owner: str | None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Refuse."""
        _refuse(path)

    def afflict(self, name: str, fault: CommandFault) -> None:  # noqa: ARG002
        """Refuse."""
        _refuse(name)

    def restrict(self, *, disk_full: bool, read_only: tuple[str, ...]) -> None:  # noqa: ARG002
        """Refuse."""
        _refuse("the disk")

    def set_clock(self, by: float) -> None:  # noqa: ARG002
        """Refuse."""
        _refuse("the clock")

    def relieve(self) -> dict[str, Any]:
        """Nothing went wrong."""
        return {"hits": [], "counts": {}}


def _refuse(what: str) -> NoReturn:
    raise UsageError([f"{what} cannot be at fault on a VM in memory; use the fixture vm"])
