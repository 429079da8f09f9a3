"""``mysql`` as a command double, with a server that knows about read locks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..backup import Backup
from .held import Held, assert_held
from .options import options
from .sql_client import DoublingMachine, SqlAsked, SqlClient, SqlError, SqlSession
from .sql_text import plainly

READ_LOCK = "the global read lock"

_LOCKS = re.compile(r"FLUSH (?:(?:NO_WRITE_TO_BINLOG|LOCAL) )?TABLES? WITH READ LOCK\Z")
_UNLOCKS = ("UNLOCK TABLES", "UNLOCK TABLE")
_WRITES = (
    *("INSERT ", "UPDATE ", "DELETE ", "REPLACE ", "CREATE ", "DROP ", "ALTER ", "TRUNCATE "),
    *("LOAD DATA ", "RENAME ", "OPTIMIZE ", "GRANT ", "REVOKE ", "REPAIR "),
)
_READ_ONLY = re.compile(
    r"SET .*(?:GLOBAL |PERSIST |@@GLOBAL\.|, ?)SUPER_READ_ONLY ?= ?(ON|1|TRUE|OFF|0|FALSE)\b"
)
_SLEEPS = re.compile(r"(?:SELECT|DO) SLEEP ?\( ?(\d+(?:\.\d+)?) ?\)\Z")
_CLIENT_ENDED = "its client ended, and a server gives a client's locks back when it ends"
_REMEDY = (
    "keep the client that locks alive until the post-script: let it read from a FIFO that a "
    "process in the background holds open, and end that process in the post-script"
)


class MySql(SqlClient):
    """``mysql`` and ``mariadb``, with one server behind all clients.

    ``FLUSH TABLES WITH READ LOCK`` is held by its session until ``UNLOCK TABLES`` or until its
    client ends. Meanwhile writes of others wait, and are refused (1205) after a while; its own are
    refused at once (1223). ``SET GLOBAL super_read_only`` outlives its session.

    Args:
        vm: where it is put in place.
        places: names or absolute paths of the command; by default the usual ones.
        answers: what is printed for statements that match a pattern, such as ``SELECT COUNT(*) *``.
        lock_wait_timeout: seconds of the VM's clock after which a write that waits is refused.
    """

    remedy = _REMEDY
    """What to do where the lock is gone too early."""

    usual_places = ("mysql", "mariadb", "/usr/bin/mysql", "/usr/bin/mariadb")

    def __init__(
        self,
        vm: DoublingMachine,
        places: Sequence[str] = (),
        *,
        answers: Mapping[str, str] | None = None,
        lock_wait_timeout: float = 1.0,
    ) -> None:
        super().__init__(vm, places, answers=answers)
        self.held: list[Held] = []
        """Every read lock that was taken so far."""
        self.read_only = False
        """Whether ``super_read_only`` is on."""
        self._locks: dict[SqlSession, Held] = {}
        self._patience = lock_wait_timeout

    @property
    def locked(self) -> bool:
        """Whether somebody holds the read lock now."""
        self.catch_up()
        return bool(self._locks)

    def assert_locked_at_snapshot(self, backup: Backup) -> None:
        """Fail unless the read lock was held while the snapshot was taken.

        Raises:
            AssertionError: it was not; the message says when and why it was gone.
        """
        __tracebackhide__ = True
        self.catch_up()
        assert_held(self.held, backup, READ_LOCK, _REMEDY)

    def asked(self, args: Sequence[str]) -> SqlAsked:
        """What the client's arguments ask for: ``-e``, or what it reads."""
        found = list(options(args, "ehPDSR", {"--execute": "-e", "--force": "-f"}))
        statements = [value for name, value in found if name == "-e"]
        goes_on = any(name == "-f" for name, _ in found)
        return SqlAsked(statements or None, goes_on=goes_on)

    def is_own(self, line: str) -> bool:
        """Whether a line is for the client itself: it has words beside the backslashes."""
        first = line.lower().split()[:1]
        return super().is_own(line) or first in (["system"], ["source"], ["delimiter"])

    def execute(self, statement: str, session: SqlSession, at: float) -> str:
        """Lock, unlock, write; whatever else there is succeeds and prints nothing."""
        plain = plainly(statement)
        if _LOCKS.match(plain):
            if session not in self._locks:
                self._locks[session] = Held(READ_LOCK, session.call, at)
                self.held.append(self._locks[session])
        elif plain in _UNLOCKS:
            self._release(session, at, "")
        elif switched := _READ_ONLY.match(plain):
            self.read_only = switched[1] in ("ON", "1", "TRUE")
        elif plain.startswith(_WRITES):
            self._check_write(session)
        elif sleeps := _SLEEPS.match(plain):
            self.wait(float(sleeps[1]))
        return ""

    def _check_write(self, session: SqlSession) -> None:
        if session in self._locks:
            raise SqlError(
                "1223 (HY000): Can't execute the query because you have a conflicting read lock"
            )
        if self.read_only:
            raise SqlError(
                "1290 (HY000): The MySQL server is running with the --super-read-only option so "
                "it cannot execute this statement"
            )
        if self._locks:
            raise SqlError(
                "1205 (HY000): Lock wait timeout exceeded; try restarting transaction",
                self._patience,
            )

    def told_error(self, error: SqlError, line: int) -> str:
        """As the client prints it."""
        number, _, text = error.text.partition(": ")
        return f"ERROR {number} at line {line}: {text}\n"

    def session_ended(self, session: SqlSession, at: float) -> None:
        """Its locks are gone."""
        self._release(session, at, _CLIENT_ENDED)

    def _release(self, session: SqlSession, at: float, lost: str) -> None:
        held = self._locks.pop(session, None)
        if held is not None:
            held.until, held.lost = at, lost
