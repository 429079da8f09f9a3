"""The command doubles of a VM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from .command_double import (
    Answer,
    CommandDouble,
    DoublingGuest,
    MakeClient,
    asking,
    specification,
    talking,
)
from .doubles import Reply
from .engine.lifecycle import Bench
from .errors import UsageError
from .kept import Keep
from .repeated import KeptAnswers, Repeatable
from .vm_path import FileGuest
from .vm_programs import VmPrograms


class ProgramGuest(FileGuest, DoublingGuest, Protocol):
    """A guest with files, programs and command doubles."""


class VmDoubles(VmPrograms):
    """The command doubles of a VM.

    Args:
        guest: where its processes run.
        bench: what backups are made with.
        bases: local directories against which relative paths are looked up, in order.
        allow: names of findings that are not told.
        keep: what is kept of each backup for reports.
    """

    def __init__(
        self,
        guest: ProgramGuest,
        bench: Bench,
        bases: Sequence[Path],
        allow: Sequence[str],
        keep: Keep,
    ) -> None:
        super().__init__(guest, bench, bases, allow)
        self._doubling = guest
        self._keep = keep
        self._repeatable: list[Repeatable] = []

    def command(
        self,
        name: str,
        *,
        stdout: str | bytes = "",
        stderr: str | bytes = "",
        exit_status: int = 0,
        signal: int | None = None,
        delay: float = 0.0,
        passthrough: bool | str = False,
        replies: Sequence[Reply] | None = None,
        patterns: Mapping[str, Reply] | None = None,
        answer: Answer | None = None,
        client: MakeClient | None = None,
        reads_stdin: bool = False,
        only_expected: bool = False,
        optional: bool = False,
    ) -> CommandDouble:
        """Let a stand-in take the place of a command, and record how it is called.

        Args:
            name: a bare name, which is then found first on PATH, or an absolute path, whether or
                not there is such a file. With ``passthrough`` or ``answer`` a copy of what lay
                there is kept beside it, as ``NAME.real``.
            stdout: what it prints.
            stderr: what it prints as errors.
            exit_status: how it ends.
            signal: number of the signal it ends by instead.
            delay: seconds of the VM's clock before it does anything.
            passthrough: it is recorded, and then becomes the real command, or the program at an
                absolute path on the VM.
            replies: what it does at its first call, its second and so on, instead of the above; the
                last one stays.
            patterns: replies for calls whose arguments, joined by blanks, match a pattern as of a
                shell; the first that matches counts, and goes before all else but ``answer``.
            answer: a function of the test that is asked at each call, while the script waits.
            client: a function of the test, or a class, that makes a ``Client`` for each call: it
                answers to the call and to each line that is read, and learns of the end.
            reads_stdin: it reads its standard input to the end before it replies. So a client that
                is kept open lives until its input is closed, or until it is killed.
            only_expected: a call that no pattern matches, or that comes after the last of the
                replies, ends with 127 and fails the test.
            optional: nobody is told if it is never called.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named.
        """
        __tracebackhide__ = True
        usual = Reply(stdout, stderr, exit_status, signal, delay, passthrough)
        spec = specification(
            name,
            usual,
            replies,
            patterns,
            answer,
            client,
            reads_stdin=reads_stdin,
            only_expected=only_expected,
        )
        with self._alone("a command double"):
            asked = None if answer is None else asking(answer)
            asked = asked if client is None else talking(client)
            kept = KeptAnswers(asked) if self._keep.tracer and asked else None
            try:
                number = self._doubling.add_double(spec, kept or asked)
            except OSError as error:
                raise UsageError(
                    [f"{spec['path']} cannot be written on the VM: {error.strerror}"]
                ) from None
        double = CommandDouble(self._doubling, number, spec["path"], optional=optional)
        self._doubles.append(double)
        self._repeatable.append(Repeatable(spec, double, kept))
        return double
