"""A shell script as coverage sees it: its statements, its clauses and its decisions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .calming import calmed, without_expressions
from .flow import Flow, flow_of
from .nodes import Node, nodes_of

TOP = -1
"""Stands for the script itself where a substitution is meant."""

UNKNOWN: frozenset[str] = frozenset()
"""The first words of a command that only the run knows."""

_TRANSPARENT = frozenset({"time", "coproc", "builtin"})
"""Words that bash leaves out when it traces the command behind them, or not, as it likes."""

_PLAIN = re.compile(r"[^\s$`*?{}~'\"\\]+")
_NAME = re.compile(r"[A-Za-z_]\w*")

_CLAUSES = frozenset(
    {
        "function_definition",
        "if_statement",
        "elif_clause",
        "else_clause",
        "case_statement",
        "case_item",
        "for_statement",
        "c_style_for_statement",
        "while_statement",
        "do_group",
        "subshell",
        "compound_statement",
        "list",
        "pipeline",
    }
)
_SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})


class CoverageExtraMissing(Exception):
    """What parses shell scripts is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "coverage of shell scripts needs tree-sitter-bash: "
            'pip install "pytest-vmsnapshot[coverage]"'
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """What bash traces as one command.

    Args:
        line: the line that stands for it: its first.
        end: its last line, here-documents included.
        words: with which of them bash may begin when it traces it; none if only the run knows.
        substitution: the index of the command substitution it stands in, ``TOP`` outside of any.
        key: where it begins in the text.
        offset: how many lines below the first one of its substitution bash counts it, which leaves
            out blank lines and comments.
    """

    line: int
    end: int
    words: frozenset[str]
    substitution: int
    key: int
    offset: int = 0

    def may_print(self, word: str) -> bool:
        """Whether bash may have traced it by a line that begins with a word."""
        return not self.words or word in self.words


