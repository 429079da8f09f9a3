"""What reading a shell script gives: its commands, their words, its comments, with their places."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command.

    Args:
        raw: as it is written.
        plain: without its quotes; expansions stay as they are written.
        line: where it begins, from 1.
        column: where it begins, in characters from 1.
        literal: whether nothing in it is expanded; it may have patterns and a tilde.
        quoted: whether any of it is quoted or escaped.
    """

    raw: str
    plain: str
    line: int
    column: int
    literal: bool
    quoted: bool


@dataclass(frozen=True, slots=True)
class Redirection:
    """A redirection of a command.

    Args:
        operator: ``<``, ``>>``, ``<<`` and so on.
        descriptor: the number before it; empty where there is none.
        target: the word after it; None where there is none.
        body: the text of a here-document.
    """

    operator: str
    descriptor: str
    target: Word | None
    body: str

    @property
    def is_input(self) -> bool:
        """Whether it decides what a command reads from its standard input."""
        return self.operator.startswith("<") and self.descriptor in ("", "0")


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command.

    Args:
        words: its name and arguments.
        assignments: those before its name.
        redirections: its own.
        line: where it begins, from 1.
        column: where it begins, in characters from 1.
        background: whether it is followed by ``&``.
        in_function: whether it stands in the body of a function.
        fed: whether its standard input is another than the script's, by a pipe or a redirection of
            its own or of a compound command around it.
        feeder: index of the simple command whose output it reads; None where there is none.
    """

    words: tuple[Word, ...]
    assignments: tuple[Word, ...]
    redirections: tuple[Redirection, ...]
    line: int
    column: int
    background: bool
    in_function: bool
    fed: bool
    feeder: int | None

    @property
    def name(self) -> str:
        """The last part of its name's path; empty if there is no name, or one put together."""
        if not self.words or not self.words[0].literal:
            return ""
        return self.words[0].plain.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment.

    Args:
        text: what follows the number sign.
        line: its line, from 1.
        column: of its number sign, in characters from 1.
        own_line: whether nothing but blanks stands before it.
    """

    text: str
    line: int
    column: int
    own_line: bool


@dataclass(frozen=True, slots=True)
class ShellText:
    """A script that was read.

    Args:
        commands: its simple commands; one in a substitution comes before that around it.
        comments: its comments, the first line included.
        functions: names of functions it defines.
    """

    commands: tuple[Command, ...]
    comments: tuple[Comment, ...]
    functions: frozenset[str]
