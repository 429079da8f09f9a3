"""``systemctl`` and ``service`` as command doubles, with units that run or do not."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Protocol

from ..command_double import Answer, CommandDouble
from ..doubles import Call, Reply
from ..errors import UsageError
from ..findings import Finding, FindingKind, Watched
from .several_places import SeveralPlaces

STATES = ("active", "inactive", "failed")
"""States of a unit."""
_TAKES_VALUE = (
    *("-p", "--property", "-P", "-t", "--type", "-n", "--lines", "-o", "--output"),
    *("-s", "--signal", "-H", "--host", "-M", "--machine", "--state", "--job-mode"),
)
_SUFFIXES = (
    *(".service", ".socket", ".timer", ".target", ".mount", ".path", ".slice", ".scope"),
    *(".swap", ".device", ".automount"),
)
_NOTHING_TO_DO = (
    *("daemon-reload", "daemon-reexec", "list-units", "list-unit-files", "list-timers", "cat"),
    *("is-system-running", "show-environment", "set-property", "edit", "preset", "help"),
)
"""Verbs that are heeded by doing nothing, and saying nothing."""

_AFTERWARDS: Mapping[str, str] = {
    "start": "active",
    "restart": "active",
    "reload-or-restart": "active",
    "reload": "",
    "stop": "inactive",
    "kill": "inactive",
    "reset-failed": "",
}
"""What becomes of a unit; empty where it stays as it is."""

_NEEDS_ACTIVE = ("try-restart", "condrestart", "reload-or-try-restart")


class AnsweringMachine(Protocol):
    """A VM, as far as a double needs it that answers in the test's process."""

    def command(
        self, name: str, *, answer: Answer | None = None, optional: bool = False
    ) -> CommandDouble:
        """Put a command double in place."""
        ...

    def watch_over(self, watched: Watched) -> None:
        """Look at this, too, once a backup has ended."""
        ...


