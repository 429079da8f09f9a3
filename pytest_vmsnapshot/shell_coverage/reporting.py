"""Shell scripts in the reports of coverage.py."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from coverage import CoveragePlugin, FileReporter
from coverage.exceptions import ConfigError, NoSource
from coverage.plugin import CodeRegion
from coverage.types import TArc, TConfigurable, TLineNo, TSourceTokenLines

from .parse_tree import Script, parse

_ENDINGS = (".sh", ".bash")
_SHELL = re.compile(rb"#![ \t]*\S*?/(?:env[ \t]+(?:-S[ \t]+)?)?(?:sh|bash|dash)(?=[ \t\r\n]|\Z)")
_HEAD = 128
"""Bytes in which the first line names a shell."""
_ELSEWHERE = frozenset({"node_modules", "__pycache__"})
_KEYWORDS = frozenset(
    [
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "for",
        "select",
        "while",
        "until",
        "do",
        "done",
        "case",
        "esac",
        "in",
        "function",
        "declare",
        "export",
        "local",
        "readonly",
        "typeset",
        "unset",
    ]
)


_NOTHING = re.compile("(?!)")
_BREAKS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""What Python, other than a shell, takes for the end of a line."""
_TOKENS = re.compile(
    r"(?P<com>(?:(?<=\s)|\A)#.*)"
    r"|(?P<str>'[^']*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<nam>\$(?:\w+|\{\w+|[@*#?$!0-9-]))"
    r"|(?P<num>\b\d+\b)"
    r"|(?P<word>[A-Za-z_][\w.-]*)"
    r"|(?P<ws>\s+)"
    r"|(?P<op>[|&;<>(){}=!]+)"
    r"|(?P<txt>.)"
)


def _pattern(config: TConfigurable, *names: str) -> re.Pattern[str]:
    """One pattern for all of some settings of reports."""
    patterns: list[str] = []
    for name in names:
        try:
            found = config.get_option(f"report:{name}")
        except ConfigError:  # a setting of a newer coverage.py
            continue
        patterns += [str(pattern) for pattern in found] if isinstance(found, list) else []
    return (
        re.compile("|".join(f"(?:{p})" for p in dict.fromkeys(patterns))) if patterns else _NOTHING
    )


class ShellPlugin(CoveragePlugin):
    """Says what a shell script is to coverage.py."""

    def __init__(self) -> None:
        self._excluding = self._partial = _NOTHING

    def configure(self, config: TConfigurable) -> None:
        """Learn which lines are excluded.

        Args:
            config: coverage.py's settings.
        """
        self._excluding = _pattern(config, "exclude_lines", "exclude_also")
        self._partial = _pattern(config, "partial_branches", "partial_also")

    def file_reporter(self, filename: str) -> FileReporter:
        """What is known of a script.

        Args:
            filename: where it lies.
        """
        return ShellReporter(filename, self._excluding, self._partial)

    def find_executable_files(self, src_dir: str) -> Iterator[str]:
        """Scripts of ``sh``, ``bash`` and ``dash``, by their names and first lines.

        Args:
            src_dir: below this directory.
        """
        for directory, below, names in os.walk(src_dir):
            if "pyvenv.cfg" in names:
                below.clear()
                continue
            below[:] = sorted(
                name for name in below if not name.startswith(".") and name not in _ELSEWHERE
            )
            for name in sorted(names):
                path = os.path.join(directory, name)
                if _is_script(path):
                    yield path


def _is_script(path: str) -> bool:
    if path.endswith(_ENDINGS):
        return os.path.isfile(path)
    try:
        is_candidate = "." not in os.path.basename(path) or os.access(path, os.X_OK)
        if not (is_candidate and os.path.isfile(path)):
            return False
        with open(path, "rb") as file:
            return _SHELL.match(file.read(_HEAD)) is not None
    except OSError:
        return False