@dataclass(frozen=True, slots=True)
class Clause:
    """Lines that are excluded together, by a comment on the first of them."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the script."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Script:
    """A parsed script.

    Args:
        statements: in the order of the text.
        clauses: of compound commands and functions.
        functions: in the order of the text.
        loops: for each ``for`` the line of its head, and the lines from which to which the next
            statement behind it goes. bash does not trace the head if there is no word for it.
        flow: what comes after what.
        whole: whether all of it could be parsed.
    """

    statements: tuple[Statement, ...]
    clauses: tuple[Clause, ...]
    functions: tuple[Function, ...]
    loops: tuple[tuple[int, int, int], ...]
    flow: Flow
    whole: bool

    @property
    def lines(self) -> frozenset[int]:
        """Lines that stand for a statement."""
        return frozenset(statement.line for statement in self.statements)

    def executed(self, lines: set[int]) -> set[int]:
        """Lines that stand for a statement that was run.

        Args:
            lines: those of statements that bash has traced.
        """
        found = set(lines)
        for head, first, last in reversed(self.loops):
            if head not in found and not found.isdisjoint(range(first, last + 1)):
                found.add(head)
        return found

    def excluded(self, matching: frozenset[int]) -> frozenset[int]:
        """Lines that are not counted.

        Args:
            matching: lines with a comment (or other text) that excludes them. On the first line of
                a compound command, a clause of it or a function it excludes all of that.
        """
        excluded = set(matching)
        for clause in self.clauses:
            if clause.first in matching:
                excluded.update(range(clause.first, clause.last + 1))
        for statement in self.statements:
            if not matching.isdisjoint(range(statement.line, statement.end + 1)):
                excluded.add(statement.line)
        return frozenset(excluded)


def parse(text: bytes) -> Script:
    """Parse a shell script, as far as that goes.

    Args:
        text: the script, of any shell that is like bash; CRLF and undecodable bytes may be in it.

    Raises:
        CoverageExtraMissing: tree-sitter is not installed.
    """
    return _Reading(tree(text)).result()


def tree(text: bytes) -> Node:
    """The root of the parse tree of a script.

    Raises:
        CoverageExtraMissing: tree-sitter is not installed.
    """
    try:
        import tree_sitter_bash
        from tree_sitter import Language, Parser
    except ImportError:
        raise CoverageExtraMissing from None
    parser = Parser(Language(tree_sitter_bash.language()))

    def parsed(version: bytes) -> Node:
        return nodes_of(parser.parse(version), version)

    calm = calmed(text)
    root = parsed(calm)
    return min(parsed(without_expressions(calm)), root, key=_errors) if _errors(root) else root


def _errors(root: Node) -> int:
    """How much of a tree could not be parsed."""
    return sum(node.is_wrong for node in root.walk())


@dataclass(frozen=True, slots=True)
class _Place:
    """A node that is still to be read."""

    node: Node
    substitution: int
    end: int = 0


class _Reading:
    """Reads a tree, without recursion: chains of ``&&`` are as deep as they are long."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._statements: list[Statement] = []
        self._clauses: list[Clause] = []
        self._functions: list[Function] = []
        self._substitutions = 0
        self._loops: list[tuple[int, int, int]] = []
        self._aliases: set[str] = set()
        self._rows: set[int] = set()
        self._traced: list[Node] = []

    def result(self) -> Script:
        """What was read."""
        open_places = [_Place(self._root, TOP)]
        while open_places:
            open_places += reversed(list(self._read(open_places.pop())))
        statements = [self._finished(statement) for statement in self._statements]
        return Script(
            tuple(sorted(statements, key=lambda s: (s.line, s.end))),
            tuple(self._clauses),
            tuple(self._functions),
            tuple(self._loops),
            flow_of(self._traced),
            _errors(self._root) == 0,
        )

    def _finished(self, statement: Statement) -> Statement:
        known = statement.words.isdisjoint(self._aliases)
        offset = 0
        if statement.substitution != TOP:
            first = min(
                s.line for s in self._statements if s.substitution == statement.substitution
            )
            offset = len(self._rows.intersection(range(first, statement.line)))
        return replace(statement, words=statement.words if known else UNKNOWN, offset=offset)

    def _read(self, place: _Place) -> Iterator[_Place]:
        node, substitution = place.node, place.substitution
        kind = node.kind
        first, last = node.first, node.last
        if not node.children and kind not in {"comment", "then", "\n"}:
            self._rows.add(first)
        if kind in _CLAUSES and last > first:
            self._clauses.append(Clause(first, last))
        if kind == "function_definition":
            name = node.child("name")
            self._functions.append(Function(name.words if name else "", first, last))
        if kind in _SUBSTITUTIONS:
            substitution = self._substitutions
            self._substitutions += 1
        if kind == "command":
            self._commands(place, substitution)
        elif (words := self._words(node)) is not None:
            end = max(place.end, self._header_end(node))
            self._statements.append(Statement(first, end, words, substitution, node.start))
            self._traced.append(node)
        if kind == "for_statement" and (behind := _behind(node)):
            self._loops.append((first, behind.first, behind.last))
        body = node.child("body") if kind == "redirected_statement" else None
        for child in node.children:
            # What is written into a command belongs to it.
            yield _Place(child, substitution, last if body is not None and child == body else 0)

    def _header_end(self, node: Node) -> int:
        """The last line of a simple command, or of the head of a compound one."""
        if node.kind in {"for_statement", "c_style_for_statement", "select_statement"}:
            body = node.child("body")
            return max(node.first, body.first if body else 0)
        if node.kind == "case_statement":
            value = node.child("value")
            return (value or node).last
        return node.last

    def _words(self, node: Node) -> frozenset[str] | None:
        """With which words bash begins when it traces a node; None if it does not trace it."""
        kind = node.kind
        if kind == "variable_assignment":
            if node.parent and node.parent.kind in {"command", "declaration_command"}:
                return None
            return frozenset({f"{_assigned(node)}="})
        if kind == "declaration_command":
            variables = {f"{_assigned(child)}=" for child in node.children if child.is_named}
            return frozenset({node.children[0].words, *variables} - {"="})
        if kind == "unset_command":
            return frozenset({node.children[0].words})
        if kind == "test_command":
            return frozenset({node.children[0].words})
        if kind == "for_statement":
            return frozenset({node.children[0].words})  # select is one of them
        if kind == "c_style_for_statement":
            return frozenset({"(("})
        if kind == "case_statement":
            return frozenset({"case"})
        if kind == "compound_statement" and node.children and node.children[0].kind == "((":
            return frozenset({"(("})
        return None

    def _commands(self, place: _Place, substitution: int) -> None:
        """Note a command. tree-sitter-bash takes some for one that are on lines of their own."""
        whole, start = place.node.content, place.node.start
        parts: list[list[Node]] = [[]]
        for child in place.node.children:
            if parts[-1]:
                between = whole[parts[-1][-1].end - start : child.start - start]
                if b"\n" in between.replace(b"\\\n", b""):
                    parts.append([])
            parts[-1].append(child)
        for part in parts:
            if part[0].kind.endswith("_redirect"):  # bash does not trace it
                continue
            first, last = part[0].first, part[-1].last
            end = max(last, place.end) if part is parts[-1] else last
            words = self._of_command(part)
            key = part[0].start
            self._statements.append(Statement(first, end, words, substitution, key))
        self._traced.append(place.node)

    def _of_command(self, part: list[Node]) -> frozenset[str]:
        """With which words bash begins when it traces a command."""
        assigned = [child for child in part if child.kind == "variable_assignment"]
        found = {f"{_assigned(child)}=" for child in assigned}
        rest = [c for c in part if c not in assigned and not c.kind.endswith("_redirect")]
        if not rest:
            return frozenset(found)
        word = literal(rest[0])
        if word == "alias":
            self._aliases |= {c.words.strip("'\"").partition("=")[0] for c in rest[1:]}
        if word is None or word in _TRANSPARENT:
            return UNKNOWN
        return frozenset({*found, word})


def _behind(node: Node) -> Node | None:
    """The next statement of the same list of statements."""
    if node.parent and node.parent.kind == "redirected_statement":
        node = node.parent
    after = node.next
    while after and (not after.is_named or after.kind in {"comment", "function_definition"}):
        after = after.next
    if after is None or after.kind in {"elif_clause", "else_clause"}:
        return None
    return after if node.parent and node.parent.kind not in {"list", "pipeline"} else None


def literal(node: Node) -> str | None:
    """What a word is for the shell, without its quotes; None if only the run knows."""
    text = node.words.replace("\\\n", "").replace("\\", "")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return text if _PLAIN.fullmatch(text) else None


def _assigned(node: Node) -> str:
    """The variable of an assignment; nothing for other nodes."""
    found = _NAME.match(node.words) if node.kind == "variable_assignment" else None
    return found[0] if found else ""
