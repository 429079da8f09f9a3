"""What a VM keeps of one backup for reports: texts, while they can be read, and traces."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from .backup import Backup
from .config import CONFIG_PATH
from .engine.lifecycle import Bench
from .errors import HarnessError
from .file_damage import script_location
from .kept import LIMIT, Keep, KeptBackup, KeptFile, Measured, ScriptTrace, Tracer
from .protocols import Guest, PointFiles, StorageFailed
from .repeated import Repeatable, Repetition
from .storage.pause_and_copy import Pausable
from .traced_guest import TracedGuest
from .twin import Plan, of_what_ran, parted, plan

_KEYS = ("preScriptLocation", "postScriptLocation")


class Twin(Protocol):
    """A VM in which a backup is made a second time."""

    def measure(
        self, tracer: Tracer, repetitions: Sequence[Repetition], of_sh: Collection[str]
    ) -> tuple[Backup, tuple[ScriptTrace, ...]]:
        """Make the backup once more, by a shell that can be traced."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class CopiedGuest(Guest, Pausable, Protocol):
    """A guest whose files can be copied."""


class Keeping:
    """Keeps what is wanted of one backup.

    Args:
        keep: what is wanted.
        number: of the backup.
        bench: what it is made with.
        guest: the VM.
        sources: local files that were copied to the VM, by where they lie there.
        doubles: its command doubles.
    """

    def __init__(
        self,
        keep: Keep,
        number: int,
        bench: Bench,
        guest: CopiedGuest,
        sources: Mapping[str, Path],
        doubles: Sequence[Repeatable],
    ) -> None:
        self._number = number
        self._tracer = keep.tracer
        self._guest = guest
        self._texts = keep.texts
        self._shell = keep.shell
        self._files: tuple[KeptFile | None, tuple[KeptFile, ...]] = (None, ())
        self._plan = Plan()
        self._traced: TracedGuest | None = None
        self._point: PointFiles | None = None
        self._repetitions: list[Repetition] = []
        self.bench = bench
        """What the backup is made with."""
        if keep.texts or keep.tracer:
            self._files = texts(guest, sources)
        if keep.tracer is not None:
            self._plan = plan(self._files[1], bench.rules, guest, keep.tracer, sources)
            self._begin(keep.tracer, doubles)

    def _begin(self, tracer: Tracer, doubles: Sequence[Repeatable]) -> None:
        if self._plan.twin:
            self._repetitions = [double.begun() for double in doubles]
            name = f"twin-{self._number}"
            try:
                self._guest.pause(None)
                try:
                    self._guest.copy_layer(name, None)
                finally:
                    self._guest.resume()
                self._point = self._guest.open_point(name)
            except StorageFailed as failed:
                self._plan = _unmeasured(self._plan, str(failed))
        elif self._plan.shell:
            self._traced = TracedGuest(self.bench.guest, tracer)
            self.bench = replace(self.bench, guest=self._traced)

    def unfinished(self) -> KeptBackup:
        """What is kept of a backup of which it is not measured yet what it executed."""
        config, scripts = self._files if self._texts else (None, ())
        return KeptBackup(self._number, config, scripts, shell=self._shell)

    def finish(self, backup: Backup, make_twin: Callable[[PointFiles], Twin] | None) -> KeptBackup:
        """What was kept.

        Args:
            backup: the result.
            make_twin: makes a VM of the files the VM had before the backup; None where it cannot.
        """
        return replace(self.unfinished(), measured=self._measured(backup, make_twin))

    def _measured(
        self, backup: Backup, make_twin: Callable[[PointFiles], Twin] | None
    ) -> Measured | None:
        traces: tuple[ScriptTrace, ...] = ()
        if self._traced is not None:
            traces, self._traced = self._traced.close(), None
        elif self._point is not None and make_twin is not None and self._tracer is not None:
            if backup.pre is None and backup.post is None:
                return self._as_planned(())
            try:
                twin = make_twin(self._point)
                try:
                    second, traces = twin.measure(self._tracer, self._repetitions, self._plan.of_sh)
                finally:
                    twin.close()
            except Exception as error:  # whatever becomes of it, the verdict stands
                is_ours = isinstance(error, HarnessError | OSError)
                why = str(error) if is_ours else f"{type(error).__name__}: {error}"
                self._plan = _unmeasured(self._plan, why)
            else:
                traces = of_what_ran(backup, traces)
                if other_way := parted(backup, second):
                    self._plan = replace(self._plan, notes=(*self._plan.notes, other_way))
        elif self._tracer is None:
            return None
        return self._as_planned(traces)

    def _as_planned(self, traces: tuple[ScriptTrace, ...]) -> Measured:
        found = self._plan
        return Measured(found.shell, found.twin, traces, found.notes, found.untraced)

    def give_up(self) -> None:
        """The backup did not end with a result."""
        if self._traced is not None:
            self._traced.close()


def _unmeasured(found: Plan, why: str) -> Plan:
    return Plan(notes=(*found.notes, f"no twin could be made to measure: {why}"))


def texts(
    guest: Guest, sources: Mapping[str, Path]
) -> tuple[KeptFile | None, tuple[KeptFile, ...]]:
    """The config and the scripts of a VM as they are now.

    Args:
        guest: the VM.
        sources: local files that were copied to the VM, by where they lie there.

    Returns:
        The config, and the scripts it names, as far as they are there.
    """
    found = _read(guest, (CONFIG_PATH,), sources)
    if not found:
        return None, ()
    (config,) = found
    places = (script_location(config.content, key) for key in _KEYS)
    wanted = tuple(dict.fromkeys(place for place in places if place.startswith("/")))
    return config, _read(guest, wanted, sources)


def _read(
    guest: Guest, places: tuple[str, ...], sources: Mapping[str, Path]
) -> tuple[KeptFile, ...]:
    if not places:
        return ()
    return tuple(
        KeptFile(facts.path, facts.content, equal_source(facts.content, sources.get(facts.path)))
        for facts in guest.examine(places, LIMIT)
        if facts.content is not None
    )


def equal_source(content: bytes, local: Path | None) -> Path | None:
    """The local file, if what lies on the VM is still what it holds.

    Args:
        content: the first ``LIMIT`` bytes on the VM.
        local: the local file that was copied there, or None.
    """
    if local is None:
        return None
    try:
        with open(local, "rb") as file:
            return local if os.read(file.fileno(), LIMIT) == content else None
    except OSError:
        return None