class ShellReporter(FileReporter):
    """What coverage.py is told of a script.

    Args:
        filename: where it lies.
        excluding: matches lines that are not to be counted.
        partial: matches lines of which one way is enough.
    """

    def __init__(self, filename: str, excluding: re.Pattern[str], partial: re.Pattern[str]) -> None:
        super().__init__(filename)
        self._excluding = excluding
        self._partial = partial

    @cached_property
    def _bytes(self) -> bytes:
        try:
            return Path(self.filename).read_bytes()
        except OSError as error:
            told = f"No source for shell script {self.filename}: {error.strerror}"
            raise NoSource(told) from None

    @cached_property
    def _script(self) -> Script:
        return parse(self._bytes)

    @cached_property
    def _excluded(self) -> frozenset[int]:
        return self._script.excluded(self._matching(self._excluding)) & self._script.lines

    @cached_property
    def _branches(self) -> frozenset[TArc]:
        ways = [arc for arc in self._script.flow.arcs if arc[0] not in self._excluded]
        count = Counter(start for start, end in ways if end not in self._excluded)
        return frozenset(arc for arc in ways if count[arc[0]] > 1)

    def _matching(self, pattern: re.Pattern[str]) -> frozenset[int]:
        lines = self.source().splitlines()
        return frozenset(n for n, line in enumerate(lines, 1) if pattern.search(line))

    def source(self) -> str:
        """Its text; bytes that are no UTF-8 are replaced."""
        text = self._bytes.decode("utf-8", errors="replace")
        return _BREAKS.sub(lambda found: "\n" if found[0] == "\r\n" else " ", text)

    def lines(self) -> set[TLineNo]:
        """Lines that stand for a statement, but for excluded ones."""
        return set(self._script.lines - self._excluded)

    def excluded_lines(self) -> set[TLineNo]:
        """Lines that would stand for one, but for a comment or coverage.py's settings."""
        return set(self._excluded)

    def arcs(self) -> set[TArc]:
        """Ways from lines that have several."""
        return set(self._branches)

    def exit_counts(self) -> dict[TLineNo, int]:
        """How many ways each of them has."""
        return dict(Counter(start for start, _ in self._branches))

    def no_branch_lines(self) -> set[TLineNo]:
        """Lines of which one way is enough."""
        return set(self._matching(self._partial))

    def missing_arc_description(
        self,
        start: TLineNo,
        end: TLineNo,
        executed_arcs: Iterable[TArc] | None = None,  # noqa: ARG002
    ) -> str:
        """What it means that a way was not taken.

        Args:
            start: the line.
            end: the line it did not go on to; the first one of what it did not leave, negative.
            executed_arcs: ways that were taken.
        """
        return f"line {start} didn't {self.arc_description(start, end)}"

    def arc_description(self, start: TLineNo, end: TLineNo) -> str:  # noqa: ARG002
        """What it means that a way is taken.

        Args:
            start: the line.
            end: the line it goes on to; the first one of what it leaves, negative.
        """
        if end > 0:
            return f"go on to line {end}"
        names = [function.name for function in self._script.functions if function.first == -end]
        if names:
            return f"end the function {names[0]}"
        return "end the script" if end == -1 else f"end what begins in line {-end}"

    def source_token_lines(self) -> TSourceTokenLines:
        """Its lines, in colours."""
        for line in self.source().splitlines():
            yield [
                ("key" if word in _KEYWORDS else "txt" if kind == "word" else kind, word)
                for found in _TOKENS.finditer(line)
                for kind, word in [(found.lastgroup or "txt", found[0])]
            ]

    def code_regions(self) -> Iterable[CodeRegion]:
        """Its functions."""
        return [
            CodeRegion(
                "function",
                function.name,
                function.first,
                set(range(function.first + 1, function.last + 1)) or {function.first},
            )
            for function in self._script.functions
        ]

    def code_region_kinds(self) -> Iterable[tuple[str, str]]:
        """What reports call them."""
        return [("function", "functions")]
