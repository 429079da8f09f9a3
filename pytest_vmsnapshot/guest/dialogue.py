"""The dialogue with a VM's agent: requests and answers, and calls of command doubles between."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from ..clock import RealClock
from ..doubles import Call, Happened
from ..errors import GuestDied, UsageError
from . import wire
from .called import Answer, asked, called
from .session import Handle

_BUSY = (
    "the VM was used by the answer of a command double, which it waits for; look at the VM before "
    "or after"
)


class Dialogue:
    """One VM's agent, asked one thing at a time.

    Args:
        handle: the way to it.
        clock: the VM's clock.
    """

    def __init__(self, handle: Handle, clock: RealClock) -> None:
        self._handle: Handle | None = handle
        self._clock = clock
        self._why_gone = "the VM is closed"
        self._owed = 0
        self._answers: list[Answer | None] = []
        self._answering = False
        self._failure: BaseException | None = None

    def close(self) -> None:
        """End the dialogue."""
        self._handle = None

    # -- command doubles -------------------------------------------------------------------

    def add_double(self, spec: dict[str, Any], answer: Answer | None) -> int:
        """Put a command double in place; returns its number.

        Args:
            spec: what it is like.
            answer: asked at each call, in this process; or None.

        Raises:
            OSError: it cannot be put there.
        """
        number = len(self._answers)
        self._ask({**spec, "op": "double", "number": number})
        self._answers.append(answer)
        return number

    def double_calls(self, number: int) -> list[Call]:
        """All calls of a command double, in order."""
        rows = self._ask({"op": "calls", "number": number}).body["calls"]
        return [called(row, self._clock.from_guest) for row in rows]

    def _receive(self) -> wire.Received:
        """Wait for the answer; calls of command doubles come before it."""
        while (received := self._hear()) is None:
            pass
        return received

    def _hear(self) -> wire.Received | None:
        """Take in a message: the answer, or a call of a command double, which is answered."""
        handle = self._usable()
        received = wire.receive(handle.sock)
        row = received.body.get("call")
        if row is None:
            return received
        question = asked(received.body, self._clock.from_guest)
        answer = self._answers[row["double"]]
        reply: dict[str, Any] = {"exit_status": 1}
        self._answering = True
        try:
            if answer is not None:
                reply = answer(question)
        except BaseException as error:  # told once the script has ended
            self._failure = self._failure or error
        finally:
            self._answering = False
        if question.happened is not Happened.GONE:
            wire.send(handle.sock, {"op": "reply", "call": row["id"], "reply": reply})
        return None

    def _raise_failure(self) -> None:
        """Raise what the answer of a command double raised while a script waited for it."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    # -- the dialogue ----------------------------------------------------------------------

    def _usable(self) -> Handle:
        if self._handle is None:
            raise GuestDied(self._why_gone)
        if self._answering:
            raise UsageError(_BUSY)
        return self._handle

    @contextlib.contextmanager
    def _in_dialogue(self) -> Iterator[None]:
        """A dialogue that was cut short cannot be taken up again: the VM ends."""
        try:
            yield
        except wire.PeerGone:
            self._give_up("the VM has ended: its first process died")
            raise GuestDied(self._why_gone) from None
        except BaseException:
            self._give_up("the VM was given up: a call to it was interrupted")
            raise

    def _give_up(self, why: str) -> None:
        self._why_gone = why
        self.close()

    def _tell(self, request: dict[str, Any]) -> None:
        """Ask for what cannot be refused; its answer is taken in before the next one."""
        handle = self._usable()
        with self._in_dialogue():
            wire.send(handle.sock, request)
            self._owed += 1

    def _take_owed(self) -> None:
        while self._owed:
            raise_if_crashed(self._receive().body)
            self._owed -= 1

    def _ask(self, request: dict[str, Any], fds: Sequence[int] = ()) -> wire.Received:
        handle = self._usable()
        with self._in_dialogue():
            wire.send(handle.sock, request, fds)
            self._take_owed()
            answer = self._receive()
        body = answer.body
        raise_if_crashed(body)
        if "error" in body:
            raise OSError(body["error"], body["text"], body["path"] or None)
        return answer


def raise_if_crashed(answer: dict[str, Any]) -> None:
    """Raise if the agent has failed.

    Raises:
        GuestDied: it has.
    """
    if "crashed" in answer:
        raise GuestDied(
            f"the VM's agent failed, which is a bug of the harness:\n{answer['crashed']}"
        )
