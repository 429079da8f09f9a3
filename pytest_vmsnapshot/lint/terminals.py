"""Commands that need somebody at a terminal, where a script has neither."""

from __future__ import annotations

from collections.abc import Iterator

from .codes import SU_WITHOUT_COMMAND, WAITS_FOR_INPUT
from .finding import LintFinding, Severity
from .reading import ReadScript
from .shell_words import Command

_PROMPTS = ("?", ":", "]", ">")
_SQL_CLIENTS = frozenset({"mysql", "mariadb", "mysqldump", "mariadb-dump", "mysqladmin"})
_FULL_SCREEN = frozenset({"dialog", "whiptail", "nano", "htop"})
_DOCKER_VALUES = ("-u", "--user", "-w", "--workdir", "-e", "--env", "--name", "-v", "--volume")
_SU_VALUES = ("-s", "--shell", "-g", "--group", "-G", "--supp-group", "-w", "-T", "-P")
_NOBODY = "a script has no terminal, and nothing on its standard input"


def waits(script: ReadScript) -> Iterator[LintFinding]:
    """Questions, editors, password prompts."""
    commands = script.shell.commands
    if any(c.name == "exec" and c.fed and len(c.words) == 1 for c in commands):
        return  # the script's own standard input is a file
    for index, command in enumerate(commands):
        before = commands[index - 1] if index else None
        what, remedy = _asks(command, before)
        if what:
            yield script.found(
                WAITS_FOR_INPUT, Severity.ERROR, command, f"{what}: {_NOBODY}", remedy
            )


def _asks(command: Command, before: Command | None) -> tuple[str, str]:
    """What a command waits for, and what to do; empty strings if it does not wait."""
    words = [word.plain for word in command.words[1:]]
    name = command.name
    if any(found.target and found.target.plain == "/dev/tty" for found in command.redirections):
        return "/dev/tty cannot be opened", "leave it out"
    if name == "read" and not command.fed and not command.in_function:
        if any(_has(word, "p") for word in words) or (before and _is_prompt(before, command)):
            return "read waits for an answer", "take it from a parameter of the script: $1"
    elif name in _SQL_CLIENTS and ("-p" in words or "--password" in words):
        return (
            f"{name} asks for a password",
            "give it an option file: --defaults-extra-file=FILE as its first option",
        )
    elif name == "docker" and words[:1] in (["exec"], ["run"]) and _wants_terminal(words[1:]):
        return f"docker {words[0]} -t refuses to start", "leave -i and -t out"
    elif name in _FULL_SCREEN or (name == "crontab" and "-e" in words and not command.assignments):
        return f"{name} wants to be typed into", "change the file by a command that asks nothing"
    return "", ""


def _has(word: str, letter: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and letter in word


def _is_prompt(before: Command, read: Command) -> bool:
    """Whether a command prints a question right before another reads the answer."""
    if before.name not in ("echo", "printf") or before.redirections or read.line - before.line > 1:
        return False
    text = before.words[-1].plain.rstrip(" \\nc") if len(before.words) > 1 else ""
    return text.endswith(_PROMPTS)


def _wants_terminal(words: list[str]) -> bool:
    """Whether docker is told to connect a terminal to its standard input."""
    options, given = [], iter(words)
    for word in given:
        if not word.startswith("-"):
            break  # the options that follow are those of the command inside
        options.append(word)
        if word in _DOCKER_VALUES:
            next(given, None)
    tty = any(_has(word, "t") or word == "--tty" for word in options)
    return tty and any(_has(word, "i") or word == "--interactive" for word in options)


def su(script: ReadScript) -> Iterator[LintFinding]:
    """``su - user`` on a line of its own, as one types it."""
    for command in script.shell.commands:
        user = _bare_su(command)
        if user is not None and not command.fed:
            typed = " ".join(word.raw for word in command.words)
            yield script.found(
                SU_WITHOUT_COMMAND,
                Severity.ERROR,
                command,
                f"{typed} starts a shell that finds nothing on its standard input and ends at "
                "once: the commands after it run as root",
                f"hand the command to it: su - {user or 'USER'} -c 'COMMAND'",
            )


def _bare_su(command: Command) -> str | None:
    """The user of a su that is given no command; None if it is given one."""
    words = [word.plain for word in command.words]
    if words[:2] in (["sudo", "su"], ["sudo", "-i"], ["sudo", "-s"]):
        words = words[1:]
    elif command.name not in ("su", "runuser"):
        return None
    users, options = [], iter(words[1:])
    for word in options:
        if word in _SU_VALUES:
            next(options, None)
        elif word.startswith(("-c", "--command", "--session-command", "-u", "--user", "$@", "$*")):
            return None
        elif word not in ("-", "--") and not word.startswith("-"):
            users.append(word)
    if words[0] in ("-i", "-s"):
        return None if users else ""
    return None if len(users) > 1 else "".join(users)
