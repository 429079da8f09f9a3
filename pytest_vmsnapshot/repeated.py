"""Command doubles that answer a second time as they did the first, without asking the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .command_double import CommandDouble
from .doubles import Asked, Happened

Ask = Callable[[Asked], dict[str, Any]]

_NOTHING: dict[str, Any] = {"exit_status": 0}


class KeptAnswers:
    """Asks the test, and keeps what it answered.

    Args:
        ask: asks it.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._calls: dict[int, tuple[tuple[str, ...], list[dict[str, Any]]]] = {}

    def __call__(self, asked: Asked) -> dict[str, Any]:
        """Ask the test."""
        answer = self._ask(asked)
        if asked.happened is not Happened.GONE:
            _, answers = self._calls.setdefault(asked.key, (asked.call.argv, []))
            answers.append(answer)
        return answer

    def forget(self) -> None:
        """Keep only what is answered from now on."""
        self._calls.clear()

    def again(self) -> Ask:
        """Answers the same once more: to each call what the next one of the same words was told."""
        waiting: dict[tuple[str, ...], list[list[dict[str, Any]]]] = {}
        for argv, answers in self._calls.values():
            waiting.setdefault(argv, []).append(list(answers))
        open_calls: dict[int, list[dict[str, Any]]] = {}

        def ask(asked: Asked) -> dict[str, Any]:
            if asked.happened is Happened.GONE:
                open_calls.pop(asked.key, None)
                return {}
            if asked.key not in open_calls:
                alike = waiting.get(asked.call.argv)
                open_calls[asked.key] = alike.pop(0) if alike else []
            answers = open_calls[asked.key]
            return answers.pop(0) if answers else _NOTHING

        return ask


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A command double that can be put on another VM.

    Args:
        spec: what a guest is told of it.
        double: the double.
        kept: what the test answered, where it is asked.
    """

    spec: dict[str, Any]
    double: CommandDouble
    kept: KeptAnswers | None

    def begun(self) -> Repetition:
        """The same as it is now, before the calls that are to be repeated."""
        spec = self.spec
        if self.kept is not None:
            self.kept.forget()
        elif len(spec["replies"]) > 1:
            used = min(len(self.double.calls), len(spec["replies"]) - 1)
            spec = {**spec, "replies": spec["replies"][used:]}
        return Repetition(spec, self.kept)


@dataclass(frozen=True, slots=True)
class Repetition:
    """A command double that answers to the calls of one backup once more.

    Args:
        spec: what a guest is told of it.
        kept: what the test answered, where it is asked.
    """

    spec: dict[str, Any]
    kept: KeptAnswers | None

    def answer(self) -> Ask | None:
        """What is asked instead of the test."""
        return None if self.kept is None else self.kept.again()
