"""A guest that has no programs: no command doubles, and nothing that is left running."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..doubles import Asked, Call
from ..errors import UsageError
from ..findings import LeftProcess


class NoDoubles:
    """Refuses every command double, and has nothing that is left running."""

    def backup_begins(self) -> None:
        """Nothing is to be remembered."""

    def left_behind(self, until: float) -> list[LeftProcess]:  # noqa: ARG002
        """There is none."""
        return []

    def add_double(
        self,
        spec: dict[str, Any],
        answer: Callable[[Asked], dict[str, Any]] | None,  # noqa: ARG002
    ) -> int:
        """Refuse.

        Raises:
            UsageError: always; it says what to do instead.
        """
        raise UsageError(
            f"{spec['path']} cannot be doubled: a VM in memory has no programs; let the Python "
            "function call what the test gives it, or use the fixture vm"
        )

    def double_calls(self, number: int) -> list[Call]:  # noqa: ARG002
        """There are none."""
        return []
