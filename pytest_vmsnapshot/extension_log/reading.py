"""From the files of a log to its messages: who wrote what, when, on which line.

Three generations of lines are read: those of today; those of Python 2, which had the date twice;
and what was kept while the file systems were frozen and then written at once, without a prefix.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UsageError

_LONGEST = 512 * 1024 * 1024
"""Bytes of one file, unpacked. A log of years has a few megabytes."""

_GZIP = b"\x1f\x8b"

_DATE = r"\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d(?:\.\d+)?"
_PREFIXED = re.compile(rf"({_DATE}) \[([^\]]*)\](.*)")
_LEVELLED = re.compile(rf"({_DATE})  ?(Info|Warning|Error|Verbose)  ?(.*)")
_DATE_ALONE = re.compile(_DATE)
"""waagent ended the lines of Python 2 by the date of the next one."""

_KEPT_BACK_END = re.compile(r"=+ Logs during Freeze End =+")

_ROTATED = re.compile(r"\.(\d+)(?:\.gz)?")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log.

    Args:
        file: name of the file.
        number: of the line, from 1.
        text: without its end; what cannot be decoded is written as a backslash escape.
    """

    file: str
    number: int
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing the extension had to say.

    Args:
        line: where it begins; its text is the message, without date, name and level.
        time: when it was written, as written; empty where that is not known.
        level: Info, Warning or Error; empty where the line does not say.
        more: lines that follow and have no prefix.
        is_cut: whether the file ends in the middle of its line.
    """

    line: Line
    time: str = ""
    level: str = ""
    more: tuple[Line, ...] = ()
    is_cut: bool = False

    @property
    def text(self) -> str:
        """The message, without blanks around it."""
        return self.line.text.strip()


@dataclass(frozen=True, slots=True)
class LogText:
    """All that the files of a log hold.

    Args:
        files: their names, the oldest first.
        messages: in the order in which they were written.
        headless: lines before the first message: the beginning of the log is missing.
        lines: how many lines there are.
        notes: what was odd about the files, each a sentence.
    """

    files: tuple[str, ...]
    messages: tuple[Message, ...]
    headless: tuple[Line, ...] = ()
    lines: int = 0
    notes: tuple[str, ...] = ()


def rotated_beside(path: Path) -> list[Path]:
    """The older parts of a log that lie beside it, such as ``extension.log.1`` or ``….2.gz``.

    Args:
        path: the newest part.
    """
    parts = path.parent.glob(f"{_escaped(path.name)}.*")
    return sorted(part for part in parts if _ROTATED.fullmatch(part.name.removeprefix(path.name)))


def read_files(paths: Sequence[Path]) -> LogText:
    """Read the files of one log, in whatever order they are named.

    Args:
        paths: files, plain or gzipped.

    Raises:
        UsageError: a file cannot be read.
    """
    mistakes: list[str] = []
    contents: dict[Path, bytes] = {}
    for path in dict.fromkeys(paths):
        try:
            contents[path] = _unpacked(path)
        except OSError as error:
            mistakes.append(f"{path} cannot be read: {error.strerror or error}")
        except (EOFError, zlib.error) as error:
            mistakes.append(f"{path} is damaged: {error}; give the part that can be unpacked")
        except OverflowError:
            mistakes.append(f"{path} is larger than {_LONGEST // 1024**2} MiB; cut it")
    if mistakes:
        raise UsageError(mistakes)
    return read_bytes(contents)


def read_bytes(contents: dict[Path, bytes]) -> LogText:
    """Read what the files of one log hold.

    Args:
        contents: of each file.
    """
    notes = []
    parts: list[_Part] = []
    for path, content in contents.items():
        text, odd = _decoded(content)
        notes += [f"{path.name}: {note}" for note in odd]
        part = _split(path.name, text)
        twin = next((other for other in parts if other.lines == part.lines and part.lines), None)
        if twin is None:
            parts.append(part)
        else:
            notes.append(f"{path.name} holds the same as {twin.name} and is read once")
    parts.sort(key=_Part.order)
    messages: list[Message] = []
    headless: list[Line] = []
    for part in parts:
        part.read_into(messages, headless)
    return LogText(
        tuple(part.name for part in parts),
        tuple(messages),
        tuple(headless),
        sum(len(part.lines) for part in parts),
        tuple(notes),
    )


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _unpacked(path: Path) -> bytes:
    """The content of a file.

    Raises:
        OSError: it cannot be read.
        EOFError: it was packed, and its end is missing before anything could be unpacked.
        OverflowError: it is too large.
    """
    with path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if content.startswith(_GZIP):
        content = _gunzipped(content)
    if len(content) > _LONGEST:
        raise OverflowError
    return content


def _gunzipped(packed: bytes) -> bytes:
    """What can be unpacked: of a file whose end is missing that is its beginning.

    Raises:
        zlib.error: it is damaged.
        EOFError: nothing can be unpacked.
    """
    kept = b""
    while packed and len(kept) <= _LONGEST:  # several may follow one another
        unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        kept += unpacking.decompress(packed, _LONGEST + 1 - len(kept))
        packed = unpacking.unused_data
        if packed and not packed.startswith(_GZIP):
            break
    if not kept and not unpacking.eof:
        raise EOFError("it ends before anything can be unpacked")
    return kept


def _decoded(content: bytes) -> tuple[str, list[str]]:
    """The text of a file, and what was odd about it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "backslashreplace"), ["it is UTF-16"]
    notes = []
    nuls = content.count(b"\0")
    if nuls:  # what a crash leaves of a file that was being written
        notes.append(f"{nuls} NUL bytes are left out")
        content = content.replace(b"\0", b"")
    try:
        return content.decode("utf-8-sig"), notes
    except UnicodeDecodeError:
        notes.append("some bytes are no text and are shown as escapes")
        return content.decode("utf-8-sig", "backslashreplace"), notes


