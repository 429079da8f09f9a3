"""Commands that a contract's VMs do not have, and what stands in for them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..declared.stage import ReadyMade, Stage, StagedCommand, StagedDatabase, StagedSystemctl
from ..lint.shell_text import read
from ..ready_made.mysql import MySql
from ..ready_made.postgresql import PostgreSql
from .known_commands import CLIENTS, READY_MADE, meant

_PLAIN = "succeeds, and prints nothing"

_COMMENT = re.compile(r"(?m)^\s*#.*$|\s#\s.*$")
_GIVEN_TEXT = frozenset({"sh", "bash", "dash", "ksh", "su", "runuser", "sudo", "eval", "trap"})
"""Commands that have a shell on the same VM run a text that is one of their arguments."""

_NESTED = 3
"""Texts in one another that are looked into."""

_PROGRAMS = ("bin/", "exe/", "libexec/")
"""How directories of programs end."""

_WORD = re.compile(r"(?<![\w./$-])(?P<path>/(?:[\w.+-]+/)*)?(?P<name>[a-z][\w.+-]*)(?![\w/=:])")


class Doubling:
    """What stands in for the commands of a contract's scripts.

    It grows: a command that was not there is doubled from then on.

    Args:
        stage: what the settings say.
        texts: the scripts' texts.
        real: names of commands that are not doubled.
    """

    def __init__(self, stage: Stage, texts: Iterable[str], real: Iterable[str]) -> None:
        self._real = frozenset(real)
        self._given = {command.name for command in stage.commands}
        texts = tuple(texts)
        mentioned = {place for text in texts for place in _mentioned(text)}
        called = {place for text in texts for place in _called(text)}
        self.called = tuple(sorted(place for place in called if place.isprintable()))
        """Commands that the scripts call by a written-out name, functions of theirs aside."""
        self._stage = replace(stage, ready_made=self._ready_made(stage.ready_made, mentioned))
        taken = {name for names in READY_MADE.values() for name in names}
        self._added: dict[str, StagedCommand] = {}
        for place in sorted(mentioned):
            name = posixpath.basename(place)
            if name in CLIENTS and name not in taken:
                self.add(place)

    def _ready_made(self, given: ReadyMade, mentioned: set[str]) -> ReadyMade:
        called = {posixpath.basename(place) for place in mentioned}

        def wanted(kind: str) -> bool:
            names = set(READY_MADE[kind])
            return bool(names & called) and not names & (self._given | self._real)

        def database(kind: str, usual: tuple[str, ...]) -> StagedDatabase | None:
            if not wanted(kind):
                return None
            named = (p for p in mentioned if posixpath.basename(p) in READY_MADE[kind])
            return StagedDatabase(places=tuple(dict.fromkeys((*usual, *sorted(named)))))

        return ReadyMade(
            mysql=given.mysql or database("mysql", MySql.usual_places),
            postgresql=given.postgresql or database("postgresql", PostgreSql.usual_places),
            systemctl=given.systemctl or (StagedSystemctl() if wanted("systemctl") else None),
            switch_user=given.switch_user or wanted("switch_user"),
            users=given.users,
            fsfreeze=given.fsfreeze or wanted("fsfreeze"),
        )

    def add(self, place: str) -> bool:
        """Let a double stand in for a command; false if one does already, or none may.

        Args:
            place: its name, or absolute path.
        """
        if place in self._given or place in self._added or posixpath.basename(place) in self._real:
            return False
        self._added[place] = StagedCommand(place, reads_stdin=True, optional=True)
        return True

    @property
    def stage(self) -> Stage:
        """The stage with all doubles."""
        optional = (replace(command, optional=True) for command in self._stage.commands)
        return replace(self._stage, commands=(*optional, *self._added.values()))

    @property
    def names(self) -> Mapping[str, str]:
        """Names of all doubled commands that nobody asked for, with what stands in."""
        ready = self._stage.ready_made
        kinds = {
            "mysql": ready.mysql is not None,
            "postgresql": ready.postgresql is not None,
            "systemctl": ready.systemctl is not None,
            "switch_user": ready.switch_user,
            "fsfreeze": ready.fsfreeze,
        }
        found = {
            name: "ready-made"
            for kind, there in kinds.items()
            for name in READY_MADE[kind]
            if there
        }
        return {**found, **{place: f"{_PLAIN}{_asked_back(place)}" for place in self._added}}


def _asked_back(place: str) -> str:
    near = meant(posixpath.basename(place))
    return f" (is {near} meant?)" if near else ""


def _called(text: str, depth: int = 0) -> Iterator[str]:
    shell = read(text)
    for command in shell.commands:
        first = command.words[0] if command.words else None
        if first is not None and first.literal and first.plain not in shell.functions:
            yield first.plain
        if command.name in _GIVEN_TEXT and depth < _NESTED:
            for word in command.words[1:]:
                if word.quoted and " " in word.plain.strip():
                    yield from _called(word.plain, depth + 1)


def _mentioned(text: str) -> set[str]:
    """Words of a script that could be commands, with the paths they are written with. A path does
    not name a command unless it leads to where programs lie: ``/var/lib/docker`` is a directory.
    """
    bare = _COMMENT.sub("", text)
    found = ((row["path"] or "", row["name"]) for row in _WORD.finditer(bare))
    return {f"{path}{name}" for path, name in found if not path or path.endswith(_PROGRAMS)}
