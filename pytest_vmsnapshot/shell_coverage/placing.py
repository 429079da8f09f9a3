"""Which statements of a script its trace tells of.

bash gives most commands their line. It does not where a command spans several lines (any of them,
often the last), in a substitution over several lines (counted from where the command around it
ends), in what ``eval`` or ``trap`` runs (counted from 1, or from the ``eval``). The parse tree and
the first word of each traced command tell which one was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .parse_tree import TOP, Script, Statement
from .trace import Traced


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement that was run.

    Args:
        traced: by this command of the trace.
        statement: of this script.
        script: the script.
    """

    traced: Traced
    statement: Statement
    script: Script


@dataclass(slots=True)
class _Frame:
    """A function, a file or a subshell that is being run."""

    file: str
    function: str
    depth: int
    level: int
    line: int
    """Of its first command."""


def placed(trace: Iterable[Traced], script_of: Callable[[str], Script | None]) -> Iterator[Placed]:
    """Say which statements a trace tells of.

    Args:
        trace: in the order in which it was written.
        script_of: the script that a name of a file means to bash; None if it is not measured.

    Yields:
        Them, in the same order.
    """
    stacks: dict[int, list[_Frame]] = {}
    for traced in trace:
        stack = stacks.setdefault(traced.pid, [])
        frame = _frame_of(stack, traced)
        script = script_of(traced.file)
        if script is None:
            continue
        if traced.level > frame.level:
            continue  # of eval, or of a trap: the lines are not of this file
        spawned = traced.level > 1 and traced.subshell > 0 and frame is stack[0]
        statement = _statement_of(script, traced, frame.line if spawned else 0)
        if statement is not None:
            yield Placed(traced, statement, script)


def _frame_of(stack: list[_Frame], traced: Traced) -> _Frame:
    """What is being run by a process, once a command was traced."""
    while stack and stack[-1].depth > traced.depth:
        stack.pop()
    top = stack[-1] if stack else None
    if (
        top is None
        or (top.depth, top.file, top.function) != (traced.depth, traced.file, traced.function)
        or traced.level < top.level
    ):
        if top is not None and top.depth == traced.depth:
            stack.pop()
        stack.append(
            _Frame(traced.file, traced.function, traced.depth, traced.level, traced.line)
        )
    return stack[-1]


def _statement_of(script: Script, traced: Traced, base: int) -> Statement | None:
    """The statement that a command of the trace is.

    Args:
        script: where it stands.
        traced: the command.
        base: the line of the first command of its process, which may be a substitution; else 0.
    """
    if base and (inside := _inside(script, traced, base)):
        return inside
    here = [s for s in script.statements if s.line <= traced.line <= s.end]
    fitting = [s for s in here if s.may_print(traced.word)]
    outside = [s for s in fitting if s.substitution == TOP]
    # The innermost is the one that begins last; a word that is known weighs more.
    return max(
        outside or fitting,
        key=lambda s: (bool(s.words), s.line, -s.end),
        default=None,
    )


def _inside(script: Script, traced: Traced, base: int) -> Statement | None:
    """The statement of a substitution that a command of the trace is, if it is one."""
    around = [
        (s.line, s.end) for s in script.statements if s.substitution == TOP or s.end > s.line
    ]
    spans = [(first, end) for first, end in around if first <= base <= end]
    candidates = [
        statement
        for statement in script.statements
        if statement.substitution != TOP
        and statement.may_print(traced.word)
        and any(first <= statement.line <= end for first, end in spans)
    ]
    if not candidates:
        return None
    begin = script.substitutions[candidates[0].substitution][0]
    meant = begin + traced.line - base
    return min(candidates, key=lambda s: (not s.words, abs(s.line - meant)))