@dataclass(slots=True)
class _Part:
    """One file, as lines.

    Args:
        name: of the file.
        lines: their texts.
        is_whole: whether its last line ends.
    """

    name: str
    lines: list[str]
    is_whole: bool
    _first: str = field(default="", init=False)

    def __post_init__(self) -> None:
        dates = (_date(line) for line in self.lines)
        self._first = next((date for date in dates if date), "")

    def order(self) -> tuple[str, int]:
        """By its first date; among those without, or with the same, by the number it has."""
        found = _ROTATED.search(self.name)
        return self._first, -int(found.group(1)) if found else 0

    def read_into(self, messages: list[Message], headless: list[Line]) -> None:
        """Add its messages; a file may go on where the one before it ended."""
        last = messages.pop() if messages else None
        more = list(last.more) if last else headless
        for index, text in enumerate(self.lines):
            line = Line(self.name, index + 1, text)
            is_cut = index == len(self.lines) - 1 and not self.is_whole
            message = _message(line, is_cut)
            if message is not None:
                if last is not None:
                    messages.append(replace(last, more=tuple(more)))
                last, more = message, []
            elif not _says_nothing(text.strip()):
                more.append(line)
        if last is not None:
            messages.append(replace(last, more=tuple(more)))


def _split(name: str, text: str) -> _Part:
    lines = text.split("\n")
    is_whole = lines[-1] == ""
    return _Part(
        name, [line.removesuffix("\r") for line in (lines[:-1] if is_whole else lines)], is_whole
    )


def _message(line: Line, is_cut: bool) -> Message | None:
    """The message that begins on a line, if one does."""
    found = _PREFIXED.fullmatch(line.text)
    if found is None:
        found = _LEVELLED.fullmatch(line.text)
        if found is None:
            return None
        time, level, text = found.groups()
        return Message(Line(line.file, line.number, text), _dashed(time), level, (), is_cut)
    time, _, text = found.groups()
    inner = _LEVELLED.fullmatch(text)
    level = ""
    if inner is not None:
        time, level, text = inner.groups()
    return Message(Line(line.file, line.number, text), _dashed(time), level, (), is_cut)


def _says_nothing(text: str) -> bool:
    return not text or bool(_DATE_ALONE.fullmatch(text) or _KEPT_BACK_END.fullmatch(text))


def _date(line: str) -> str:
    found = _DATE_ALONE.match(line)
    return _dashed(found.group()) if found else ""


def _dashed(time: str) -> str:
    return time.replace("/", "-")


def times_of(messages: Iterable[Message]) -> tuple[str, str]:
    """The first and the last time in some messages, as written; empty where there is none."""
    times = [message.time for message in messages if message.time]
    return (times[0], times[-1]) if times else ("", "")
