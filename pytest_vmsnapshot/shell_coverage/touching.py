"""Scripts that would notice that they are traced, or that would disturb the trace."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from ..kept import START_UP, TRACE
from .nodes import Node
from .parse_tree import literal, tree

_VARIABLES = frozenset({"PS4", "BASH_XTRACEFD", "BASH_ENV", "SHELLOPTS", "-"})
_SHELLS = frozenset({"sh", "bash", "dash"})
_NESTED = frozenset({"eval", "trap", *_SHELLS})
"""Commands one of whose words is a script."""
_DEEPEST = 5
_DESCRIPTORS = frozenset(range(START_UP, TRACE + 1))
_FIRST_LINE = frozenset("euhfmbBCEHTPlo")
"""Options of a first line by which bash runs what it would run without a trace, and no more."""
_NAMED = frozenset({"xtrace", "verbose", "allexport", "noexec", "posix", "privileged"})
_LIMITS = frozenset("HSacensu")
"""Letters of ``ulimit`` that do not stop a trace from being written: not f, for one."""
_DECLARING = frozenset({"declare", "typeset", "export", "readonly"})
_LOOKING = (
    (re.compile(rb"/proc/\S*/(?:fd|fdinfo|environ|limits)\b"), "looks at its process in /proc"),
    (re.compile(rb"/dev/fd(?![/\w])|/dev/fd/[*$\"'?[{]"), "looks at its descriptors"),
    (re.compile(rb"[$]\{?\w+\}?[\"']?[<>]+&-"), "closes descriptors that only the run knows"),
    (re.compile(rb"^\s*set\s+[-+][a-z]*[xv]", re.MULTILINE), "has set -x"),
)
"""What is looked for in the text, because it may stand in a string or in a here-document."""
_NAMED_DESCRIPTOR = re.compile(rb"\{(\w+)\}[<>]+(&-)?")


def reason(script: bytes) -> str:
    """Why a script must not be traced in its deciding run; empty if there is no reason.

    Args:
        script: its text.

    Raises:
        CoverageExtraMissing: tree-sitter is not installed.
    """
    return _first_line(script) or next(_reasons(tree(script), 0), "") or _in_text(script)


def _first_line(script: bytes) -> str:
    line = script.partition(b"\n")[0]
    if not line.startswith(b"#!"):
        return ""
    waiting = iter(line[2:].decode(errors="replace").split()[1:])
    for word in waiting:
        if word in _SHELLS or word in {"-S", "--", "-", "--norc", "--noprofile", "--login"}:
            continue
        named = next(waiting, "") if word[0] in "-+" and word[-1] in "oO" else ""
        if word[0] in "-+" and (
            not _FIRST_LINE.issuperset(word[1:].rstrip("O")) or named in _NAMED
        ):
            return f"its first line asks for {word} {named}".rstrip()
    return ""


def _in_text(script: bytes) -> str:
    """What is no matter of the grammar."""
    for pattern, what in _LOOKING:
        for found in pattern.finditer(script):
            before = script[: found.start()]
            if not before[before.rfind(b"\n") + 1 :].lstrip().startswith(b"#"):
                line = before.count(b"\n") + script[found.start() : found.end()].count(b"\n") + 1
                return f"line {line} {what}"
    named = list(_NAMED_DESCRIPTOR.finditer(script))
    opened = {found[1] for found in named if not found[2]}
    for found in named:
        if found[1] not in opened:
            line = script[: found.start()].count(b"\n") + 1
            return f"line {line} closes descriptors that only the run knows"
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
            yield from _of_declaration(node, line)
        elif node.kind == "file_redirect":
            yield from _of_redirection(node, line)
        elif node.kind == "expansion":
            yield from _of_expansion(node, root, line)
        elif node.kind == "unary_expression" and node.words.split()[-1] == "xtrace":
            yield f"line {line} asks for xtrace"
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
        yield from _of_shell(name, texts, line)
    elif name in {"read", "printf", "mapfile"} and not _VARIABLES.isdisjoint(texts):
        yield f"line {line} uses {next(text for text in texts if text in _VARIABLES)}"
    elif name in _SHOWING and _SHOWING[name](texts):
        yield f"line {line} shows {_SHOWN[name]}"
    if name in _NESTED and depth < _DEEPEST:
        for word in words:
            if word.kind in {"string", "raw_string"}:
                inner = word.words[1:-1].encode(errors="surrogateescape")
                # Variables of the string are found in the tree around it.
                for why in _reasons(tree(inner), depth + 1):
                    yield f"line {line} {why.partition(' ')[2].partition(' ')[2]}"


def _of_shell(name: str, texts: list[str | None], line: int) -> Iterator[str]:
    waiting = iter(texts)
    for text in waiting:
        if text is None or not text.startswith(("-", "+")):
            return
        named = (next(waiting, "") or "") if text[-1] == "o" and text[:2] != "--" else ""
        short = text[:2] != "--"
        if (short and set("xva") & set(text)) or text == "--verbose" or named in _NAMED:
            yield f"line {line} starts {name} {text} {named}".rstrip()


def _of_declaration(node: Node, line: int) -> Iterator[str]:
    words = [child for child in node.children[1:] if child.is_named]
    for child in words:
        if child.kind == "word" and child.words in _VARIABLES:
            yield f"line {line} uses {child.words}"
    texts = [child.words for child in words]
    is_list = all(text.startswith("-") and not {"f", "F"} & set(text) for text in texts)
    if node.children[0].words in _DECLARING and is_list:
        yield f"line {line} shows variables"


def _of_redirection(node: Node, line: int) -> Iterator[str]:
    for child in node.children:
        if child.kind in {"file_descriptor", "number", "word"} and child.words.isdecimal():
            is_duplicate = child.kind == "file_descriptor" or "&" in node.words
            if is_duplicate and int(child.words) in _DESCRIPTORS:
                yield f"line {line} uses the descriptor {child.words}"


def _of_expansion(node: Node, root: Node, line: int) -> Iterator[str]:
    """``${!name}`` and ``${!prefix*}``."""
    if len(node.children) < 3 or node.children[1].kind != "!":
        return
    name, last = node.children[2].words, node.children[-2].kind
    if last in {"*", "@", "*}", "@}"}:
        if any(variable.startswith(name) for variable in _VARIABLES):
            yield f"line {line} looks for variables"
    elif node.children[2].kind == "variable_name":
        for variable in sorted(_VARIABLES - {"-"}):
            if variable.encode() in root.content:
                yield f"line {line} may use {variable}"


def _only_options(texts: list[str | None]) -> bool:
    return all(text is not None and (text[0] == "-" or "=" in text) for text in texts)


def _limits_files(texts: list[str | None]) -> bool:
    options = [text for text in texts if text is not None and text.startswith("-")]
    return not options or not _LIMITS.issuperset("".join(options).replace("-", ""))


def _compgen(texts: list[str | None]) -> bool:
    return any(text is None or "v" in text or "e" in text for text in texts)


def _shopt(texts: list[str | None]) -> bool:
    options = [text for text in texts if text is not None and text.startswith("-")]
    names = [text for text in texts if text is None or not text.startswith("-")]
    asked = any("o" in text for text in options)
    return asked and (not names or None in names or not _NAMED.isdisjoint(names))


_SHOWING: Mapping[str, Callable[[list[str | None]], bool]] = {
    "env": _only_options,
    "printenv": _only_options,
    "compgen": _compgen,
    "shopt": _shopt,
    "ulimit": _limits_files,
    "test": lambda texts: texts == ["-o", "xtrace"],
    "lsof": lambda _: True,
}
"""Commands that show what a trace needs, or take it away, and which of their words do."""

_SHOWN = {
    "env": "variables",
    "printenv": "variables",
    "compgen": "variables",
    "shopt": "options",
    "ulimit": "or sets limits",
    "test": "options",
    "lsof": "descriptors",
}


def _of_set(texts: list[str | None], line: int) -> Iterator[str]:
    if not texts or texts in (["-o"], ["+o"]):
        yield f"line {line} shows {'options' if texts else 'variables'}"
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
