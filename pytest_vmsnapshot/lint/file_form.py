"""The script as a file: line ends, byte order mark, final newline, encoding."""

from __future__ import annotations

from collections.abc import Iterator

from .codes import BYTE_ORDER_MARK, LINE_ENDS, NO_FINAL_NEWLINE, OTHER_ENCODING
from .finding import LintFinding, Severity
from .reading import BYTE_ORDER_MARK as MARK
from .reading import ReadScript

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def line_ends(script: ReadScript) -> Iterator[LintFinding]:
    """CR LF."""
    content = script.file.content
    at = content.find(b"\r\n")
    if at < 0:
        return
    ends, all_lines = content.count(b"\r\n"), content.count(b"\n")
    many = "every line ends" if ends == all_lines else f"{ends} of {all_lines} lines end"
    yield script.found(
        LINE_ENDS,
        Severity.ERROR,
        1 + content.count(b"\n", 0, at),
        f"{many} in CR LF, and a shell takes each CR for a part of the word before it",
        "save the script with LF line ends (dos2unix; in .gitattributes: *.sh text eol=lf)",
    )


def byte_order_mark(script: ReadScript) -> Iterator[LintFinding]:
    """Three bytes that some editors put before the text."""
    if script.file.content.startswith(MARK):
        yield script.found(
            BYTE_ORDER_MARK,
            Severity.ERROR,
            1,
            "the script begins with a byte order mark: its first line is no first line, and a "
            "shell runs it as a command that does not exist",
            "save it as UTF-8 without a byte order mark",
        )


def final_newline(script: ReadScript) -> Iterator[LintFinding]:
    """A last line that is not ended."""
    content = script.file.content
    if content and not content.endswith(b"\n"):
        yield script.found(
            NO_FINAL_NEWLINE,
            Severity.WARNING,
            1 + content.count(b"\n"),
            "the last line is not ended: whatever is appended to the script continues it, and "
            "tools that read line by line leave it out",
            "end the script with a newline",
        )


def encoding(script: ReadScript) -> Iterator[LintFinding]:
    """UTF-16, NUL bytes, or bytes of an older encoding."""
    content = script.file.content
    if content.startswith(_UTF_16):
        yield script.found(
            OTHER_ENCODING,
            Severity.ERROR,
            0,
            "the script is UTF-16, of which no shell understands a word",
            "save it as UTF-8 without a byte order mark",
        )
    elif b"\0" in content:
        yield script.found(
            OTHER_ENCODING,
            Severity.ERROR,
            1 + content.count(b"\n", 0, content.index(b"\0")),
            "there is a NUL byte here, so this is no text: some shells skip it, others refuse the "
            "script",
            "take it out; a program is started by a script of one line: exec PROGRAM",
        )
    else:
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            yield script.found(
                OTHER_ENCODING,
                Severity.WARNING,
                1 + content.count(b"\n", 0, error.start),
                f"the byte 0x{content[error.start]:02x} is not UTF-8: what is printed or compared "
                "here is another text than on a VM with a UTF-8 locale",
                "save the script as UTF-8",
            )


def is_text(script: ReadScript) -> bool:
    """Whether the words of the script can be looked at."""
    return b"\0" not in script.file.content and not script.file.content.startswith(_UTF_16)
