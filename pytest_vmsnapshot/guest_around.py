"""A guest around another one, that starts programs otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from .protocols import Execution, FileFacts, Guest, Launch, Process


class GuestAround:
    """Another guest; a class of its own changes what it starts.

    Args:
        guest: the other one.
    """

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    @property
    def name(self) -> str:
        """That of the guest."""
        return self._guest.name

    @property
    def runs_programs(self) -> bool:
        """As the guest."""
        return self._guest.runs_programs

    def modelled(self) -> tuple[str, ...]:
        """As the guest."""
        return self._guest.modelled()

    def examine(self, paths: Sequence[str], read_limit: int) -> tuple[FileFacts, ...]:
        """As the guest."""
        return self._guest.examine(paths, read_limit)

    def execute(self, launch: Launch, deadline: float | None) -> Execution:
        """Run a program that was changed."""
        return self._guest.execute(self._changed(launch), deadline)

    def start(self, launch: Launch, deadline: float) -> Process:
        """Start a program that was changed."""
        return self._guest.start(self._changed(launch), deadline)

    def watch(self, processes: Sequence[Process], until: float) -> None:
        """As the guest."""
        self._guest.watch(processes, until)

    def _changed(self, launch: Launch) -> Launch:
        """What is started instead."""
        return launch
