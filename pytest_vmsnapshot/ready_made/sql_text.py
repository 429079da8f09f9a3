"""SQL as its command-line clients read it: where a statement ends."""

from __future__ import annotations

import re

_PART = re.compile(
    r"""
      (?P<quoted> '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*` )
    | (?P<comment> --(?:[ \t][^\n]*)?(?=\n|\Z) | \#[^\n]* | /\*(?!!).*?\*/ )
    | (?P<end> ; | \\[gG] )
    | (?P<open> ['"`] | /\*(?!!) )
    | (?P<other> [^'"`;\\#/-]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_LITERAL = re.compile(r"SELECT\s+(?:'((?:[^'\\]|'')*)'|(\d+))(?:\s+AS\s+\w+)?\Z", re.IGNORECASE)

_BLANKS = re.compile(r"\s+")


def split(text: str) -> tuple[list[str], str]:
    """Statements that are complete, and the beginning of the next one.

    Quotes and comments are heeded; a statement comes without its end, its comments and blank lines.

    Args:
        text: what a client has read.
    """
    found: list[str] = []
    words: list[str] = []
    start = 0
    for part in _PART.finditer(text):
        match part.lastgroup:
            case "end":
                _take("".join(words), found)
                words = []
                start = part.end()
            case "open":  # its end has not been read yet
                return found, text[start:]
            case "comment":
                words.append(" ")
            case _:
                words.append(part.group())
    rest = text[start:]
    return found, rest if "".join(words).strip() else ""


def _take(statement: str, found: list[str]) -> None:
    if statement.strip():
        found.append(statement.strip())


def literal(statement: str) -> str:
    """What a statement selects that asks for one string or number only; empty for any other.

    Args:
        statement: without its end.
    """
    found = _LITERAL.match(statement.strip())
    if found is None:
        return ""
    return found[2] or found[1].replace("''", "'")


def plainly(statement: str) -> str:
    """A statement in capitals, with single blanks: to be compared, not to be shown."""
    return _BLANKS.sub(" ", statement.strip()).upper()
