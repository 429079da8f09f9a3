"""Reads the characters of a shell script: blanks, comments, here-documents, words."""

from __future__ import annotations

import bisect
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from .shell_words import Comment, Word

DEPTH = 40
"""Substitutions in one another; what is nested more deeply is taken for characters."""

BLANK = " \t\r\f\v"
ENDS_WORD = " \t\r\f\v\n;&|()<>"

_ARRAY = re.compile(r"(?:.*[\s;&|(])?[A-Za-z_]\w*\+?=\Z", re.DOTALL)
_PARAMETER = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_REDIRECTION = re.compile(r"(?P<fd>\d*|\{\w+\})(?P<op>&>>|&>|<<<|<<-|<<|<>|<&|<|>>|>&|>\||>)")


@dataclass(slots=True)
class Redirected:
    """A redirection whose here-document may be still to come."""

    operator: str
    descriptor: str
    target: Word | None
    body: str = ""


class Characters(ABC):
    """A text with a place in it.

    Args:
        text: the script, with LF line ends.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.comments: list[Comment] = []
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._here: list[Redirected] = []
        self._depth = 0

    @abstractmethod
    def commands_until(self, stop: str) -> None:
        """Read commands up to a closing character, which is consumed, or to the end."""

    def peek(self, count: int = 1) -> str:
        """The next characters; fewer at the end."""
        return self.text[self.at : self.at + count]

    def place(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset, both from 1."""
        line = bisect.bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def skip_blanks(self) -> None:
        """Go over blanks and continued lines."""
        while True:
            if self.peek() and self.peek() in BLANK:
                self.at += 1
            elif self.peek(2) == "\\\n":
                self.at += 2
            else:
                return

    def comment(self) -> None:
        """Take down a comment, from its number sign to the end of the line."""
        end = self._find("\n")
        line, column = self.place(self.at)
        own = not self.text[self._lines[line - 1] : self.at].strip(BLANK)
        self.comments.append(Comment(self.text[self.at + 1 : end], line, column, own))
        self.at = end

    def _find(self, what: str) -> int:
        found = self.text.find(what, self.at)
        return len(self.text) if found < 0 else found

    def newline(self) -> None:
        """Go to the next line, behind the here-documents that begin there."""
        self.at += 1
        for document in self._here:
            document.body = self._here_document(document)
        self._here.clear()

    def _here_document(self, document: Redirected) -> str:
        delimiter = document.target.plain if document.target else ""
        lines = []
        while self.at < len(self.text):
            end = self._find("\n")
            line = self.text[self.at : end]
            if document.operator == "<<-":
                line = line.lstrip("\t")
            self.at = min(end + 1, len(self.text))
            if line == delimiter:
                break
            lines.append(line)
        return "".join(f"{line}\n" for line in lines)

    def redirection(self, stop: str) -> Redirected | None:
        """Read a redirection, if there is one here."""
        found = _REDIRECTION.match(self.text, self.at)
        if found is None or (found["op"] in ("<", ">") and self.text.startswith("(", found.end())):
            return None
        self.at = found.end()
        self.skip_blanks()
        begins = self.peek() and self.peek() not in ENDS_WORD and self.peek() != stop
        target = self.word(stop) if begins or self.substitutes() else None
        redirected = Redirected(found["op"], found["fd"], target)
        if found["op"] in ("<<", "<<-") and target is not None:
            self._here.append(redirected)
        return redirected

    def substitutes(self) -> bool:
        """Whether a process substitution begins here."""
        return self.peek(2) in ("<(", ">(")

    # -- words ----------------------------------------------------------------------------------

    def word(self, stop: str) -> Word:
        """Read a word; there is at least one character that can begin one.

        Args:
            stop: the closing character of the substitution around it.
        """
        begin = self.at
        parts: list[str] = []
        literal, quoted = True, False
        if self.substitutes():
            self.at += 2
            if self._depth < DEPTH:
                self._nested(")")
            parts.append(self.text[begin : self.at])
            literal = False
        while self.at < len(self.text):
            char = self.peek()
            if char in ENDS_WORD:
                if char != "(" or not self._takes_parenthesis(begin):
                    break
                opened = self.at
                self._parenthesis()
                parts.append(self.text[opened : self.at])
                literal = False
                continue
            if char == "`" and stop == "`":
                break
            mark = self.at
            if char == "\\":
                parts.append(self.text[mark + 1 : mark + 2].replace("\n", ""))
                self.at = min(mark + 2, len(self.text))
                quoted = True
            elif char == "'":
                self.at += 1
                end = self._find("'")
                parts.append(self.text[self.at : end])
                self.at = min(end + 1, len(self.text))
                quoted = True
            elif char == '"':
                literal = self._double_quoted(parts) and literal
                quoted = True
            elif char in "$`":
                self.expansion()
                parts.append(self.text[mark : self.at])
                quoted = quoted or self.text[mark + 1 : mark + 2] in ("'", '"')
                literal = False
            else:
                parts.append(char)
                self.at += 1
        line, column = self.place(begin)
        raw = self.text[begin : self.at]
        return Word(raw, "".join(parts), line, column, literal, quoted)

    def _takes_parenthesis(self, begin: int) -> bool:
        """Whether a parenthesis belongs to a word: an array's, or that of an extended pattern."""
        before = self.text[max(begin, self.at - 200) : self.at]
        return (
            bool(before)
            and self._depth < DEPTH
            and (bool(_ARRAY.match(before)) or before[-1] in "?*+@!")
        )

    def _parenthesis(self) -> None:
        """Skip what is between parentheses that belong to a word."""
        self._depth += 1
        self.at += 1
        while self.at < len(self.text) and self.peek() != ")":
            if self.peek() == "#" and self.text[self.at - 1] in " \t\n(":
                self.comment()
            elif self.peek() in ENDS_WORD:
                self.at += 1
            else:
                self.word(")")
        self.at = min(self.at + 1, len(self.text))
        self._depth -= 1

    def _double_quoted(self, parts: list[str]) -> bool:
        """Read a part between double quotes; gives whether nothing in it is expanded."""
        self.at += 1
        literal = True
        while self.at < len(self.text):
            char = self.peek()
            if char == '"':
                self.at += 1
                return literal
            mark = self.at
            if char == "\\":
                self.at = min(mark + 2, len(self.text))
                after = self.text[mark + 1 : self.at]
                parts.append(after if after in tuple('$`"\\') else char + after)
            elif char in "$`":
                self.expansion(quoted=True)
                found = self.text[mark : self.at]
                literal = literal and found == "$"
                parts.append(found)
            else:
                parts.append(char)
                self.at += 1
        return literal

    def expansion(self, *, quoted: bool = False) -> None:
        """Read what a dollar sign or a backquote begins."""
        begin = self.at
        self.at += 1
        if self._depth >= DEPTH:
            return
        if self.text[begin] == "`":
            self._nested("`")
        elif self.peek(2) == "((":
            self.arithmetic()
        elif self.peek() == "(":
            self.at += 1
            self._nested(")")
        elif self.peek() == "{":
            self._braces(quoted=quoted)
        elif self.peek() == "'" and not quoted:
            self._escaped_quotes()
        elif self.peek() == '"' and not quoted:
            self._double_quoted([])
        elif found := _PARAMETER.match(self.text, self.at):
            self.at = found.end()

    def _nested(self, stop: str) -> None:
        self._depth += 1
        self.commands_until(stop)
        self._depth -= 1

    def arithmetic(self) -> None:
        """Go over an arithmetic expression, from its first parenthesis on."""
        depth = 0
        self._depth += 1
        while self.at < len(self.text):
            char = self.peek()
            if char in "$`":
                self.expansion(quoted=True)
                continue
            self.at += 1
            depth += (char == "(") - (char == ")")
            if not depth:
                break
        self._depth -= 1

    def _braces(self, *, quoted: bool) -> None:
        """Read a parameter expansion, from its brace on."""
        self._depth += 1
        self.at += 1
        while self.at < len(self.text) and self.peek() != "}":
            char = self.peek()
            if char == "\\":
                self.at = min(self.at + 2, len(self.text))
            elif char == "'" and not quoted:
                self.at += 1
                self.at = min(self._find("'") + 1, len(self.text))
            elif char == '"':
                self._double_quoted([])
            elif char in "$`":
                self.expansion(quoted=quoted)
            else:
                self.at += 1
        self.at = min(self.at + 1, len(self.text))
        self._depth -= 1

    def _escaped_quotes(self) -> None:
        self.at += 1
        while self.at < len(self.text):
            char = self.peek()
            self.at = min(self.at + (2 if char == "\\" else 1), len(self.text))
            if char == "'":
                return
