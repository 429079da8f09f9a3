"""One backup under faults: what goes wrong is set up before it, and taken back after it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from . import engine
from .backup import Backup, Event, EventKind, Note, Step
from .config import CONFIG_PATH, PLUGIN_HOST_PATH
from .engine.lifecycle import Bench
from .errors import UsageError
from .explain import command
from .fault_words import in_words, of_command, of_script, ordinal
from .faults import CommandFault, Faults, FileFault, ScriptFault, SnapshotFault
from .faulty_guest import FaultyGuest
from .file_damage import KINDS, Place, script_location
from .layout import BUNDLED_PLUGIN_HOST_PATH
from .moments import Moment
from .vm_path import FileGuest

_PLACES = frozenset(place.value for place in Place)

_IN_MEMORY = {
    "pre": "its scripts are Python functions; let the function fail, print or sleep",
    "post": "its scripts are Python functions; let the function fail, print or sleep",
    "pre_file": "write what is wrong with memory_vm.path()",
    "post_file": "write what is wrong with memory_vm.path()",
    "config_file": "write what is wrong with install_config() or memory_vm.path()",
    "plugin_host": "write what is wrong with memory_vm.path()",
    "commands": "it has no commands",
    "disk_full": "use set_disk_usage() of pyfakefs",
    "read_only": "let the function raise OSError",
    "clock_jump": "it has no wall clock of its own",
}

_NOT_IN_PLACE = {
    "pre_file": "install a file that is wrong",
    "post_file": "install a file that is wrong",
    "config_file": "install a config that is wrong",
    "plugin_host": "write a file that is wrong with vm.write()",
    "commands": "let the script call what the test installs",
    "disk_full": "use a guest with namespaces",
    "read_only": "use a guest with namespaces",
}


class FaultingGuest(FileGuest, Protocol):
    """A guest in which things can go wrong."""

    def spoil(
        self,
        path: str,
        place: str,
        content: bytes | None,
        mode: int | None,
        owner: str | None,
    ) -> dict[str, Any]:
        """Let a file be other than it should."""
        ...

    def afflict(self, name: str, fault: CommandFault) -> None:
        """Let a command go wrong."""
        ...

    def restrict(self, *, disk_full: bool, read_only: tuple[str, ...]) -> None:
        """Let nothing more be written."""
        ...

    def set_clock(self, by: float) -> None:
        """Set the wall clock forward or back by so many seconds."""
        ...

    def relieve(self) -> dict[str, Any]:
        """Let everything be as before; says what has happened."""
        ...


def check_possible(faults: Faults, bench: Bench) -> None:
    """Refuse what this VM cannot let go wrong.

    Args:
        faults: all that shall go wrong.
        bench: the VM.

    Raises:
        UsageError: some of it cannot be; all of that is named.
    """
    __tracebackhide__ = True
    mistakes = []
    asked = [name for name in _IN_MEMORY if getattr(faults, name)]
    if not bench.guest.runs_programs:
        mistakes += [
            f"{name} cannot be a fault of a VM in memory: {_IN_MEMORY[name]}, or use the fixture vm"
            for name in asked
        ]
    elif bench.guest.name == "in-place":
        mistakes += [
            f"{name} cannot be a fault in place, where the VM is this machine, which a run that is "
            f"killed would leave so; {_NOT_IN_PLACE[name]}"
            for name in asked
            if name in _NOT_IN_PLACE
        ]
    if bench.clock.name == "real":
        mistakes += [
            f"{name}: at={fault.at} needs the virtual clock, which sees every program that is "
            "executed, and here the clock is real; write at='start', at='end', or "
            "commands={'NAME': 'fail'}"
            for name, fault in (("pre", faults.pre), ("post", faults.post))
            if fault is not None and isinstance(fault.at, int)
        ]
    if faults.clock_jump and bench.clock.name == "real":
        mistakes.append(
            "clock_jump needs the virtual clock: the real one is the machine's; leave it out, or "
            "take clock='virtual'"
        )
    if faults.snapshot is SnapshotFault.SOME_FAILED and bench.vm.disks == 1:
        mistakes.append(
            "snapshot='some_failed' cannot be with one disk; write 'all_failed', or disks=2"
        )
    if mistakes:
        raise UsageError(mistakes)


def run(
    bench: Bench,
    guest: FaultingGuest,
    number: int,
    on_budget: Callable[[float], None] | None,
) -> tuple[Backup, float]:
    """Take one backup under the faults of a VM.

    Args:
        bench: the VM and its surroundings, with its faults.
        guest: the VM's guest.
        number: which backup of the VM this is, from 1.
        on_budget: told how many seconds the backup takes at most.

    Returns:
        The backup, and the second of the VM's clock at which it began.

    Raises:
        UsageError: a fault is about something the VM has not.
        GuestDied: the VM itself ended.
    """
    faults = bench.faults
    words = in_words(faults)
    if set(words) - {"freeze", "snapshot"}:
        run_under = _UnderFaults(bench, guest)
        return run_under.run(number, on_budget, words), run_under.began
    began = bench.clock.now()
    backup = engine.run(bench, number, on_budget)
    return _with_faults(backup, words, _of_storage(backup), {}) if words else backup, began


class _UnderFaults:
    """One backup, and what goes wrong with it besides the storage."""

    def __init__(self, bench: Bench, guest: FaultingGuest) -> None:
        self._bench = bench
        self._guest = guest
        self._faults = bench.faults
        self.began = 0.0
        """Second of the VM's clock at which the backup began."""
        self._happened: set[str] = set()
        self._mistakes: list[str] = []

    def run(
        self, number: int, on_budget: Callable[[float], None] | None, words: dict[str, str]
    ) -> Backup:
        bench = replace(
            self._bench, guest=FaultyGuest(self._bench.guest, self._faults), reach=self._reach
        )
        try:
            self._set_up()
            self.began = bench.clock.now()
            backup = engine.run(bench, number, on_budget)
        except BaseException:
            with contextlib.suppress(Exception):  # the first error counts
                self._guest.relieve()
            raise
        told = self._guest.relieve()
        if self._mistakes:
            raise UsageError(self._mistakes)
        events = list(backup.events)
        for hit in told["hits"]:
            events.append(self._event(hit, events))
            self._happened.add(_about(hit))
        events.sort(key=lambda event: event.at)
        happened = self._happened | _of_storage(backup)
        return _with_faults(
            replace(backup, events=tuple(events)), words, happened, _executed(told["counts"])
        )

    # -- before ----------------------------------------------------------------------------

    def _set_up(self) -> None:
        """Spoil files and commands; all mistakes are named, and nothing stays spoiled then."""
        places = {name: self._places(name) for name, _ in self._faults.files}
        for name, fault in self._faults.files:
            for path in places[name]:
                self._spoil(name, path, fault)
        for name, affliction in self._faults.commands:
            try:
                self._guest.afflict(name, affliction)
            except OSError as error:
                self._mistakes.append(
                    f"commands: {name} cannot be replaced on the VM: {error.strerror}"
                )
            if affliction.missing:
                self._happened.add(f"command {name}")
        if self._mistakes:
            mistakes, self._mistakes = self._mistakes, []
            raise UsageError(mistakes)

    def _places(self, name: str) -> tuple[str, ...]:
        """Where the file lies that a fault is about."""
        if name == "config_file":
            return (CONFIG_PATH,)
        if name == "plugin_host":
            return self._plugin_hosts()
        key = "preScriptLocation" if name == "pre_file" else "postScriptLocation"
        try:
            place = script_location(self._guest.read(CONFIG_PATH), key)
        except OSError:
            place = ""
        if not place.startswith("/"):
            self._mistakes.append(
                f"{name}: {CONFIG_PATH} has no absolute {key}, so there is no file; install one "
                "first"
            )
            return ()
        return (place,)

    def _plugin_hosts(self) -> tuple[str, ...]:
        """The owner's, which counts under both rule sets, and where it is missing the other too."""
        fault = self._faults.plugin_host
        if fault is not None and fault.damage == Place.MISSING.value:
            return PLUGIN_HOST_PATH, BUNDLED_PLUGIN_HOST_PATH
        return (PLUGIN_HOST_PATH,)

    def _spoil(self, name: str, path: str, fault: FileFault) -> None:
        self._happened.add(name)
        damage = fault.damage
        try:
            if isinstance(damage, str) and damage in _PLACES:
                self._guest.spoil(path, damage, None, None, None)
                return
            content: bytes | None = None
            if name == "plugin_host" and not self._exists(path):
                self._guest.spoil(path, Place.MISSING.value, None, None, None)
                content = self._guest.read(BUNDLED_PLUGIN_HOST_PATH)
                self._guest.install(path, content, 0o600, "root")
            if damage is not None:
                change = damage if callable(damage) else KINDS[name][damage]
                content = change(self._guest.read(path) if content is None else content)
                if not isinstance(content, bytes):
                    raise UsageError(
                        [f"{name}: the function returned {content!r}; let it return bytes"]
                    )
            self._guest.spoil(path, "", content, fault.mode, fault.owner)
        except OSError as error:
            self._mistakes.append(
                f"{name}: {path} cannot be spoiled on the VM: {error.strerror}; install it first"
            )

    def _exists(self, path: str) -> bool:
        (facts,) = self._guest.examine((path,), 0)
        return facts.kind.value != "absent"

    # -- meanwhile -------------------------------------------------------------------------

    def _reach(self, moment: Moment, note: Note) -> None:
        if self._bench.reach is not None:
            self._bench.reach(moment, note)
        faults = self._faults
        for when, seconds in faults.clock_jump:
            if when is moment:
                self._guest.set_clock(seconds)
                name = f"clock_jump {moment.value}"
                self._happened.add(name)
                note(f"  fault: {in_words(faults)[name]}", EventKind.FAULT)
        if moment is not Moment.BEFORE_PRE or not (faults.disk_full or faults.read_only):
            return
        try:
            self._guest.restrict(disk_full=faults.disk_full, read_only=faults.read_only)
        except OSError as error:
            self._mistakes.append(
                f"disk_full, read_only: {error.strerror}: {error.filename}; name directories that "
                "are there when the pre-script starts"
            )
            return
        for name, text in in_words(faults).items():
            if name == "disk_full" or name.startswith("read_only"):
                self._happened.add(name)
                note(f"  fault: {text}", EventKind.FAULT)

    # -- after -----------------------------------------------------------------------------

    def _event(self, hit: dict[str, Any], events: list[Event]) -> Event:
        at = hit["at"] - self.began
        script = hit["label"].split(",")[0]
        before = [event.step for event in events if event.at <= at] or [Step.PRECHECK]
        step = next((step for step in Step if step.value == script), before[-1])
        return Event(at, step, f"  fault: {self._text(hit, step)}", EventKind.FAULT)

    def _text(self, hit: dict[str, Any], step: Step) -> str:
        fault = self._faults.pre if step is Step.PRE_SCRIPT else self._faults.post
        shown = command(tuple(hit["argv"]))
        if hit["what"].startswith("command "):
            afflictions = dict(self._faults.commands)
            return f"{shown} {of_command(afflictions[hit['what'].removeprefix('command ')])}"
        if hit["what"] == "nth" and isinstance(fault, ScriptFault) and isinstance(fault.at, int):
            return f"the {ordinal(fault.at)} command, {shown}, {of_script(fault)}"
        return f"the script {of_script(fault)}" if fault is not None else shown


