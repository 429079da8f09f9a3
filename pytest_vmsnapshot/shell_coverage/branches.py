"""Which ways scripts have gone where they had several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .flow import Arc, Unit
from .placing import Placed

Chain = tuple[Unit | None, ...]
Key = tuple[int, int, str, Chain]


@dataclass(slots=True)
class _Shell:
    """A function, a file or a subshell that is being run.

    Args:
        script: the identity of its script.
        depth: as ``Traced.depth``.
        function: as ``Traced.function``.
        chain: what its statements are in that runs in processes of its own.
        last: its last unit.
    """

    script: int
    depth: int
    function: str
    chain: Chain
    last: Unit | None = None


def ways(steps: Iterable[Placed]) -> dict[int, set[Arc]]:
    """Which ways were gone.

    Args:
        steps: the statements that were run, in order.

    Returns:
        The ways, by the identity of the script.
    """
    following = _Following()
    for step in steps:
        following.take(step)
    following.end()
    return following.found


class _Following:
    """Follows all shells of a trace."""

    def __init__(self) -> None:
        self.found: dict[int, set[Arc]] = {}
        self._stacks: dict[int, list[_Shell]] = {}
        self._recent: dict[Key, _Shell] = {}
        self._unseen: dict[Key, _Shell] = {}

    def take(self, step: Placed) -> None:
        """Take a statement in that was run."""
        script, traced = step.script, step.traced
        unit = script.flow.units.get(step.statement.key)
        if unit is None:
            return
        chain = script.flow.around[step.statement.key]
        stack = self._stacks.setdefault(traced.pid, [])
        while stack and stack[-1].depth > traced.depth:
            self._leave(stack.pop())
        for key in [key for key in self._recent if key[1] > traced.depth]:
            del self._recent[key]  # its function has ended
            if key in self._unseen:
                self._leave(self._unseen.pop(key))
        own = (id(script), traced.depth, traced.function)
        top = stack[-1] if stack else None
        if top is None or (top.script, top.depth, top.function) != own:
            if top is not None and top.depth == traced.depth:
                self._leave(stack.pop())
            key = (*own, chain)
            stack.append(self._unseen.pop(key) if key in self._unseen else _Shell(*own, chain))
            # A process of its own is a step of the shell that waits for it.
            for place, process in enumerate(chain):
                if process is None:
                    break
                self._step(self._shell(own, chain[place + 1 :]), process)
        self._recent[*own, stack[-1].chain] = stack[-1]
        self._step(stack[-1], unit)

    def _shell(self, own: tuple[int, int, str], chain: Chain) -> _Shell:
        """The shell that waits for a process; nothing may have been traced of it so far."""
        key = (*own, chain)
        if key not in self._recent:
            self._recent[key] = self._unseen[key] = _Shell(*own, chain)
        return self._recent[key]

    def end(self) -> None:
        """The trace ends, and all shells with it."""
        for stack in self._stacks.values():
            while stack:
                self._leave(stack.pop())
        for shell in self._unseen.values():
            self._leave(shell)

    def _step(self, shell: _Shell, unit: Unit) -> None:
        last = shell.last
        if last is not None and last.key == unit.key and unit.key[1]:
            return  # another process of the same pipeline
        if last is not None:
            self._go(shell, last, unit.entry)
        shell.last = unit

    def _leave(self, shell: _Shell) -> None:
        if shell.last is not None:
            for first, _ in shell.last.after:
                if first < 0:
                    self._go(shell, shell.last, first)

    def _go(self, shell: _Shell, last: Unit, first: int) -> None:
        way = dict(last.after).get(first)
        if way is not None and last.line:
            self.found.setdefault(shell.script, set()).add((last.line, way))
