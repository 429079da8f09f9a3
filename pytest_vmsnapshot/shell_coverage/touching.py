"""Scripts that would notice that they are traced, or that would disturb the trace."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .nodes import Node
from .parse_tree import literal, tree

_VARIABLES = frozenset({"PS4", "BASH_XTRACEFD", "BASH_ENV", "SHELLOPTS", "-"})
_SHELLS = frozenset({"sh", "bash", "dash"})
_NESTED = frozenset({"eval", "trap", *_SHELLS})
"""Commands one of whose words is a script."""
_DEEPEST = 5


def reason(script: bytes) -> str:
    """Why a script must not be traced in its deciding run; empty if there is no reason.

    Args:
        script: its text.

    Raises:
        CoverageExtraMissing: tree-sitter is not installed.
    """
    if why := _first_line(script):
        return why
    return next(_reasons(tree(script), 0), "")


def _first_line(script: bytes) -> str:
    line = script.partition(b"\n")[0]
    if not line.startswith(b"#!"):
        return ""
    for word in line[2:].decode(errors="replace").split()[1:]:
        if re.fullmatch(r"-[a-zA-Z]*[xp][a-zA-Z]*|--posix", word) or word in {"xtrace", "posix"}:
            return f"its first line asks for {word}"
    return ""


def _reasons(root: Node, depth: int) -> Iterator[str]:
    nodes = [root]
    while nodes:
        node = nodes.pop()
        line = node.first
        if node.kind in {"variable_name", "special_variable_name"}:
            if (name := node.words) in _VARIABLES:
                yield f"line {line} uses {'$-' if name == '-' else name}"
        elif node.kind == "command":
            yield from _of_command(node, line, depth)
        elif node.kind in {"unset_command", "declaration_command"}:
            for child in node.children[1:]:
                if child.kind == "word" and child.words in _VARIABLES:
                    yield f"line {line} uses {child.words}"
        nodes += reversed(node.children)


def _of_command(node: Node, line: int, depth: int) -> Iterator[str]:
    name_node = node.child("name")
    name = "" if name_node is None else literal(name_node) or ""
    name = name.rpartition("/")[2]
    words = list(node.all("argument"))
    texts = [literal(word) for word in words]
    if name == "set":
        yield from _of_set(texts, line)
    elif name in _SHELLS:
        for text in texts:
            if text is None or not text.startswith(("-", "+")):
                break
            if "x" in text:
                yield f"line {line} starts {name} {text}"
    elif name in {"read", "printf", "mapfile"} and not _VARIABLES.isdisjoint(texts):
        yield f"line {line} uses {next(text for text in texts if text in _VARIABLES)}"
    if name in _NESTED and depth < _DEEPEST:
        for word in words:
            if word.kind in {"string", "raw_string"}:
                inner = word.words[1:-1].encode(errors="surrogateescape")
                # Variables of the string are found in the tree around it.
                for why in _reasons(tree(inner), depth + 1):
                    yield f"line {line} {why.partition(' ')[2].partition(' ')[2]}"


def _of_set(texts: list[str | None], line: int) -> Iterator[str]:
    waiting = iter(texts)
    for text in waiting:
        if text is None:
            yield f"line {line} sets options that only the run knows"
            return
        if text == "-":
            yield f"line {line} has set -, which ends a trace"
            return
        if text == "--" or text[0] not in "-+":
            return
        named = next(waiting, "") if text[-1] == "o" else ""
        if "x" in text or named in {None, "xtrace"}:
            yield f"line {line} has set {text} {named or ''}".rstrip()
            return
