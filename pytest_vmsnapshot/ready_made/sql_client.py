"""A command-line client of an SQL server, as a command double that knows about sessions.

What belongs to a session of a server, a lock for instance, is gone when its client ends: that is
the trap into which a pre-script walks that locks with a client of one statement.
"""

from __future__ import annotations

import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..command_double import CommandDouble, MakeClient
from ..doubles import Call, Reply
from .several_places import SeveralPlaces
from .sql_text import literal, plainly, split

_WITHOUT_EFFECT = frozenset(
    (
        *("\\set", "\\unset", "\\pset", "\\echo", "\\qecho", "\\timing", "\\c", "\\connect"),
        *("\\x", "\\a", "\\t", "\\encoding", "\\u", "\\W", "\\w", "\\p", "\\s"),
    )
)
"""Lines for the client itself that change nothing a script could tell."""

_STOP_AT_ERRORS = [["ON_ERROR_STOP", word] for word in ("ON", "1", "TRUE")]


class DoublingMachine(Protocol):
    """A VM, as far as a ready-made double needs it."""

    def command(
        self, name: str, *, client: MakeClient | None = None, optional: bool = False
    ) -> CommandDouble:
        """Put a command double in place."""
        ...


class SqlError(Exception):
    """A server refuses a statement.

    Args:
        text: what its client prints.
        delay: seconds of the VM's clock before it does.
    """

    def __init__(self, text: str, delay: float = 0.0) -> None:
        self.text = text
        self.delay = delay
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was executed.

    Args:
        text: without its end.
        call: whose client has sent it.
        at: seconds of the VM's clock since the VM was made.
        error: what the server refused it with; empty if it did not.
    """

    text: str
    call: Call
    at: float
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SqlSession:
    """One client's session with the server; each is another one, whatever it looks like.

    Args:
        call: how the client was called.
    """

    call: Call


@dataclass(frozen=True, slots=True)
class SqlAsked:
    """What a client was asked for by its arguments.

    Args:
        statements: to be executed, each argument's text; None to read them from standard input.
        goes_on: whether it goes on after a statement that was refused.
        status: how it ends after one.
        refusal: why these arguments cannot be heeded; empty if they can.
    """

    statements: Sequence[str] | None
    goes_on: bool = False
    status: int = 1
    refusal: str = ""


class SqlClient(SeveralPlaces, ABC):
    """A client of an SQL server, with one server behind all of its sessions.

    A class of your own says in ``execute`` what the server does. ``SELECT 'text'`` prints the text:
    scripts see by it how far a client has come.

    Args:
        vm: where it is put in place.
        places: names or absolute paths of the command; by default the usual ones.
        answers: what is printed for statements that match a pattern as of a shell, whatever their
            capitals and blanks; they go before ``execute``.
    """

    usual_places: tuple[str, ...] = ()
    """Where it is put in place by default."""

    def __init__(
        self,
        vm: DoublingMachine,
        places: Sequence[str] = (),
        *,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        self._delay = 0.0
        self.statements: list[Statement] = []
        """All statements so far, in order."""
        self._answers = {plainly(pattern): text for pattern, text in (answers or {}).items()}
        self._doubles = [
            vm.command(place, client=lambda call: _SqlConversation(self, call), optional=True)
            for place in places or self.usual_places
        ]

    @property
    def open_calls(self) -> tuple[Call, ...]:
        """Clients that have not ended."""
        return tuple(call for call in self.calls if call.ended is None)

    def catch_up(self) -> None:
        """Learn of clients that have ended since the last statement."""
        for double in self._doubles:
            _ = double.calls  # a VM that is asked tells of them first

    # -- for classes of your own ---------------------------------------------------------------

    @abstractmethod
    def asked(self, args: Sequence[str]) -> SqlAsked:
        """What the client's arguments ask for."""

    @abstractmethod
    def execute(self, statement: str, session: SqlSession, at: float) -> str:
        """Execute a statement; returns what the client prints.

        Args:
            statement: without its end.
            session: whose it is.
            at: seconds of the VM's clock since the VM was made.

        Raises:
            SqlError: the server refuses it.
        """

    def wait(self, seconds: float) -> None:
        """In ``execute``: the answer comes only after so many seconds of the VM's clock."""
        self._delay += seconds

    def told_error(self, error: SqlError, line: int) -> str:
        """What the client prints of a statement that was refused, in this line of its input."""
        return f"ERROR at line {line}: {error.text}\n"

    def is_own(self, line: str) -> bool:
        """Whether a line is for the client itself, not for the server."""
        return line.lstrip().startswith("\\")

    def is_farewell(self, line: str) -> bool:
        """Whether a line makes the client end."""
        return line.strip().rstrip(";").lower() in ("exit", "quit", "\\q")

    def session_ended(self, session: SqlSession, at: float) -> None:
        """A client has ended, and its session with it: what belongs to that is gone."""

    # -- what conversations call ---------------------------------------------------------------

    def take_delay(self) -> float:
        """Seconds that statements since the last look have to wait."""
        delay, self._delay = self._delay, 0.0
        return delay

    def run(self, statement: str, session: SqlSession, at: float) -> str:
        """Execute a statement, and write it down."""
        error = ""
        try:
            for pattern, text in self._answers.items():
                if fnmatch.fnmatchcase(plainly(statement), pattern):
                    return text
            printed = self.execute(statement, session, at)
            if not printed and (selected := literal(statement)):
                return f"{selected}\n"
            return printed
        except SqlError as refused:
            error = refused.text
            self.wait(refused.delay)
            raise
        finally:
            self.statements.append(Statement(statement, session.call, at, error))