def _about(hit: dict[str, Any]) -> str:
    """The key of the fault that has happened."""
    what: str = hit["what"]
    if what.startswith("command "):
        return what
    return "pre" if hit["label"].startswith(Step.PRE_SCRIPT.value) else "post"


def _of_storage(backup: Backup) -> set[str]:
    """Those of freeze and snapshot that it came to."""
    reached = {"freeze"} if backup.frozen else set[str]()
    return reached | ({"snapshot"} if backup.snapshot_asked else set())


def _executed(counts: dict[str, int]) -> dict[str, int]:
    """How many commands the last attempt of each script has executed, by the fault's key."""
    return {
        "pre" if label.startswith(Step.PRE_SCRIPT.value) else "post": count
        for label, count in counts.items()
    }


def _with_faults(
    backup: Backup, words: dict[str, str], happened: set[str], executed: dict[str, int]
) -> Backup:
    """A backup that says what was forced, and what it did not come to."""
    sentences = []
    for name, text in words.items():
        if name in happened:
            sentences.append(text)
        elif name in executed:
            count = executed[name]
            shown = f"the script executed {count} command{'s' if count != 1 else ''}"
            sentences.append(f"{text}: it did not come to that, {shown}")
        else:
            sentences.append(f"{text}: it did not come to that")
    return replace(backup, faults=tuple(sentences))
