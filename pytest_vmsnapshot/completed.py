"""A command that a test ran on its VM, once it has ended."""

from __future__ import annotations

from dataclasses import dataclass

from . import explain
from .errors import CommandFailed, CommandTimeout, UsageError
from .output import Output
from .protocols import Execution


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended.

    Args:
        argv: the command.
        exit_status: None when a signal ended it.
        signal: number of that signal, or None.
        output: what it printed.
        error_output: what it printed as errors.
    """

    argv: tuple[str, ...]
    exit_status: int | None
    signal: int | None
    output: Output
    error_output: Output

    @property
    def stdout(self) -> str:
        """What it printed, as text."""
        return self.output.text

    @property
    def stderr(self) -> str:
        """What it printed as errors, as text."""
        return self.error_output.text


def outcome(
    argv: tuple[str, ...], execution: Execution, timeout: float, *, check: bool
) -> Completed:
    """Read how a command ran.

    Args:
        argv: the command.
        execution: how it ran.
        timeout: its limit in seconds.
        check: whether a failure raises.

    Raises:
        CommandTimeout: it did not end in time.
        CommandFailed: it failed, and ``check`` is true.
        UsageError: it could not be started.
    """
    __tracebackhide__ = True
    if execution.launch_errno:
        raise UsageError([f"the command {argv[0]!r} could not be started: {execution.launch_text}"])
    stdout, stderr = execution.output, execution.error_output
    if execution.timed_out:
        raise CommandTimeout(argv, timeout, stdout.text, stderr.text)
    done = Completed(argv, execution.exit_status, execution.signal, stdout, stderr)
    if check and done.exit_status != 0:
        ending = (
            f"ended with exit status {done.exit_status}"
            if done.signal is None
            else f"was killed by {explain.signal_name(done.signal)}"
        )
        raise CommandFailed(argv, ending, done.stdout, done.stderr)
    return done