class _SqlConversation:
    """One client that executes statements, from its arguments or its standard input."""

    def __init__(self, client: SqlClient, call: Call) -> None:
        self._client = client
        self._call = call
        self._session = SqlSession(call)
        self._asked = client.asked(call.args)
        self._rest = ""
        self._line = 0

    def called(self) -> Reply | None:
        """Execute what the arguments say, if they say it all."""
        if self._asked.refusal:
            return Reply(stderr=self._asked.refusal, exit_status=1)
        if self._asked.statements is None:
            return None
        self._line = 1
        statements = []
        for text in self._asked.statements:
            found, rest = split(text)
            statements += [*found, *([rest.strip()] if rest.strip() else [])]
        return self._run(statements, self._call.started, last=True)

    def told(self, line: str, at: float) -> Reply | None:
        """Execute each statement that ends in this line."""
        self._line += 1
        if not self._rest and self._client.is_farewell(line):
            return Reply()
        if not self._rest.strip() and self._client.is_own(line):
            return self._heed(line.split())
        found, self._rest = split(self._rest + line)
        return self._run(found, at, last=False)

    def input_ended(self, at: float) -> Reply | None:
        """Execute what is left, with its end or without."""
        rest, self._rest = self._rest.strip(), ""
        return self._run([rest] if rest else [], at, last=True)

    def gone(self, at: float) -> None:
        """The session has ended with its client."""
        self._client.session_ended(self._session, at)

    def _heed(self, words: Sequence[str]) -> Reply | None:
        """A line for the client itself: most only change how it prints."""
        if words[0] in _WITHOUT_EFFECT:
            if [word.upper() for word in words[1:]] in _STOP_AT_ERRORS:
                self._asked = replace(self._asked, goes_on=False)
            return None
        said = (
            f"pytest-vmsnapshot: this stand-in does not know {words[0]}; let the shell do it, or "
            "stand in with a class of your own\n"
        )
        return Reply(stderr=said, exit_status=1)

    def _run(self, statements: Sequence[str], at: float, *, last: bool) -> Reply:
        out, err = "", ""
        for statement in statements:
            try:
                out += self._client.run(statement, self._session, at)
            except SqlError as refused:
                err += self._client.told_error(refused, self._line)
                if not self._asked.goes_on:
                    delay = self._client.take_delay()
                    return Reply(out, err, self._asked.status, delay=delay)
        return Reply(out, err, delay=self._client.take_delay(), goes_on=not last)
