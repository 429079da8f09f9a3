"""What a VM keeps of each backup for reports, beside the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Tracer(Protocol):
    """Knows how a shell is made to tell which lines it executes."""

    def start_up(self, descriptor: int, *, posix: bool) -> bytes:
        """What bash reads when it starts, so that it writes its trace to a descriptor it has.

        Args:
            descriptor: number of it.
            posix: whether it is to run as ``sh`` does.
        """
        ...

    def refusal(self, script: bytes) -> str:
        """Why a script would notice that it is traced; empty where it would not.

        Args:
            script: its text.
        """
        ...


@dataclass(frozen=True, slots=True)
class Keep:
    """What is to be kept; nothing by default, because it costs time.

    Args:
        texts: config and scripts as they were when the backup began.
        tracer: by which the lines are traced that its scripts execute; None for no trace.
        shell: what ``/bin/sh`` is; empty where there is none.
    """

    texts: bool = False
    tracer: Tracer | None = None
    shell: str = ""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as it was when a backup began.

    Args:
        path: where it lay on the VM.
        content: its bytes, up to ``LIMIT``.
        local: the local file it was copied from and is equal to, or None.
    """

    path: str
    content: bytes
    local: Path | None = None


@dataclass(frozen=True, slots=True)
class ScriptTrace:
    """What a shell wrote while it executed one attempt of a script.

    Args:
        script: ``pre-script`` or ``post-script``.
        attempt: which launch of it, from 1.
        text: what it wrote.
        is_cut: whether it wrote more than is kept.
    """

    script: str
    attempt: int
    text: bytes = field(repr=False)
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """Which lines a backup has executed, and who saw it.

    Args:
        shell: what measured, such as ``bash``; empty where nothing could be measured.
        twin: why the backup was made a second time, in a VM of its own, to measure; empty where
            the backup itself was measured.
        traces: of each attempt of each script.
        notes: what was not measured and why, or where the twin went another way, each a sentence.
        untraced: paths of scripts that cannot be traced.
    """

    shell: str
    twin: str
    traces: tuple[ScriptTrace, ...]
    notes: tuple[str, ...] = ()
    untraced: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KeptBackup:
    """What was kept of one backup.

    Args:
        number: the VM's first backup is 1.
        config: its config; None where there was none, or texts are not kept.
        scripts: its scripts, as far as there were any; none where texts are not kept.
        measured: which lines it executed; None where nobody asked.
        shell: what ``/bin/sh`` is on the VM; empty where there is none.
    """

    number: int
    config: KeptFile | None = None
    scripts: tuple[KeptFile, ...] = ()
    measured: Measured | None = None
    shell: str = ""


LIMIT = 256 * 1024
"""Bytes kept of a file."""

START_UP, POSIX_START_UP, TRACE = 249, 250, 251
"""Descriptors of a traced script: bash takes 255, and those below it that are free."""


def start_up_word(descriptor: int) -> str:
    """What stands in the environment of a traced script.

    Args:
        descriptor: where bash reads what it starts with.
    """
    return f"BASH_ENV=/proc/self/fd/{descriptor}"


TRACE_WORDS = frozenset({start_up_word(START_UP), start_up_word(POSIX_START_UP)})
"""All such words; a command double is not told of them."""
