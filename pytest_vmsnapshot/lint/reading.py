"""A script as the checks see it: decoded and read once for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from ..explain import line as printable_line
from .finding import LintFinding, Severity
from .shell_text import read
from .shell_words import Command, ShellText, Word
from .subject import ScriptFile

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ReadScript:
    """A script that was read.

    Args:
        file: the script.
        text: its content with LF line ends and without a byte order mark; bytes that are not
            UTF-8 are lone surrogates.
        shell: its commands and comments.
        shells: what may run it, by names of ``shells.NAMES``.
    """

    file: ScriptFile
    text: str
    shell: ShellText
    shells: tuple[str, ...]

    def found(
        self,
        code: str,
        severity: Severity,
        where: Word | Command | int,
        text: str,
        remedy: str,
    ) -> LintFinding:
        """A finding in this script.

        Args:
            code: of the finding.
            severity: how bad it is.
            where: a word, a command, or a line; 0 for the whole script.
            text: what was found and why it matters.
            remedy: what to write instead.
        """
        line, column = (where, 0) if isinstance(where, int) else (where.line, where.column)
        # Words of a script may hold anything; what is told is one line that can be printed.
        told = (printable_line(text), printable_line(remedy))
        return LintFinding(code, severity, self.file.path, line, column, *told)


def read_script(file: ScriptFile, shells: tuple[str, ...]) -> ReadScript:
    """Read a script.

    Args:
        file: the script.
        shells: what may run it.
    """
    text = lf_only(file.content).decode("utf-8", "surrogateescape")
    return ReadScript(file, text, read(text), shells)


def lf_only(content: bytes) -> bytes:
    """A script as it is meant: without a byte order mark and with LF line ends."""
    return content.removeprefix(BYTE_ORDER_MARK).replace(b"\r\n", b"\n")
