"""SQLite, by its command-line program."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError
from ..machine import VirtualMachine
from .application import Program, done_or_said, require, synced
from .checking import Checkable

_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
_HOT = "d9d505f9"
"""How a journal begins that is to be rolled back (sqlite.org/fileformat2.html, section 3)."""

_JOURNALS = ("DELETE", "TRUNCATE", "PERSIST", "WAL")


@dataclass(frozen=True, slots=True)
class Sqlite(Checkable):
    """A database file, written to by a program that is started for each record.

    With FULL, its usual mode, and the journal DELETE the removal of the journal is not synced: a
    crash may roll back the record that was acknowledged last. EXTRA syncs that, too, and so does
    FULL with the journal WAL, TRUNCATE or PERSIST.

    Args:
        path: the file, absolute; its directory is made.
        synchronous: what the writing program sets: OFF, NORMAL, FULL or EXTRA.
        journal: journal mode of the database: DELETE, TRUNCATE, PERSIST or WAL.

    Raises:
        UsageError: SQLite has no such mode.
    """

    path: str
    synchronous: str = "FULL"
    journal: str = "DELETE"

    def __post_init__(self) -> None:
        mistakes = [
            f"{name} is {value!r}; write one of {', '.join(known)}"
            for name, value, known in (
                ("synchronous", self.synchronous, _SYNCHRONOUS),
                ("journal", self.journal, _JOURNALS),
            )
            if value not in known
        ]
        if mistakes:
            raise UsageError(mistakes)

    @property
    def name(self) -> str:
        """What it is."""
        return "SQLite"

    @property
    def place(self) -> str:
        """The file."""
        return self.path

    @property
    def programs(self) -> tuple[Program, ...]:
        """What it needs."""
        return (Program("/usr/bin/sqlite3", "sqlite3"),)

    @property
    def write(self) -> str:
        """Waits up to 60 s for a lock, as a patient application would."""
        return self._insert("INTO records (text) VALUES ('{record}')", patience=60_000)

    @property
    def probe(self) -> str:
        """Waits 2 s for a lock, longer than another writer has it."""
        return self._insert("INTO probes VALUES (1)", patience=2000)

    @property
    def read(self) -> str:
        """Prints the records in the order in which they were inserted."""
        return self._sql("SELECT text FROM records ORDER BY position", patience=2000)

    def set_up(self, vm: VirtualMachine) -> None:
        """Make the database.

        Args:
            vm: where.
        """
        require(vm, self.programs)
        tables = (
            f"PRAGMA journal_mode={self.journal}; "
            "CREATE TABLE records (position INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT UNIQUE); "
            "CREATE TABLE probes (one INTEGER)"
        )
        directory = self.path.rpartition("/")[0] or "/"
        vm.run(
            f"mkdir -p {directory} && {self._sql(tables, patience=0)} && {synced(directory)}",
            check=True,
        )

    def start(self, vm: VirtualMachine) -> str:
        """There is no server; a journal that lies there is what a recovery needs.

        Args:
            vm: where.
        """
        magic = f"head -c 4 {self.path}-journal | od -A n -t x1 | tr -d ' '"
        if vm.run(magic).stdout.strip() == _HOT:
            return f"{self.path}-journal was there, to be rolled back"
        if vm.run(["test", "-s", f"{self.path}-wal"]).exit_status == 0:
            return f"{self.path}-wal was there, to be read"
        return ""

    def integrity(self, vm: VirtualMachine) -> str:
        """Ask for an integrity check.

        Args:
            vm: where.
        """
        return done_or_said(vm.run(self._sql("PRAGMA integrity_check", patience=2000)), "ok")

    def _insert(self, what: str, patience: int) -> str:
        """A command that inserts; a mode of the journal that the file does not keep is set anew."""
        mode = ""
        if self.journal in ("TRUNCATE", "PERSIST"):
            mode = f"PRAGMA journal_mode={self.journal}; "
        return self._sql(f"{mode}INSERT {what}", patience) + " > /dev/null"

    def _sql(self, statements: str, patience: int) -> str:
        """A command; patience is in milliseconds."""
        return (
            f"sqlite3 -bail -cmd '.timeout {patience}' -cmd 'PRAGMA synchronous={self.synchronous}'"
            f' {self.path} "{statements}"'
        )
