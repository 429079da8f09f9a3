"""Paths that depend on where a script starts, what PATH is, or who HOME belongs to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from .codes import DOT_SEARCHES_PATH, NO_HOME, RELATIVE_PATH, SOURCE_FOR_DOT
from .finding import LintFinding, Severity
from .reading import ReadScript
from .shell_words import Command, Redirection, Word
from .target_shells import by_program, described

_READS_A_SCRIPT = frozenset({".", "source", "sh", "bash", "dash", "ksh", "exec", "nohup", "setsid"})
"""Commands whose first argument is a file they run."""

_FILES = frozenset({"<", ">", ">>", ">|", "<>", "&>", "&>>"})
"""Redirections to a file."""

_RELATIVE = re.compile(r"\.{1,2}/|[\w.-]+/")

WITHOUT_SOURCE = ("dash", "yash")
TILDE_BY_HOME = ("dash", "busybox", "mksh", "yash")
"""Shells for which a tilde is HOME and nothing else; others ask the system who runs them."""

_TILDE = re.compile(r"\A~(?=/|\Z)")
_TILDE_IN_ASSIGNMENT = re.compile(r"(?:\A\w+=|(?<=:))~(?=[/:]|\Z)")
_HOME = re.compile(r"\$(?:HOME\b|\{#?HOME(?![\w:+=?-]|\}?\w)|\{HOME:[0-9 ])")
_UNEXPANDED = re.compile(r"\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_SETS_HOME = re.compile(r"HOME=|.*\$\{HOME:?=", re.DOTALL)


def relative_paths(script: ReadScript) -> Iterator[LintFinding]:
    """Commands, sourced files and redirections with a relative path before any ``cd``."""
    moved = [command for command in script.shell.commands if _moves(command)]
    for command in script.shell.commands:
        place = (command.line, command.column)
        if any(command.in_function or (cd.line, cd.column) < place for cd in moved):
            continue
        for word in _started(command):
            yield script.found(
                RELATIVE_PATH,
                Severity.ERROR,
                word,
                f"{word.plain} is looked for where the script starts, and that is the extension's "
                "own directory",
                f'give its absolute path; beside the script it is "$(dirname "$0")/'
                f'{word.plain.removeprefix("./")}"',
            )
        for found in command.redirections:
            if _is_relative_file(found) and found.target is not None:
                yield _redirected(script, found, found.target)


def _moves(command: Command) -> bool:
    """Whether a command goes to a place that does not depend on where the script started."""
    if command.name not in ("cd", "pushd"):
        return False
    places = [word for word in command.words[1:] if word.raw not in ("-P", "-L", "--")]
    return bool(places) and (not places[0].literal or places[0].plain.startswith(("/", "~")))


def _started(command: Command) -> Iterator[Word]:
    """Words with a path that depends on where the script starts: what it runs, where it goes."""
    operands = [word for word in command.words[1:] if not word.raw.startswith("-")][:1]
    if command.name in ("cd", "pushd"):
        yield from (w for w in operands if w.literal and not w.plain.startswith(("/", "~")))
        return
    words = [*command.words[:1]]
    if command.name in _READS_A_SCRIPT and not {w.raw for w in command.words} & {"-c", "-s"}:
        words += operands
    yield from (w for w in words if w.raw[:1] not in "$`~" and _RELATIVE.match(w.plain))


def _is_relative_file(found: Redirection) -> bool:
    target = found.target
    if found.operator not in _FILES or target is None or not target.literal:
        return False
    return bool(target.plain) and not target.plain.startswith(("/", "~"))


def _redirected(script: ReadScript, found: Redirection, target: Word) -> LintFinding:
    if found.operator == "<":
        severity, what = Severity.ERROR, "is read from"
    else:
        severity, what = Severity.WARNING, "is written into"
    return script.found(
        RELATIVE_PATH,
        severity,
        target,
        f"{target.plain} {what} the directory where the script starts, and that is the extension's "
        "own, which its next version replaces",
        "give its absolute path",
    )


def source(script: ReadScript) -> Iterator[LintFinding]:
    """``source``, where a sh does not know it."""
    without = [name for name in by_program(script.shells) if name in WITHOUT_SOURCE]
    if not without or "source" in script.shell.functions:
        return
    for command in script.shell.commands:
        if command.name == "source":
            file = command.words[1].raw if len(command.words) > 1 else "FILE"
            yield script.found(
                SOURCE_FOR_DOT,
                Severity.ERROR,
                command,
                f"source does not exist in {described(without, script.shells)}: the line fails, "
                "and the script goes on without it",
                f"write . {file}",
            )


def dot(script: ReadScript) -> Iterator[LintFinding]:
    """A bare name after the dot."""
    for command in script.shell.commands:
        if command.name not in (".", "source") or len(command.words) < 2:
            continue
        file = command.words[1]
        if file.literal and file.plain and "/" not in file.plain and file.raw != "-":
            yield script.found(
                DOT_SEARCHES_PATH,
                Severity.ERROR,
                file,
                f"{file.plain} is looked up on PATH and nowhere else, since it has no slash",
                f'give its path; beside the script it is "$(dirname "$0")/{file.plain}"',
            )


def home(script: ReadScript) -> Iterator[LintFinding]:
    """``$HOME``, ``~`` and a bare ``cd``."""
    commands = script.shell.commands
    if any(_asks_for_home(command) for command in commands):
        return
    if any(_SETS_HOME.match(word.raw) for c in commands for word in (*c.assignments, *c.words)):
        return
    by_home = [name for name in by_program(script.shells) if name in TILDE_BY_HOME]
    lines: set[int] = set()
    for command in commands:
        for word, text in _uses(command):
            if word.line in lines:
                continue
            if _HOME.search(text):
                lines.add(word.line)
                yield script.found(
                    NO_HOME,
                    Severity.ERROR,
                    word,
                    "there is no HOME: the extension starts a script without it, so $HOME is "
                    "empty, and under set -u an error",
                    "write the directory out, or set it first: HOME=/root; export HOME",
                )
            elif by_home and _has_tilde(command, word):
                lines.add(word.line)
                yield script.found(
                    NO_HOME,
                    Severity.ERROR,
                    word,
                    "there is no HOME: the extension starts a script without it, and a tilde stays "
                    f"a tilde in {described(by_home, script.shells)}",
                    "write the directory out, such as /root, or name the user: ~root",
                )
        if command.name == "cd" and len(command.words) == 1 and command.line not in lines:
            lines.add(command.line)
            yield script.found(
                NO_HOME,
                Severity.ERROR,
                command,
                "there is no HOME: the extension starts a script without it, and cd alone goes "
                "nowhere",
                "write the directory out: cd /root",
            )


def _asks_for_home(command: Command) -> bool:
    """Whether a script looks itself whether there is a HOME."""
    words = [word.plain for word in command.words]
    asks = any(pair in (("-n", "$HOME"), ("-z", "$HOME")) for pair in itertools.pairwise(words))
    return asks and command.name in ("[", "[[", "test")


def _uses(command: Command) -> Iterator[tuple[Word, str]]:
    """Words of a command, each with the text in which parameters are expanded."""
    for word in (*command.assignments, *command.words):
        yield word, expanded(word.raw)
    for found in command.redirections:
        if found.target is not None:
            yield found.target, expanded(found.target.raw)
            if not found.target.quoted:
                yield found.target, found.body


def _has_tilde(command: Command, word: Word) -> bool:
    tilde = _TILDE_IN_ASSIGNMENT if word in command.assignments else _TILDE
    return bool(tilde.search(word.raw))


def expanded(raw: str) -> str:
    """A word without what is escaped or between single quotes."""
    return _UNEXPANDED.sub(lambda found: _inside(found[0]), raw)


def _inside(part: str) -> str:
    return re.sub(r"\\.", "", part, flags=re.DOTALL) if part.startswith('"') else ""
