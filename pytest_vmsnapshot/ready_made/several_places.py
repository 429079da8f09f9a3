"""A command, or a few that belong together, doubled in all places where scripts look for them."""

from __future__ import annotations

from ..command_double import CommandDouble
from ..doubles import Call


class SeveralPlaces:
    """What all ready-made doubles have: one record of the calls in all their places."""

    _doubles: list[CommandDouble]

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls so far, in order."""
        calls = [call for double in self._doubles for call in double.calls]
        return tuple(sorted(calls, key=lambda call: call.started))
