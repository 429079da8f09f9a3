"""What a log says of the runs of one script."""

from __future__ import annotations

from dataclasses import replace

from .backups import Ending, LoggedScript
from .kinds import Fact, Kind


class ScriptLines:
    """Takes the facts about one script, in order; with several configs it is run once for each."""

    def __init__(self) -> None:
        self._ended: list[LoggedScript] = []
        self._open = 0
        self._retries = 0
        self._is_finished = False

    def take(self, fact: Fact) -> None:
        """Take a fact; one that is about something else is left alone."""
        match fact.kind:
            case Kind.STARTED:
                self._open += 1
            case Kind.RETRIED:
                self._retries += 1
            case Kind.TIMED_OUT:
                self._end(LoggedScript(Ending.TIMED_OUT))
            case Kind.SUCCEEDED:
                self._end(LoggedScript(Ending.OK, 0))
            case Kind.FAILED if fact.number is not None and fact.number < 0:
                self._end(LoggedScript(Ending.FAILED, signal=-fact.number))
            case Kind.FAILED:
                self._end(LoggedScript(Ending.FAILED, fact.number))
            case Kind.FINISHED:
                self._is_finished = True

    def runs(self, plugins: int) -> tuple[LoggedScript, ...]:
        """Every run. What no ending is told of was given up, or the log ends before it.

        Args:
            plugins: how many configs there are.
        """
        if self._is_finished:  # a runner that failed before it started the script says nothing
            silent = max(self._open, plugins - len(self._ended), 0)
            return (*self._ended, *[LoggedScript(Ending.GIVEN_UP)] * silent)
        return (*self._ended, *[LoggedScript(Ending.NOT_TOLD)] * max(self._open, 0))

    def _end(self, script: LoggedScript) -> None:
        self._open -= 1
        self._ended.append(replace(script, retries=self._retries))
        self._retries = 0
