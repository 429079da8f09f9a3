"""Locks that end before the snapshot, because the client that takes them ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .codes import ONE_SHOT_LOCK
from .database_clients import ClientCall, client_calls
from .finding import LintFinding, Severity
from .reading import ReadScript

_LOCKS: Final = {
    "mysql": re.compile(
        r"FLUSH (?:NO_WRITE_TO_BINLOG |LOCAL )?TABLES?\b.*\b(?:WITH READ LOCK|FOR EXPORT)"
        r"|LOCK TABLES? |LOCK INSTANCE FOR BACKUP|BACKUP (?:STAGE|LOCK)|(?:SELECT|DO) GET_LOCK ?\("
    ),
    "psql": re.compile(
        r"(?:SELECT|WITH|PERFORM)\b.*\b(?:PG_BACKUP_START|PG_START_BACKUP|PG_ADVISORY_LOCK) ?\("
    ),
    "sqlite3": re.compile(r"BEGIN (?:IMMEDIATE|EXCLUSIVE)"),
}
"""What takes something that belongs to the session."""

_RELEASES: Final = {
    "mysql": re.compile(r"UNLOCK (?:TABLES?|INSTANCE)|BACKUP (?:STAGE END|UNLOCK)"),
    "psql": re.compile(r".*\bPG_(?:BACKUP_STOP|STOP_BACKUP|ADVISORY_UNLOCK)\b.*"),
    "sqlite3": re.compile(r"COMMIT|END|ROLLBACK"),
}
"""What gives it back in the same session, so that nobody counts on it afterwards."""

_STAYS = re.compile(
    r".*\b(?:SLEEP|PG_SLEEP) ?\(.*|(?:\\!|\.?SYSTEM\b|\.SHELL\b)(?! ?(?:SYNC|DATE|ECHO)\b).*",
    re.DOTALL,
)
"""What keeps the client, and with it the lock, while something else is done."""

_OLD_EXCLUSIVE = re.compile(r".*\bPG_START_BACKUP ?\((?!.*,.*, ?(?:EXCLUSIVE ?=> ?)?FALSE)")
_POST_ONLY = re.compile(r"UNLOCK TABLES?\Z|.*\b(?:PG_BACKUP_STOP)\b")

_KEEP = (
    "keep one client alive until the post-script: let it read from a FIFO that a process in the "
    "background holds open, and end that process in the post-script"
)
_SNAPSHOT = (
    "; a snapshot of all disks at one instant needs no backup mode: CHECKPOINT shortens recovery"
)


def one_shot_locks(script: ReadScript) -> Iterator[LintFinding]:
    """Locks, backup modes and transactions of a client that is given nothing more to do."""
    for call in client_calls(script.shell):
        if _is_lost(call):
            yield _lost(script, call)
        elif script.file.step != "pre" and _POST_ONLY.match(call.statements[0]):
            what = "began the backup" if call.kind == "psql" else "took the lock"
            yield script.found(
                ONE_SHOT_LOCK,
                Severity.WARNING,
                call.command,
                f"this {call.client} is another session than the one that {what}, and ends nothing",
                _KEEP,
            )


def _is_lost(call: ClientCall) -> bool:
    statements = call.statements
    taken = [i for i, text in enumerate(statements) if _LOCKS[call.kind].match(text)]
    if not taken:
        return False
    rest = statements[taken[0] + 1 :]
    return not any(_RELEASES[call.kind].fullmatch(s) or _STAYS.fullmatch(s) for s in rest)


def _lost(script: ReadScript, call: ClientCall) -> LintFinding:
    if any(_OLD_EXCLUSIVE.match(text) for text in call.statements):
        return script.found(
            ONE_SHOT_LOCK,
            Severity.ERROR,
            call.command,
            "pg_start_backup outlives its session up to PostgreSQL 14 only; version 15 knows "
            "pg_backup_start alone, whose backup the server aborts when its client ends",
            _KEEP + _SNAPSHOT,
        )
    if call.kind == "psql":
        what = "its backup is aborted by the server when the session ends"
    elif call.kind == "mysql":
        what = "its lock ends with the session"
    else:
        what = "its transaction ends with the session"
    return script.found(
        ONE_SHOT_LOCK,
        Severity.ERROR,
        call.command,
        f"this {call.client} ends at once, and {what}: at the snapshot nothing is held",
        _KEEP + (_SNAPSHOT if call.kind == "psql" else ""),
    )
