"""What comes after what in a shell script, where that depends on how a command ends.

A *unit* is what one shell sees as one step: a statement that it traces, or a pipeline or subshell,
whose statements are traced by processes of their own. Where the parse tree does not tell for sure
which line is traced next (nothing is where a ``for`` has no words), nothing is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .nodes import Node

Arc = tuple[int, int]

_UNTRACED = frozenset({"comment", "function_definition", "heredoc_body", "heredoc_end"})
_TRACED = frozenset(
    {
        "command",
        "variable_assignment",
        "variable_assignments",
        "declaration_command",
        "unset_command",
        "test_command",
        "case_statement",
        "c_style_for_statement",
    }
)
_CONSTANT = frozenset({b":", b"true"})
"""Conditions that always hold."""
_SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})


@dataclass(frozen=True, slots=True)
class Unit:
    """A step of a script, as one shell sees it.

    Args:
        key: where it begins in the text, and ``True`` for a pipeline or subshell.
        entry: the line by which it is known when it begins.
        line: the line that decides what comes next; 0 if it does not decide.
        after: the ways it can decide for: a line that may be traced next, and the line (or the
            negative line of what ends) that the way is known by.
    """

    key: tuple[int, bool]
    entry: int
    line: int
    after: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """The ways of a script.

    Args:
        units: by the place in the text of each statement, the unit it is.
        around: by the place of each statement, the pipelines and subshells it is in, the innermost
            first. ``None`` among them is what runs in the background.
        arcs: ways from each line that has several.
    """

    units: dict[int, Unit]
    around: dict[int, tuple[Unit | None, ...]]
    arcs: frozenset[Arc]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a way leads.

    Args:
        known_by: a line, or negative the first line of what ends.
        first: lines of which one is traced next.
    """

    known_by: int
    first: frozenset[int]


def flow_of(statements: list[Node]) -> Flow:
    """Find the ways of a script.

    Args:
        statements: nodes that bash traces.
    """
    units: dict[int, Unit] = {}
    around: dict[int, tuple[Unit | None, ...]] = {}
    processes: dict[Node, Unit | None] = {}
    doubted: set[int] = set()
    for node in statements:
        units[node.start] = _unit(node, node.first, process=False, doubted=doubted)
        chain = []
        for outer in _processes(node):
            if outer not in processes:
                processes[outer] = _process(outer, doubted)
            chain.append(processes[outer])
        around[node.start] = tuple(chain)
    everything = [*units.values(), *(unit for unit in processes.values() if unit)]
    arcs = {
        (unit.line, way)
        for unit in everything
        if unit.line and unit.line not in doubted
        for _, way in unit.after
        if way != unit.line
    }
    count = Counter(start for start, _ in arcs)
    return Flow(units, around, frozenset(arc for arc in arcs if count[arc[0]] > 1))


# -- units -----------------------------------------------------------------------------------------


def _process(node: Node, doubted: set[int]) -> Unit | None:
    """The unit that a pipeline or a subshell is; None if nobody waits for it."""
    if _in_background(node):
        return None
    inner = next(iter(_statements(node)), None)
    target = _entry(inner) if inner else None
    entry = target.known_by if target else node.first
    line = 0
    if node.kind == "pipeline":
        last = list(_statements(node))[-1]
        if last.kind == "redirected_statement":
            last = last.child("body") or last
        if last.kind in _TRACED or last.kind == "negated_command":
            line = last.first
    return _unit(node, line, process=True, doubted=doubted, entry=entry)


def _unit(node: Node, line: int, *, process: bool, doubted: set[int], entry: int = 0) -> Unit:
    key = (node.start, process)
    entry = entry or node.first
    if node.kind == "case_statement":
        targets = _cases(node)
    elif node.kind in {"for_statement", "c_style_for_statement"} or node.content in _CONSTANT:
        return Unit(key, entry, 0)
    else:
        targets = [_after(node, True), _after(node, False)]
    reliable = [target for target in targets if target is not None]
    if len({target.known_by for target in reliable}) < 2 and len(reliable) == len(targets):
        return Unit(key, entry, 0)
    seen: dict[int, int] = {}
    for target in reliable:
        for first in target.first:
            if seen.setdefault(first, target.known_by) != target.known_by:
                doubted.add(line)
    if len(reliable) < len(targets):
        doubted.add(line)
    if not line or line in doubted:
        return Unit(key, entry, 0)
    return Unit(key, entry, line, tuple(sorted(seen.items())))


def _cases(node: Node) -> list[_Target | None]:
    """The ways from the head of a ``case``."""
    targets: list[_Target | None] = []
    has_default = False
    for item in node.children:
        if item.kind != "case_item":
            continue
        body = list(_statements(item))
        targets.append(_sequence(body, 0, item) if body else _after(node, True))
        values = item.all("value")
        has_default |= any(value.content == b"*" for value in values)
    if not has_default:
        targets.append(_after(node, True))
    known = {target.known_by: target for target in targets if target}
    return [*known.values(), *([None] if None in targets else [])]


# -- what comes first ------------------------------------------------------------------------------


