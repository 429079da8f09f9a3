"""Text that was meant to be replaced by whoever copied it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .codes import PLACEHOLDER
from .finding import LintFinding, Severity
from .reading import ReadScript

_YOURS = (
    "account|app|application|backup|bucket|container|database|db|directory|domain|email|group|host|"
    "hostname|instance|key|name|namespace|org|organization|pass|password|path|port|project|region|"
    "resource|resource-group|script|secret|server|service|sid|site|storage|subscription|tenant|"
    "token|user|username|vault|vm"
)

_ANYWHERE = re.compile(
    rf"""
      (?P<path> (?:/|\b)path/to/ | /path/to\b | \bC:\\path\\to )
    | (?P<change> \b(?:CHANGE|REPLACE)[-_]?(?:ME|THIS)\b | \b(?:change|replace)[-_]?me\b )
    | (?P<your> (?<![\w$-])(?:your|YOUR|Your|my-own)[-_](?:{_YOURS}|{_YOURS.upper()})(?![a-z]) )
    | (?P<domain> (?<![\w-])(?:[\w-]+\.)*example\.(?:com|org|net)\b )
    | (?P<angle> <(?:your|my|insert|enter|replace|put)[ _-][^<>\n]*> )
    """,
    re.VERBOSE,
)
"""What is a placeholder wherever it stands; the domains are reserved for examples (RFC 2606)."""

_WORD = re.compile(rf"<(?:[\w .-]*[ _.-])?(?:{_YOURS})s?(?:[ _.-][\w .-]*)?>", re.IGNORECASE)
"""What is one if it is all there is of a word in a script."""

_VALUE = re.compile(
    r"<[A-Za-z][\w .-]*>|\{\{ ?\w+ ?\}\}|__[A-Z][A-Z0-9_]*__|TODO|FIXME|TBD|XXX+|xxx+"
)
"""What is one if it is all there is of a value in a config."""

_TELLS = frozenset(
    {
        *("echo", "printf", "logger", "grep", "egrep", "fgrep", "sed", "awk"),
        *("[", "[[", "test"),
    }
)
"""Commands whose arguments are text for a reader, a pattern, or something to compare with."""


def in_value(text: str) -> str:
    """The placeholder in a value of a config; empty if there is none."""
    return text.strip() if _VALUE.fullmatch(text.strip()) else _inside(text)


def _inside(text: str) -> str:
    found = _ANYWHERE.search(text)
    return found[0] if found else ""


def in_script(script: ReadScript) -> Iterator[LintFinding]:
    """Placeholders in words and here-documents; not in comments, nor in what is printed."""
    for command in script.shell.commands:
        if command.name in _TELLS:
            continue
        words = [*command.assignments, *command.words]
        words += [found.target for found in command.redirections if found.target is not None]
        for word in words:
            value = word.plain.partition("=")[2] if word in command.assignments else word.plain
            if found := value if word.quoted and _WORD.fullmatch(value) else _inside(value):
                yield script.found(
                    PLACEHOLDER,
                    Severity.ERROR,
                    word,
                    f"{found} looks like text that was meant to be replaced",
                    "write what is meant on your VM",
                )
                break
