"""A command a test asks to run on the VM, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .engine import Agent
from .errors import UsageError
from .protocols import Launch

CLOCKS = ("vm", "real")
"""Clocks a command can run on: the VM's, whatever that is, or the machine's own."""

RUN_LIMIT = 60.0
"""Seconds a command on the VM may take unless the call says otherwise."""


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked for, right or wrong.

    Args:
        words: a shell command, or an argv.
        env: variables added to the environment scripts have.
        cwd: working directory.
        stdin: what it reads.
        clock: one of ``CLOCKS``.
    """

    words: str | Sequence[str]
    env: Mapping[str, str]
    cwd: str
    stdin: str | bytes
    clock: str

    def launch(self, agent: Agent) -> Launch:
        """How the guest is to start it.

        Args:
            agent: what starts the scripts; the command finds the same surroundings.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named.
        """
        __tracebackhide__ = True
        shell = isinstance(self.words, str)
        argv = ("/bin/sh", "-c", str(self.words)) if shell else tuple(self.words)
        if mistakes := self._mistakes(argv):
            raise UsageError(mistakes)
        return Launch(
            argv,
            {**agent.env, "HOME": "/root", **self.env},
            self.cwd,
            agent.umask,
            self.stdin.encode("utf-8") if isinstance(self.stdin, str) else self.stdin,
            real_time=self.clock == "real",
        )

    def _mistakes(self, argv: tuple[object, ...]) -> list[str]:
        found = []
        if not argv or not all(isinstance(word, str) for word in argv):
            found.append(f"command is {self.words!r}; write a string, or a list of strings")
        if not all(isinstance(word, str) for item in self.env.items() for word in item):
            found.append(f"env is {self.env!r}; write names and values as strings")
        others: list[tuple[str, object, Any, str]] = [
            ("cwd", self.cwd, str, "a path on the VM as a string"),
            ("stdin", self.stdin, str | bytes, "text or bytes"),
        ]
        for name, value, kind, wanted in others:
            if not isinstance(value, kind):
                found.append(f"{name} is {value!r}; write {wanted}")
        if self.clock not in CLOCKS:
            found.append(f"clock is {self.clock!r}; write 'vm' or 'real'")
        return found
