"""Text that tree-sitter-bash takes for something else, put so that it does not.

Only rows and the first words of commands are asked of the tree, so what stands in a here-document
or in an expression may be changed; every line stays where it is.
"""

from __future__ import annotations

import re

_CARRIAGE_RETURN = re.compile(rb"\r(?=\n|\Z)")
_ESCAPED = re.compile(rb"^([ \t]*)\\(?=[A-Za-z])", re.MULTILINE)
_TIME = re.compile(rb"(^|[;&|][ \t])([ \t]*time(?:[ \t]+-p)?)(?=[ \t])", re.MULTILINE)
_NO_WORDS = re.compile(rb"\bin[ \t]*(?=;[ \t]*do\b)")
_DOCUMENT = re.compile(rb"(?<!<)<<-?[ \t]*(\\?[A-Za-z_][\w.-]*|'[^'\n]+'|\"[^\"\n]+\")")
_GOES_ON = re.compile(rb"(?:\||&&)[ \t]*\Z")
_EXPRESSION = re.compile(
    rb"(?P<open>\[\[ )(?P<test>[^`(]+?)(?P<close> \]\])"
    rb"|(?P<begin>\(\()(?P<sum>[^`)]+)(?P<end>\)\))"
    rb"|(?<![\w$\[])(?P<left>\[ )(?P<words>[^\n`(\[\]]+)(?P<right> \])(?=[ \t;&|)\n]|\Z)"
)
_INSIDE = re.compile(rb"[^\n]")


def calmed(text: bytes) -> bytes:
    """What to parse instead of a script.

    Some words would be taken for a part of their neighbour: the carriage return of CRLF, the
    backslash that keeps a command from being an alias. ``time`` would be taken for a command, and
    ``for x in; do`` for an error. After ``cat <<EOF |``, or where a line has two of them, the body
    of a here-document would be read as commands.

    Args:
        text: a script.
    """
    text = _CARRIAGE_RETURN.sub(b" ", text)
    text = _ESCAPED.sub(rb"\1 ", text)
    text = _TIME.sub(lambda found: found[1] + b" " * len(found[2]), text)
    text = _NO_WORDS.sub(b"in x", text)
    return _without_documents(text) if b"<<" in text else text


def without_expressions(text: bytes) -> bytes:
    """What to parse if there is an error: ``[ -d / ]`` is one for tree-sitter-bash.

    Args:
        text: a script.
    """

    def blank(found: re.Match[bytes]) -> bytes:
        before, inside, behind = (group for group in found.groups() if group is not None)
        return b"".join((before, _INSIDE.sub(b"x", inside), behind))

    return _EXPRESSION.sub(blank, text)


def _without_documents(text: bytes) -> bytes:
    lines = text.split(b"\n")
    number = 0
    while number < len(lines):
        line, first = lines[number], number + 1
        number += 1
        words = [] if line.lstrip().startswith(b"#") else _DOCUMENT.findall(line)
        for word in words:
            number = _behind(lines, number, word.strip(b"\\'\""))
        if number > first and (len(words) > 1 or _GOES_ON.search(line)):
            lines[first - 1] = _DOCUMENT.sub(lambda found: b" " * len(found[0]), line)
            lines[first:number] = [b"#"] * (number - first)
    return b"\n".join(lines)


def _behind(lines: list[bytes], number: int, word: bytes) -> int:
    """Where a here-document ends; where it would begin, if it has no end: ``1 << x``."""
    for end in range(number, len(lines)):
        if lines[end].strip() == word:
            return end + 1
    return number