def _entry(node: Node) -> _Target | None:
    """What is traced first of a statement; None if that is not sure."""
    while True:
        if _in_background(node) or node.is_wrong:
            return None
        kind = node.kind
        if kind in _TRACED:
            return _at(node.first)
        if kind == "for_statement":
            behind = _after(node, True)
            if behind is None:
                return None
            return _Target(node.first, behind.first | {node.first})
        if kind == "redirected_statement":
            body = node.child("body")
            if body is None:
                return _after(node, True)
            node = body
            continue
        if kind == "compound_statement" and node.children[0].kind == "((":
            return _at(node.first)
        inner = next(iter(_statements(node)), None)
        if inner is None:
            return None
        if kind in {"compound_statement", "do_group", "else_clause"}:
            return _sequence(list(_statements(node)), 0, node)
        node = inner


def _sequence(nodes: list[Node], start: int, parent: Node) -> _Target | None:
    """What is traced first of a list of statements, from one of them on."""
    for node in nodes[start:]:
        if node.kind not in _UNTRACED:
            return _entry(node)
    return _end_of(parent, True)


def _at(line: int) -> _Target:
    return _Target(line, frozenset({line}))


# -- what comes next -------------------------------------------------------------------------------


def _after(node: Node, status: bool) -> _Target | None:
    """What is traced after a statement that has ended well, or not; None if that is not sure."""
    while True:
        parent = node.parent
        if parent is None or parent.is_wrong:
            return _leaving(1) if parent is None else None
        kind = parent.kind
        if kind == "negated_command":
            node, status = parent, not status
        elif kind == "redirected_statement":
            if parent.child("body") != node:
                return None
            node = parent
        elif kind == "list":
            left, operator, right = parent.children[0], parent.children[1].kind, parent.children[-1]
            if node == left and status == (operator == "&&"):
                return _entry(right)
            node = parent
        elif kind == "pipeline":
            return _leaving(parent.first)
        else:
            return _in_sequence(node, parent, status)


def _in_sequence(node: Node, parent: Node, status: bool) -> _Target | None:
    """What is traced after a statement of a list of statements, or of a condition."""
    condition, body = _parts(parent)
    for part in (condition, body):
        if node in part:
            rest = part[part.index(node) + 1 :]
            if any(other.kind not in _UNTRACED for other in rest):
                return _sequence(part, part.index(node) + 1, parent)
    if node not in condition:
        return _end_of(parent, status)
    if parent.kind == "while_statement" and parent.children[0].kind == "until":
        status = not status
    if status:
        if parent.kind == "while_statement":
            group = parent.child("body")
            return _entry(group) if group else None
        return _sequence(body, 0, parent)
    if parent.kind == "while_statement":
        return _after(parent, True)
    return _next_clause(parent)


def _next_clause(node: Node) -> _Target | None:
    """What is traced when the condition of an ``if`` or ``elif`` does not hold."""
    whole = node if node.kind == "if_statement" else node.parent
    if whole is None:
        return None
    clauses = [child for child in whole.children if child.kind in {"elif_clause", "else_clause"}]
    place = 0 if node == whole else clauses.index(node) + 1
    if place == len(clauses):
        return _after(whole, True)
    clause = clauses[place]
    condition, body = _parts(clause)
    return _sequence(condition or body, 0, clause)


def _end_of(parent: Node, status: bool) -> _Target | None:
    """What is traced after the last statement of a list of statements."""
    kind = parent.kind
    if kind == "program":
        return _leaving(1)
    if kind in _SUBSTITUTIONS or kind == "subshell":
        return _leaving(parent.first)
    outer = parent.parent
    if outer is None:
        return None
    if outer.kind == "function_definition" and outer.child("body") == parent:
        return _leaving(outer.first)
    if kind in {"if_statement", "compound_statement"}:
        return _after(parent, status)
    if kind in {"elif_clause", "else_clause", "case_item"}:
        if parent.child("fallthrough"):
            return None
        return _after(outer, status)
    if kind == "do_group":
        if outer.kind == "while_statement":
            condition, _ = _parts(outer)
            return _entry(condition[0]) if condition else None
        behind = _after(outer, True)  # a for is traced again, but for the last time
        return _Target(outer.first, behind.first | {outer.first}) if behind else None
    return None


def _leaving(line: int) -> _Target:
    return _Target(-line, frozenset({-line}))


# -- the tree --------------------------------------------------------------------------------------


def _statements(node: Node) -> Iterator[Node]:
    """The statements right below a node, in order."""
    for part in _parts(node):
        yield from part


def _parts(node: Node) -> tuple[list[Node], list[Node]]:
    """The statements of a condition, and those of a body."""
    kind = node.kind
    body = [child for child in node.children if child.is_named]
    if kind in {"if_statement", "elif_clause"}:
        body = [c for c in body if c.kind not in {"elif_clause", "else_clause"}]
        then = next((c.start for c in node.children if c.kind == "then"), 0)
        return [c for c in body if c.start < then], [c for c in body if c.start > then]
    if kind == "while_statement":
        return [c for c in body if c.kind != "do_group"], []
    if kind == "case_item":
        closing = next((c.start for c in node.children if c.kind == ")"), 0)
        return [], [c for c in body if c.start > closing]
    return [], body


def _in_background(node: Node) -> bool:
    following = node.next
    if node.parent and node.parent.kind == "redirected_statement":
        following = node.parent.next
    return following is not None and following.kind == "&"


def _processes(node: Node) -> Iterator[Node]:
    """What around a statement runs in a process of its own, up to a function or substitution."""
    if _in_background(node):
        yield node
    outer = node.parent
    while outer and outer.kind not in _SUBSTITUTIONS and outer.kind != "function_definition":
        if outer.kind in {"pipeline", "subshell"} or _in_background(outer):
            yield outer
        outer = outer.parent
