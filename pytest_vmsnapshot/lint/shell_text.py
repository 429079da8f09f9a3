"""Reads a shell script into commands and words, as far as its text alone tells.

It is total: whatever the text is, it is read to its end. What no shell would take is read somehow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .shell_characters import ENDS_WORD, Characters, Redirected
from .shell_words import Command, Redirection, ShellText, Word

_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^]\s]*\])?\+?=")
_EMPTY_PARENTHESES = re.compile(r"[ \t]*\([ \t]*\)")
_OPENS = {
    "if": "fi",
    "{": "}",
    "(": ")",
    "case": "esac",
    **dict.fromkeys(("while", "until", "for", "select"), "done"),
}
"""What opens a compound command, and what closes it."""

_BETWEEN = frozenset({"then", "elif", "else", "do", "!", "time", "coproc"})
"""Words before a command that are none of its own."""

_CLAUSE_ENDS = (";;&", ";;", ";&")


@dataclass(slots=True)
class _Draft:
    """A command that is being read."""

    words: list[Word] = field(default_factory=list)
    assignments: list[Word] = field(default_factory=list)
    redirections: list[Redirected] = field(default_factory=list)
    offset: int = -1
    background: bool = False
    in_function: bool = False
    fed: bool = False
    feeder: int | None = None


@dataclass(slots=True)
class _Group:
    """A compound command that is open; ``pattern`` while a case waits for its next pattern."""

    closed_by: str
    first: int
    function: bool
    fed: bool
    pattern: bool = False


@dataclass(slots=True)
class _Level:
    """Where the reader is among the commands of one substitution, or of the script itself.

    ``closed`` is the index of the first command of a compound one that has just ended;
    ``fed`` and ``feeder`` are for the command after a pipe.
    """

    groups: list[_Group] = field(default_factory=list)
    draft: _Draft = field(default_factory=_Draft)
    closed: int | None = None
    fed: bool = False
    feeder: int | None = None
    function: bool = False
    in_function: bool = False


def read(text: str) -> ShellText:
    """Read a script.

    Args:
        text: the script, with LF line ends.
    """
    reader = _Reader(text)
    while reader.at < len(text):
        reader.commands_until("")
    return reader.result()


class _Reader(Characters):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._drafts: list[_Draft] = []
        self._functions: set[str] = set()
        self._level = _Level()

    def result(self) -> ShellText:
        """What was read."""
        commands = tuple(self._command(draft) for draft in self._drafts)
        return ShellText(commands, tuple(self.comments), frozenset(self._functions))

    def _command(self, draft: _Draft) -> Command:
        line, column = self.place(draft.offset)
        redirections = tuple(
            Redirection(found.operator, found.descriptor, found.target, found.body)
            for found in draft.redirections
        )
        return Command(
            tuple(draft.words),
            tuple(draft.assignments),
            redirections,
            line,
            column,
            draft.background,
            draft.in_function,
            draft.fed or any(found.is_input for found in redirections),
            draft.feeder,
        )

    def commands_until(self, stop: str) -> None:
        """Read commands up to a closing character, which is consumed, or to the end."""
        outer = self._level
        groups = outer.groups
        self._level = _Level(
            in_function=outer.in_function or any(group.function for group in groups)
        )
        while self.at < len(self.text):
            if self.peek() == stop and not (stop == ")" and self._parenthesis_is_ours()):
                self.at += 1
                break
            self._step(stop)
        self._finish()
        self._level = outer

    def _parenthesis_is_ours(self) -> bool:
        """Whether a closing parenthesis belongs to a group or a pattern of this level."""
        return any(g.pattern or g.closed_by == ")" for g in self._level.groups[-1:])

    def _step(self, stop: str) -> None:
        """Read on by a word, an operator or a blank."""
        char = self.peek()
        level = self._level
        before = self.at
        self.skip_blanks()
        if self.at > before:
            return
        if char == "#":
            self.comment()
        elif char == "\n":
            self._finish()
            self.newline()
        elif level.groups and level.groups[-1].pattern:
            self._pattern(stop)
        elif char in "<>" or (char.isdigit() or char in "{&"):
            self._redirection_or_word(stop)
        elif char == ";":
            self._semicolon()
        elif char == "|":
            self._bar()
        elif char == "(":
            self._open_parenthesis()
        elif char == ")":
            self.at += 1
            self._close(")")
        else:
            self._word(stop)

    # -- operators ------------------------------------------------------------------------------

    def _redirection_or_word(self, stop: str) -> None:
        begin = self.at
        found = self.redirection(stop)
        level = self._level
        if found is None:
            if self.peek() == "&":
                double = self.peek(2) == "&&"
                level.draft.background = not double
                self.at += 1 + double
                self._finish()
            else:
                self._word(stop)
        elif level.closed is not None:
            if found.operator.startswith("<") and found.descriptor in ("", "0"):
                for draft in self._drafts[level.closed :]:
                    draft.fed = True
        else:
            if level.draft.offset < 0:
                level.draft.offset = begin
            level.draft.redirections.append(found)

    def _semicolon(self) -> None:
        for mark in _CLAUSE_ENDS:
            if self.peek(len(mark)) == mark:
                self.at += len(mark)
                self._finish()
                self._back_to_case()
                return
        self.at += 1
        self._finish()

    def _back_to_case(self) -> None:
        groups = self._level.groups
        for index in range(len(groups) - 1, -1, -1):
            if groups[index].closed_by == "esac":
                del groups[index + 1 :]
                groups[index].pattern = True
                return

    def _bar(self) -> None:
        double = self.peek(2) in ("||", "|&")
        pipes = self.peek(2) != "||"
        self.at += 1 + double
        feeder = self._finish()
        if pipes:
            self._level.fed, self._level.feeder = True, feeder

    def _open_parenthesis(self) -> None:
        draft = self._level.draft
        if draft.words:
            defines = _EMPTY_PARENTHESES.match(self.text, self.at)
            if defines and len(draft.words) == 1 and not draft.words[0].quoted:
                self.at = defines.end()
                self._function(draft.words[0].plain)
            else:
                self.at += 1
        elif self.peek(2) == "((":
            self.arithmetic()
        else:
            self.at += 1
            self._open("(")

    def _function(self, name: str) -> None:
        self._functions.add(name)
        self._level.draft = _Draft()
        self._level.function = True

    # -- words ----------------------------------------------------------------------------------

    def _word(self, stop: str) -> None:
        level = self._level
        begin = self.at
        if self.peek() == stop or (self.peek() in ENDS_WORD and not self.substitutes()):
            self.at += 1  # nothing that a shell would take here
            return
        word = self.word(stop)
        draft = level.draft
        first = not draft.words and not draft.assignments and not word.quoted
        if first and self._reserved(word, stop):
            return
        if draft.offset < 0:
            draft.offset = begin
        if not draft.words and _ASSIGNMENT.match(word.raw):
            draft.assignments.append(word)
        else:
            draft.words.append(word)

    def _reserved(self, word: Word, stop: str) -> bool:
        """Take a word that belongs to the grammar; gives whether it was one."""
        name = word.raw
        level = self._level
        if name in _BETWEEN:
            level.draft = _Draft()
        elif name == "function":
            self.skip_blanks()
            if self.peek() and self.peek() not in ENDS_WORD:
                self._function(self.word(stop).plain)
            if found := _EMPTY_PARENTHESES.match(self.text, self.at):
                self.at = found.end()
        elif name == "[[":
            self._condition(word, stop)
        elif name in ("fi", "done", "esac", "}"):
            self._close(name)
        elif name in _OPENS:
            self._open(name)
            if name in ("for", "select"):
                self._loop_head(stop)
            elif name == "case":
                self._case_head(stop)
        else:
            return False
        return True

    def _condition(self, first: Word, stop: str) -> None:
        """Read a condition between double brackets as a command of its words."""
        draft = self._level.draft
        draft.words.append(first)
        draft.offset = self.at - len(first.raw)
        while self.at < len(self.text):
            if self.peek() == "\n":
                self.newline()
            elif self.peek() in ENDS_WORD and not self.substitutes():
                self.at += 1
            elif self.peek() == stop:
                return
            else:
                draft.words.append(self.word(stop))
                if draft.words[-1].raw == "]]":
                    return

    def _loop_head(self, stop: str) -> None:
        """Skip a loop's variable and the words it goes through."""
        self.skip_blanks()
        if self.peek(2) == "((":
            self.arithmetic()
            return
        listed = False
        while self.at < len(self.text) and self.peek() not in "\n;" and self.peek() != stop:
            self.skip_blanks()
            if self.peek() in "#\n;":
                return
            if self.peek() in ENDS_WORD and not self.substitutes():
                self.at += 1
            elif self.peek() != stop:
                word = self.word(stop)
                if word.raw == "do" and not listed:
                    return
                listed = listed or word.raw == "in"

    def _case_head(self, stop: str) -> None:
        """Skip what a case looks at."""
        while self.at < len(self.text) and self.peek() != stop:
            if self.peek() == "\n":
                self.newline()
            elif self.peek() in ENDS_WORD and not self.substitutes():
                self.at += 1
            elif self.word(stop).raw == "in":
                self._level.groups[-1].pattern = True
                return

    def _pattern(self, stop: str) -> None:
        """Read on in the pattern of a case."""
        group = self._level.groups[-1]
        if self.peek() == ")":
            group.pattern = False
            self.at += 1
        elif self.peek() in ENDS_WORD or self.peek() == stop:
            self.at += 1
        elif self.word(stop).raw == "esac":
            self._close("esac")

    # -- compound commands ----------------------------------------------------------------------

    def _open(self, name: str) -> None:
        level = self._level
        function = level.function and name in "{("
        fed = level.fed
        group = _Group(_OPENS[name], len(self._drafts), function, fed)
        level.groups.append(group)
        level.draft = _Draft()
        level.fed, level.feeder, level.function = False, None, False

    def _close(self, closed_by: str) -> None:
        self._finish()
        groups = self._level.groups
        for index in range(len(groups) - 1, -1, -1):
            if groups[index].closed_by == closed_by:
                self._level.closed = groups[index].first
                del groups[index:]
                return

    def _finish(self) -> int | None:
        """End the command that is being read; gives its index."""
        level = self._level
        draft, level.draft = level.draft, _Draft()
        closed, level.closed = level.closed, None
        if draft.offset < 0 or closed is not None:
            return None
        draft.in_function = level.in_function or any(group.function for group in level.groups)
        draft.fed = level.fed or any(group.fed for group in level.groups)
        draft.feeder = level.feeder
        level.fed, level.feeder = False, None
        self._drafts.append(draft)
        return len(self._drafts) - 1
