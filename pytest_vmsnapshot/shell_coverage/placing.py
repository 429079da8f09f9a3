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


def placed(trace: Iterable[Traced], script_of: Callable[[str], Script | None]) -> Iterator[Placed]:
    """Say which statements a trace tells of.

    Args:
        trace: in the order in which it was written.
        script_of: the script that a name of a file means to bash; None if it is not measured.

    Yields:
        Them, in the same order.
    """
    commands = list(trace)
    stacks: dict[int, list[_Frame]] = {}
    known: dict[tuple[object, ...], Statement | None] = {}
    earlier = _commands_around(commands)
    later = _commands_around(commands[::-1])[::-1]
    for traced, *around in zip(commands, later, earlier, strict=True):
        stack = stacks.setdefault(traced.pid, [])
        frame = _frame_of(stack, traced)
        script = script_of(traced.file)
        if script is None:
            continue
        if traced.level > frame.level:
            continue  # of eval, or of a trap: the lines are not of this file
        spawned = traced.level > 1 and traced.subshell > 0 and frame is stack[0]
        # Loops run the same commands again and again.
        key = (id(script), traced.line, traced.word, *(around if spawned else ()))
        if key not in known:
            known[key] = _statement_of(script, traced, around if spawned else ())
        statement = known[key]
        if statement is not None:
            yield Placed(traced, statement, script)


@dataclass(frozen=True, slots=True)
class _Around:
    """Lines, as bash counts them, of commands that a substitution is part of.

    Args:
        next: of the command right around it.
        outermost: of the one around all.
    """

    next: int
    outermost: int


def _commands_around(commands: list[Traced]) -> list[_Around | None]:
    """For each command the last one so far that it may be a substitution of.

    bash traces it after its substitutions; before those in here-documents and redirections.
    """
    found: list[_Around | None] = []
    if all(traced.level == 1 for traced in commands):
        return [None] * len(commands)
    seen: dict[tuple[int, int], tuple[Traced, _Around | None]] = {}
    depth = 0
    for traced in commands:
        if traced.depth < depth:  # what is deeper belongs to other calls
            seen = {key: value for key, value in seen.items() if key[0] <= traced.depth}
        depth = traced.depth
        own = None
        outer, its = seen.get((traced.depth, traced.level - 1), (None, None))
        if outer is not None and outer.file == traced.file:
            own = _Around(outer.line, its.outermost if its else outer.line)
        found.append(own)
        seen[traced.depth, traced.level] = traced, own
    return found


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
        stack.append(_Frame(traced.file, traced.function, traced.depth, traced.level))
    return stack[-1]


def _statement_of(
    script: Script, traced: Traced, around: Iterable[_Around | None]
) -> Statement | None:
    """The statement that a command of the trace is.

    Args:
        script: where it stands.
        traced: the command.
        around: the commands that may be around it, if it may be in a substitution.
    """
    inside = [found for each in around if each for found in _inside(script, traced, each)]
    if inside:
        return min(inside, key=lambda found: found[0])[1]
    here = [s for s in script.statements if s.line <= traced.line <= s.end]
    fitting = [s for s in here if s.may_print(traced.word)]
    outside = [s for s in fitting if s.substitution == TOP]
    # The innermost is the one that begins last; a word that is known weighs more.
    return max(
        outside or fitting,
        key=lambda s: (bool(s.words), s.line, -s.end),
        default=None,
    )


def _inside(
    script: Script, traced: Traced, around: _Around
) -> Iterator[tuple[tuple[bool, int], Statement]]:
    """Statements of substitutions that a command may be, each with how little it fits."""
    spans = [s for s in script.statements if s.line <= around.outermost <= s.end]
    for statement in script.statements:
        if (
            statement.substitution != TOP
            and statement.may_print(traced.word)
            and any(outer.line <= statement.line <= outer.end for outer in spans)
        ):
            distance = abs(around.next + statement.offset - traced.line)
            yield (not statement.words, distance), statement
