"""``psql`` as a command double, with a server that knows about backups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..backup import Backup
from .held import Held, assert_held
from .options import options
from .sql_client import DoublingMachine, SqlAsked, SqlClient, SqlError, SqlSession
from .sql_text import plainly

IN_PROGRESS = "the server's backup mode"

_CALL = re.compile(
    r"(?:SELECT|WITH) .*\b(PG_BACKUP_START|PG_BACKUP_STOP|PG_START_BACKUP|PG_STOP_BACKUP) ?\("
)
_SLEEPS = re.compile(r"SELECT PG_SLEEP ?\( ?(\d+(?:\.\d+)?) ?\)\Z")
_LONG = {"--command": "-c", "--file": "-f", "--set": "-v", "--variable": "-v"}
_STOPS = re.compile(r"ON_ERROR_STOP=(?:1|ON|TRUE|YES)\Z")
_ABORTED = (
    "its client ended, and the server aborts a backup whose session ends before pg_backup_stop"
)
_REMEDY = (
    "keep the psql that calls pg_backup_start alive until the post-script, and call "
    "pg_backup_stop in that same session; a snapshot of all volumes at one instant needs neither: "
    "CHECKPOINT shortens the recovery"
)
_LSN = "0/2000028"


class PostgreSql(SqlClient):
    """``psql``, with one server behind all clients.

    A backup that ``pg_backup_start`` begins belongs to its session: the server aborts it when its
    client ends, and ``pg_backup_stop`` of another session is refused. It does not refuse writes.

    Args:
        vm: where it is put in place.
        places: names or absolute paths of the command; by default the usual ones.
        answers: what is printed for statements that match a pattern.
        version: of the server; before 15 the functions have their old names too.
    """

    remedy = _REMEDY
    """What to do where the backup mode has ended too early."""

    usual_places = ("psql", "/usr/bin/psql")

    def __init__(
        self,
        vm: DoublingMachine,
        places: Sequence[str] = (),
        *,
        answers: Mapping[str, str] | None = None,
        version: int = 15,
    ) -> None:
        super().__init__(vm, places, answers=answers)
        self.held: list[Held] = []
        """Every backup that was begun so far."""
        self._version = version
        self._backups: dict[SqlSession, Held] = {}

    @property
    def in_backup(self) -> bool:
        """Whether a backup is in progress now."""
        self.catch_up()
        return bool(self._backups)

    def assert_in_backup_at_snapshot(self, backup: Backup) -> None:
        """Fail unless the server was in backup mode while the snapshot was taken.

        Raises:
            AssertionError: it was not; the message says when and why it was gone.
        """
        __tracebackhide__ = True
        self.catch_up()
        assert_held(self.held, backup, IN_PROGRESS, _REMEDY)

    def asked(self, args: Sequence[str]) -> SqlAsked:
        """What the client's arguments ask for: ``-c``, or what it reads."""
        found = list(options(args, "UhpdcfvPFRoLT", _LONG))
        if any(name == "-f" and value != "-" for name, value in found):
            return SqlAsked([], refusal=_NO_FILES)
        stops = any(name == "-v" and _STOPS.match(value.upper()) for name, value in found)
        statements = [value for name, value in found if name == "-c"]
        if statements:
            return SqlAsked(statements)
        return SqlAsked(None, goes_on=not stops, status=3)

    def execute(self, statement: str, session: SqlSession, at: float) -> str:
        """Begin and end backups; whatever else there is succeeds and prints nothing."""
        plain = plainly(statement)
        called = _CALL.match(plain)
        if called is None:
            if sleeps := _SLEEPS.match(plain):
                self.wait(float(sleeps[1]))
            return ""
        name = called[1]
        if name in ("PG_START_BACKUP", "PG_STOP_BACKUP") and self._version >= 15:
            raise SqlError(f"function {name.lower()}(unknown) does not exist")
        if name in ("PG_BACKUP_START", "PG_START_BACKUP"):
            if session in self._backups:
                raise SqlError("a backup is already in progress in this session")
            self._backups[session] = Held(IN_PROGRESS, session.call, at)
            self.held.append(self._backups[session])
            return f"{_LSN}\n"
        held = self._backups.pop(session, None)
        if held is None:
            raise SqlError("backup is not in progress")
        held.until = at
        return f"{_LSN}\n"

    def told_error(self, error: SqlError, line: int) -> str:  # noqa: ARG002
        """As the client prints it."""
        return f"ERROR:  {error.text}\n"

    def session_ended(self, session: SqlSession, at: float) -> None:
        """The server aborts its backup."""
        held = self._backups.pop(session, None)
        if held is not None:
            held.until, held.lost = at, _ABORTED


_NO_FILES = (
    "pytest-vmsnapshot: this stand-in for psql reads no files; give it the statements by -c or on "
    "its standard input, or stand in for psql with a class of your own\n"
)
