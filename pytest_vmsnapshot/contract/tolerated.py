"""Failures of commands that a script may pass over: by nature, or because its author says so."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from .stand import Stand

MAY_FAIL = "vmsnapshot: may-fail"
"""What an author writes in a comment on the line of a command whose failure is passed over."""

_PASSED_OVER = re.compile(rf"\|\|\s*(?:true\b|:(?=[\s;&|)}}'\"`]|$))|#.*\b{MAY_FAIL}\b")

_ONLY_TELL = frozenset({"logger", "systemd-cat", "wall", "mail", "mailx", "sendmail"})
"""Commands that tell somebody something: no application is less at rest without it."""

_NEVER_FAIL = frozenset({"sleep", "date", "dirname", "basename", "hostname", "true"})
"""Commands that fail on no VM that works."""

_ANSWER = frozenset(
    {
        *("grep", "egrep", "fgrep", "zgrep", "test", "[", "cmp", "diff", "getent", "id", "which"),
        *("pgrep", "pidof", "fuser", "mountpoint", "findmnt", "pg_isready"),
    }
)
"""Commands whose exit status is the answer to a question."""

_ANSWERING_WORD = re.compile(r"is-[a-z-]+|-0|ping")
"""First arguments by which a command's exit status is an answer."""

_ASKS = frozenset({"lvs", "vgs", "pvs", "lvdisplay", "rpm", "dpkg", "stat", "ls", "find", "nc"})
_ASKING_WORD = re.compile(
    r"status|state|show|list|info|inspect|exists?|check|get|ps|dom(?:info|state)|(?:list|has|check)-.+"
)
"""Commands, and arguments, by which it is one where the script branches on it."""

_BRANCHES = re.compile(r"^\s*(?:if|elif|while|until|!)\s|&&|\|\|")


def words_of(command: str) -> tuple[str, ...]:
    """The words of a command as it was typed; the name without its path.

    Args:
        command: as it is told.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return (words[0].rpartition("/")[2], *words[1:]) if words else ()


def is_question(words: Sequence[str]) -> bool:
    """Whether the exit status of a command is an answer, where a script wants one.

    Args:
        words: the command.
    """
    return _answers(words) or (bool(words) and (words[0] in _ASKS or _has(_ASKING_WORD, words)))


def is_tolerated(stand: Stand, script: str, words: Sequence[str]) -> bool:
    """Whether the failure of a command may be passed over.

    Args:
        stand: where it is tried.
        script: ``pre`` or ``post``.
        words: the command; its name alone stands for all calls of it.
    """
    if not words:
        return False
    if words[0] in (*_ONLY_TELL, *_NEVER_FAIL, *stand.contract.settings.may_fail):
        return True
    if _answers(words):
        return True
    lines = _lines(stand, script, words)
    if lines and is_question(words) and all(_BRANCHES.search(line) for line in lines):
        return True
    return bool(lines) and all(_PASSED_OVER.search(line) for line in lines)


def _answers(words: Sequence[str]) -> bool:
    return bool(words) and (words[0] in _ANSWER or _has(_ANSWERING_WORD, words))


def _has(pattern: re.Pattern[str], words: Sequence[str]) -> bool:
    """Whether one of a command's first arguments that could be a verb is such a one."""
    return any(pattern.fullmatch(word) for word in words[1:5])


def _lines(stand: Stand, script: str, words: Sequence[str]) -> list[str]:
    """Lines of a script that can have run a command: those with its arguments, if they are written
    out; else those whose arguments are put together.
    """
    path = stand.contract.script(script)
    if path is None:
        return []
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    name = re.compile(rf"(?<![\w.-]){re.escape(words[0])}(?![\w.-])")
    called = [line for line in text.splitlines() if name.search(_code(line))]
    if len(words) == 1:
        return called
    written = [line for line in called if all(word in line for word in words[1:])]
    put_together = [line for line in called if re.search(r"\$(?!\()", line)]
    return written or put_together or called


def _code(line: str) -> str:
    """A line without its comment, roughly."""
    return re.sub(r"(^|\s)#.*", "", line)