class Systemctl(SeveralPlaces):
    """``systemctl`` and ``service``, with units that can be started and stopped.

    Args:
        vm: where they are put in place.
        units: the VM's units and the state of each: ``active``, ``inactive`` or ``failed``. Without
            it every unit that is named exists, and is active.
        failing: calls that fail, as patterns of a shell, such as ``stop orders``.

    Raises:
        UsageError: a unit has another state.
    """

    def __init__(
        self,
        vm: AnsweringMachine,
        units: Mapping[str, str] | None = None,
        *,
        failing: Sequence[str] = (),
    ) -> None:
        mistakes = [
            f"units: {name!r} is {state!r}; write one of {', '.join(STATES)}"
            for name, state in (units or {}).items()
            if state not in STATES
        ]
        if isinstance(failing, str):
            mistakes.append(f"failing is a string, {failing!r}; write [{failing!r}]")
        if mistakes:
            raise UsageError(mistakes)
        self._any_unit = units is None
        self._unnamed = "active" if self._any_unit else ""
        self.units = {_full(name): state for name, state in (units or {}).items()}
        """The state of each unit that exists, or that was named so far."""
        self._failing = tuple(failing)
        answers: Mapping[str, Answer] = {
            "systemctl": self._systemctl,
            "/usr/bin/systemctl": self._systemctl,
            "service": self._service,
            "/usr/sbin/service": self._service,
        }
        self._doubles = [
            vm.command(place, answer=answer, optional=True) for place, answer in answers.items()
        ]

        self._before: Mapping[str, str] = {}
        vm.watch_over(self)

    def backup_begins(self) -> None:
        """Remember what runs."""
        self._before = dict(self.units)

    def findings(self) -> Sequence[Finding]:
        """Units that ran when the backup began and do not run now."""
        found = []
        for name, state in self.units.items():
            if state != "active" and self._before.get(name, self._unnamed) == "active":
                text = (
                    f"{name} was active before the backup and is {state} now; start it in the "
                    "post-script, whatever became of the pre-script"
                )
                found.append(Finding(FindingKind.UNITS, text, name))
        return found

    @property
    def stopped(self) -> tuple[str, ...]:
        """Units that do not run now."""
        return tuple(name for name, state in self.units.items() if state != "active")

    def state_of(self, name: str) -> str | None:
        """The state of a unit now; None if the VM has no such unit.

        Args:
            name: with or without ``.service``.
        """
        return self.units.get(_full(name), self._unnamed or None)

    # -- what they answer ------------------------------------------------------------------------

    def _systemctl(self, call: Call) -> Reply:
        verb, *names = _words(call.args) or ["list-units"]
        quiet = "-q" in call.args or "--quiet" in call.args
        if verb in _QUESTIONS:
            return self._questioned(verb, names, quiet=quiet)
        if verb == "show":
            return Reply(self._shown(names, call.args))
        now = "--now" in call.args
        if verb in ("enable", "unmask", "disable", "mask"):
            action = {"enable": "start", "disable": "stop", "mask": "stop"}.get(verb)
            return self._each(action, names) if now and action else self._known(verb, names)
        if verb == "kill" and not _kills(call.args):
            return self._known(verb, names)
        if verb in _AFTERWARDS or verb in _NEEDS_ACTIVE:
            if not names:
                return Reply(stderr="Too few arguments.\n", exit_status=1)
            return self._each(verb, names)
        if verb in _NOTHING_TO_DO:
            return Reply()
        return Reply(stderr=f"Unknown command verb '{verb}'.\n", exit_status=1)

    def _service(self, call: Call) -> Reply:
        words = _words(call.args)
        if len(words) < 2:
            return Reply(stderr="Usage: service < option > | --status-all | [ name ]\n")
        name, verb = _full(words[0]), words[1]
        if not self._exists(name):
            return Reply(stderr=f"{words[0]}: unrecognized service\n", exit_status=1)
        if verb == "status":
            return self._questioned("status", [name], quiet=False)
        return self._each(verb, [name])

    def _each(self, verb: str, names: Sequence[str]) -> Reply:
        errors, status = "", 0
        for name in self._meant(names):
            if not self._exists(name):
                word = verb.partition("-")[0]
                errors += f"Failed to {word} {name}: Unit {name} not found.\n"
                status = 5
            elif self._fails(verb, name):
                errors += (
                    f"Job for {name} failed because the control process exited with error code.\n"
                    f'See "systemctl status {name}" and "journalctl -xe" for details.\n'
                )
                status = status or 1
                if _AFTERWARDS.get(verb) == "active":
                    self.units[name] = "failed"
            elif verb == "reload" and self.units[name] != "active":
                errors += f"{name} is not active, cannot reload.\n"
                status = status or 1
            elif verb not in _NEEDS_ACTIVE:
                self.units[name] = _AFTERWARDS.get(verb, "") or self.units[name]
        return Reply(stderr=errors, exit_status=status)

    def _meant(self, names: Sequence[str]) -> list[str]:
        """Units by their full names; a pattern means those that match, which may be none."""
        found = []
        for name in map(_full, names):
            matching = fnmatch.filter(self.units, name)
            found += matching if any(sign in name for sign in "*?[") else [name]
        return found

    def _known(self, verb: str, names: Sequence[str]) -> Reply:
        unknown = [name for name in map(_full, names) if not self._exists(name)]
        errors = "".join(
            f"Failed to {verb} unit: Unit {name} does not exist.\n" for name in unknown
        )
        return Reply(stderr=errors, exit_status=1 if unknown else 0)

    def _questioned(self, verb: str, names: Sequence[str], *, quiet: bool) -> Reply:
        out, err, status = "", "", 0
        expected, otherwise = _QUESTIONS[verb]
        is_so: list[bool] = []
        for name in map(_full, names):
            exists = self._exists(name)
            state = self.units[name] if exists else "inactive"
            if verb == "is-enabled":
                out += "enabled\n" if exists else ""
                err += "" if exists else f"Failed to get unit file state for {name}\n"
                status = status if exists else 1
            elif verb == "status":
                out += f"* {name}\n     Active: {state}\n" if exists else ""
                err += "" if exists else f"Unit {name} could not be found.\n"
                status = (status if state == expected else otherwise) if exists else 4
            else:
                out += f"{state}\n"
                is_so.append(state == expected)
        if is_so and not any(is_so):  # one unit in that state is enough (systemctl(1))
            status = otherwise
        return Reply("" if quiet else out, "" if quiet else err, status)

    def _shown(self, names: Sequence[str], args: Sequence[str]) -> str:
        out = ""
        for name in map(_full, names):
            state = self.units[name] if self._exists(name) else "inactive"
            sub = {"active": "running", "inactive": "dead"}.get(state, state)
            loaded = "loaded" if name in self.units else "not-found"
            rows = {"LoadState": loaded, "ActiveState": state, "SubState": sub}
            for key, value in rows.items():
                if not _properties(args) or key in _properties(args):
                    plain = "--value" in args or "-P" in args
                    out += f"{value}\n" if plain else f"{key}={value}\n"
        return out

    def _exists(self, name: str) -> bool:
        if self._any_unit:
            self.units.setdefault(name, "active")
        return name in self.units

    def _fails(self, verb: str, name: str) -> bool:
        short = name.removesuffix(".service")
        return any(
            fnmatch.fnmatchcase(f"{verb} {known}", pattern)
            for pattern in self._failing
            for known in (name, short)
        )


_QUESTIONS: Mapping[str, tuple[str, int]] = {
    "is-active": ("active", 3),
    "is-failed": ("failed", 1),
    "is-enabled": ("enabled", 1),
    "status": ("active", 3),
}
"""The state that is asked for, and how systemctl ends where a unit has another (systemctl(1))."""


def _words(args: Sequence[str]) -> list[str]:
    """Arguments that are no options, and no values of options."""
    found: list[str] = []
    given = list(args)
    while given:
        word = given.pop(0)
        if word in _TAKES_VALUE and given:
            given.pop(0)
        elif not word.startswith("-"):
            found.append(word)
    return found


def _kills(args: Sequence[str]) -> bool:
    """Whether a signal ends a service."""
    found = [args[at + 1] for at, word in enumerate(args[:-1]) if word in ("-s", "--signal")]
    found += [word.partition("=")[2] for word in args if word.startswith("--signal=")]
    return not found or found[-1].removeprefix("SIG") in ("TERM", "KILL", "INT", "15", "9", "2")


def _properties(args: Sequence[str]) -> list[str]:
    found: list[str] = []
    for index, word in enumerate(args):
        if word in ("-p", "-P", "--property") and index + 1 < len(args):
            found += args[index + 1].split(",")
        elif word.startswith("-p") and len(word) > 2:
            found += word[2:].split(",")
        elif word.startswith("--property="):
            found += word.partition("=")[2].split(",")
    return found


def _full(name: str) -> str:
    return name if name.endswith(_SUFFIXES) else f"{name}.service"
