"""Calls of database clients in a script, with the SQL each is given, as far as the text tells."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..ready_made.options import options
from ..ready_made.sql_text import plainly, split
from .shell_text import read
from .shell_words import Command, ShellText, Word

KINDS: Final[Mapping[str, str]] = {
    "mysql": "mysql",
    "mariadb": "mysql",
    "psql": "psql",
    "sqlite3": "sqlite3",
}
"""Names of clients, and whose SQL they speak."""

_WRAPPERS = frozenset(
    {
        *("sudo", "doas", "env", "nice", "ionice", "nohup", "timeout", "command", "exec", "setsid"),
        *("docker", "podman", "kubectl", "docker-compose", "runuser", "setpriv", "chroot", "gosu"),
        *("time", "stdbuf", "flock"),
    }
)
"""Commands that run another one, given as words."""

_HAND_OVER = frozenset({"sh", "bash", "dash", "su", "runuser", "sudo", "docker", "podman", "ssh"})
"""Commands that run another one, given as text."""

_TEXT_OPTION = re.compile(r"-[a-z]*c|--command|--session-command")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})\Z")
_BY_OPTION = ("mysql", "psql")
"""Kinds of clients that are given their SQL by an option."""

_NESTED = 3
"""Shells in one another that are looked into."""


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One call of a client that ends when it has done what it was given.

    Args:
        client: the client's name.
        kind: whose SQL it speaks.
        statements: what it is given, in capitals with single blanks.
        command: the command of the script that calls it.
    """

    client: str
    kind: str
    statements: tuple[str, ...]
    command: Command


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is known of a script's names: variables that are written out, and functions."""

    variables: Mapping[str, str]
    functions: frozenset[str]


def client_calls(shell: ShellText) -> Iterator[ClientCall]:
    """Calls of clients whose SQL is written in the script.

    Args:
        shell: the script.
    """
    scene = _Scene(_variables(shell), shell.functions)
    for command in shell.commands:
        yield from _calls(command, command, scene, _fed_text(shell, command), 0)


def _variables(shell: ShellText) -> dict[str, str]:
    """Variables that are set once, to a text that is written out."""
    found: dict[str, list[Word]] = {}
    for command in shell.commands:
        for word in command.assignments:
            found.setdefault(word.plain.partition("=")[0], []).append(word)
    return {
        name: words[0].plain.partition("=")[2]
        for name, words in found.items()
        if len(words) == 1 and words[0].literal
    }


def _fed_text(shell: ShellText, command: Command) -> str:
    """What a command reads from its standard input, where that is written in the script."""
    for found in command.redirections:
        if found.is_input and found.operator in ("<<", "<<-"):
            return found.body
        if found.is_input and found.operator == "<<<" and found.target is not None:
            return found.target.plain
    if command.feeder is None:
        return ""
    feeder = shell.commands[command.feeder]
    if feeder.name in ("echo", "printf"):
        return " ".join(word.plain for word in feeder.words[1:]).replace("\\n", "\n")
    return _fed_text(shell, feeder) if feeder.name in ("cat", "tee") else ""


def _calls(
    command: Command, outer: Command, scene: _Scene, fed: str, depth: int
) -> Iterator[ClientCall]:
    words = _words(command, scene.variables)
    if not words:
        return
    name = words[0].rpartition("/")[2]
    places = range(len(words)) if name in _WRAPPERS else range(1)
    for place in places:
        client = words[place].rpartition("/")[2]
        for kind in _kinds(client, scene):
            statements = _statements(kind, words[place + 1 :], fed if client in KINDS else "")
            if statements:
                yield ClientCall(client, kind, statements, outer)
        if client in KINDS:
            return
    if name in _HAND_OVER and depth < _NESTED:
        for text in _texts(name, words):
            for inner in read(text).commands:
                given = _fed_text(read(text), inner) or fed
                yield from _calls(inner, outer, scene, given, depth + 1)


def _kinds(client: str, scene: _Scene) -> Sequence[str]:
    """Whose SQL a client may speak; of one that has another name its options tell."""
    if client in KINDS:
        return (KINDS[client],)
    return _BY_OPTION if _VARIABLE.match(client) or client in scene.functions else ()


def _words(command: Command, variables: Mapping[str, str]) -> list[str]:
    """The words of a command, with variables whose text is known."""
    words = []
    for index, word in enumerate(command.words):
        named = _VARIABLE.match(word.plain)
        value = variables.get(named[1] or named[2]) if named else None
        if value is None:
            words.append(word.plain)
        elif index == 0 and not word.quoted:
            words += value.split()
        else:
            words.append(value)
    return words


def _texts(name: str, words: Sequence[str]) -> Iterator[str]:
    """The texts that a command hands to a shell."""
    for before, word in itertools.pairwise(words):
        if _TEXT_OPTION.fullmatch(before):
            yield word
            return
    if name == "ssh" and len(words) > 2:
        yield " ".join(words[2:])


def _statements(kind: str, args: Sequence[str], fed: str) -> tuple[str, ...]:
    given: list[str] = []
    if kind == "mysql":
        found = options(args, "ehPDSRu", {"--execute": "-e"})
        given = [value for name, value in found if name == "-e"]
    elif kind == "psql":
        long = {"--command": "-c", "--file": "-f", "--set": "-v", "--variable": "-v"}
        found = options(args, "UhpdcfvPFRoLT", long)
        given = [value for name, value in found if name == "-c"]
    else:
        given = [word for word in args if " " in word or word.endswith(";")]
    text = ";\n".join(given) if given else fed
    complete, _ = split(f"{text}\n;")
    return tuple(plainly(statement) for statement in complete)
