"""Here-documents that tree-sitter-bash takes for commands, put so that it does not."""

from __future__ import annotations

import re

_START = re.compile(rb"(?<!<)<<-?[ \t]*(\\?[A-Za-z_][\w.-]*|'[^'\n]+'|\"[^\"\n]+\")")
_GOES_ON = re.compile(rb"(?:\||&&)[ \t]*\Z")


def calmed(text: bytes) -> bytes:
    """Make comments of here-documents whose command goes on behind them.

    After ``cat <<EOF |`` tree-sitter-bash reads the body as the next command of the pipeline. Lines
    stay where they are.

    Args:
        text: a script.
    """
    if b"<<" not in text:
        return text
    lines = text.split(b"\n")
    number = 0
    while number < len(lines):
        line, first = lines[number], number + 1
        number += 1
        words = [] if line.lstrip().startswith(b"#") else _START.findall(line)
        for word in words:
            number = _behind(lines, number, word.strip(b"\\'\""))
        if number > first and _GOES_ON.search(line):
            lines[first - 1] = _START.sub(lambda found: b" " * len(found[0]), line)
            lines[first:number] = [b"#"] * (number - first)
    return b"\n".join(lines)


def _behind(lines: list[bytes], number: int, word: bytes) -> int:
    """Where a here-document ends; where it would begin, if it has no end: ``1 << x``."""
    for end in range(number, len(lines)):
        if lines[end].strip() == word:
            return end + 1
    return number
