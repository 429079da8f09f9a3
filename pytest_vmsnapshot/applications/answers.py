"""Three answers about a recovery point, which say nothing for one another."""

from __future__ import annotations

from dataclasses import dataclass

from .. import serialise


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Args:
        holds: whether it is so; None if nobody knows.
        evidence: what shows it, each a sentence.
        remedy: what to do if it is not so; empty if it is.
    """

    holds: bool | None
    evidence: tuple[str, ...]
    remedy: str = ""

    def __bool__(self) -> bool:
        """True only for a yes: what nobody knows is not so."""
        return self.holds is True

    def __str__(self) -> str:
        word = {True: "yes", False: "no", None: "unknown"}[self.holds]
        return f"{word}: {'; '.join(self.evidence)}"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found out about a recovery point, and with what.

    Args:
        application: what was asked.
        frozen: whether the file system of its data was frozen at the snapshot.
        quiesced: whether it refused to be written to between the pre-script and the freeze.
        complete: whether it starts on the recovery point, finds its data whole, and has every
            record that was acknowledged before the snapshot.
        simulated: whether the freeze was a simulated one; None if there was none.
        recovery: what it said of a recovery when it started on the recovery point, a fact and no
            failure; empty if it needed none.
    """

    application: str
    frozen: Answer
    quiesced: Answer
    complete: Answer
    simulated: bool | None = None
    recovery: str = ""

    def __str__(self) -> str:
        lines = [
            f"frozen     {self.frozen}",
            f"quiesced   {self.quiesced}",
            f"complete   {self.complete}",
        ]
        if self.recovery:
            lines.append(f"recovery   {self.recovery}")
        return "\n".join(lines)

    def assert_frozen(self) -> None:
        """Fail the test unless the file system of the data was frozen, really or simulated."""
        __tracebackhide__ = True
        if not self.frozen:
            self._fail("the file system of its data was not frozen at the snapshot", self.frozen)

    def assert_quiesced(self) -> None:
        """Fail the test unless the application refused to be written to before the freeze."""
        __tracebackhide__ = True
        if not self.quiesced:
            self._fail("it was not at rest at the snapshot", self.quiesced)

    def assert_complete(self) -> None:
        """Fail the test unless the restored data is whole and nothing acknowledged is missing."""
        __tracebackhide__ = True
        if not self.complete:
            self._fail("what is restored is not complete", self.complete)

    def to_json(self) -> str:
        """All facts as JSON."""
        return serialise.dump(self)

    @classmethod
    def from_json(cls, text: str) -> Answers:
        """The answers that ``to_json`` wrote.

        Raises:
            UsageError: the text is none.
        """
        return serialise.load(cls, text)

    def _fail(self, what: str, answer: Answer) -> None:
        __tracebackhide__ = True
        if answer.holds is None:
            what = what.replace("was not", "may not have been").replace("is not", "may not be")
        lines = [f"{self.application}: {what}"]
        lines += [f"  {line}" for text in answer.evidence for line in text.splitlines()]
        if answer.remedy:
            lines.append(f"  remedy: {answer.remedy}")
        raise AssertionError("\n".join(lines))
