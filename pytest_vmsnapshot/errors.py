"""Mistakes in using the harness, and what can go wrong with the harness itself.

A script or config that is wrong is never one of these: it becomes a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .explain import block


class HarnessError(Exception):
    """Base of all errors the harness raises."""


class UsageError(HarnessError):
    """The harness was asked for something it cannot do; says what to write instead.

    Args:
        mistakes: everything that was found wrong, each a sentence.
    """

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        if len(self.mistakes) == 1:
            text = self.mistakes[0]
        else:
            text = f"{len(self.mistakes)} mistakes:\n" + "\n".join(
                f"  - {mistake}" for mistake in self.mistakes
            )
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.mistakes,)


class DeclarationError(UsageError):
    """A TOML file says of a VM what it cannot; each mistake begins with its file and line.

    Args:
        mistakes: everything that was found wrong, each a sentence.
    """


class RulesDiffer(UserWarning):
    """A backup would have gone otherwise under the other rule set; says how, and what follows."""


class Noticed(UserWarning):
    """Something about a test that does not fail it, such as a command that no VM here has."""


class GuestUnavailable(HarnessError):
    """No VM can be made on this machine; says which ways were tried and how to get one."""


class ShellMissing(HarnessError):
    """The shell a VM was to have is not installed on this machine; says which package has it."""


class GuestDied(HarnessError):
    """The VM ended while it was being used, or was closed before."""


class ServerFailed(HarnessError):
    """A server that a test started ended, or was not ready in time; says what it printed."""


class NotPutBack(HarnessError):
    """A VM in place could not put the machine back as it was; says what is left, and where."""


class CommandTimeout(HarnessError):
    """A command run by the test did not end in time and was killed.

    Args:
        argv: the command.
        timeout: its limit in seconds.
        stdout: what it had printed.
        stderr: what it had printed as errors.
    """

    def __init__(self, argv: tuple[str, ...], timeout: float, stdout: str, stderr: str) -> None:
        self.argv = argv
        self.timeout = timeout
        self.stdout = stdout
        self.stderr = stderr
        super().__init__(
            f"the command {' '.join(argv)!r} did not end within {timeout:g} s and was killed; "
            "give it more time with run(..., timeout=SECONDS)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.argv, self.timeout, self.stdout, self.stderr)


class CommandFailed(HarnessError):
    """A command run by the test with ``check=True`` failed.

    Args:
        argv: the command.
        ending: how it ended, as a phrase.
        stdout: what it had printed.
        stderr: what it had printed as errors.
    """

    def __init__(self, argv: tuple[str, ...], ending: str, stdout: str, stderr: str) -> None:
        self.argv = argv
        self.ending = ending
        self.stdout = stdout
        self.stderr = stderr
        printed = stderr.strip() or stdout.strip() or "(it printed nothing)"
        shown = "\n".join(block(printed[-2000:]))
        super().__init__(f"the command {' '.join(argv)!r} {ending}: {shown}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.argv, self.ending, self.stdout, self.stderr)
