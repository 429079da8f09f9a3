"""A guest that has no programs, and so no command doubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..doubles import Asked, Call
from ..errors import UsageError


class NoDoubles:
    """Refuses every command double."""

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
