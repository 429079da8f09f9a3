"""The VM a test works with: install, look, run, back up."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

from . import completed, engine
from .backup import Backup
from .command import Command
from .completed import Completed
from .config import ScriptConfig
from .engine.lifecycle import Bench
from .errors import UsageError
from .faults import changed_faults
from .installing import (
    Checker,
    PlannedFile,
    Script,
    planned_config,
    planned_copy,
    read_config,
    scripts_of_config,
    vm_location,
)
from .placing import put
from .protocols import Clock, Storage
from .storage import Faulty
from .vm_path import FileGuest, VmPath

RUN_LIMIT = 60.0
"""Seconds a command of ``VirtualMachine.run`` may take unless the call says otherwise."""


class MachineGuest(FileGuest, Protocol):
    """A guest as the VM sees it."""

    def close(self) -> None:
        """End the VM."""
        ...


class VirtualMachine:
    """A throwaway Linux VM.

    Args:
        guest: where its processes run.
        storage: what freezes and copies.
        clock: its clock.
        rules: the rule set in effect.
        facts: what Azure knows of it.
        bases: local directories against which relative paths are looked up, in order.
        on_budget: told how many seconds a backup that starts may take at most.
    """

    def __init__(
        self,
        guest: MachineGuest,
        storage: Storage,
        clock: Clock,
        rules: engine.RuleSet,
        facts: engine.VmFacts,
        bases: Sequence[Path],
        on_budget: Callable[[float], None] | None = None,
    ) -> None:
        self._guest = guest
        self._storage = storage
        self._bench = Bench(facts, guest, storage, clock, rules)
        self._bases = tuple(bases)
        self._on_budget = on_budget
        self._backups: list[Backup] = []
        self._busy = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<VirtualMachine {self._guest.name}, {len(self._backups)} backups>"

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All backups taken so far."""
        return tuple(self._backups)

    # -- install ---------------------------------------------------------------------------

    def install(
        self,
        *,
        pre: Script,
        post: Script,
        pre_params: Sequence[str] = (),
        post_params: Sequence[str] = (),
        pre_retries: int = 0,
        post_retries: int = 0,
        timeout: int = 30,
        continue_on_failure: bool = True,
        fs_freeze: bool = True,
        pre_location: str | None = None,
        post_location: str | None = None,
        pre_mode: int = 0o700,
        post_mode: int = 0o700,
        pre_owner: str | int = "root",
        post_owner: str | int = "root",
        config_mode: int = 0o600,
        config_owner: str | int = "root",
    ) -> None:
        """Install a config and both scripts.

        Args:
            pre: the pre-script: a local path, or its text.
            post: the post-script: a local path, or its text.
            pre_params: preScriptParams.
            post_params: postScriptParams.
            pre_retries: preScriptNoOfRetries.
            post_retries: postScriptNoOfRetries.
            timeout: timeoutInSeconds.
            continue_on_failure: continueBackupOnFailure.
            fs_freeze: fsFreezeEnabled.
            pre_location: preScriptLocation; by default ``/opt/`` and the local path.
            post_location: postScriptLocation; by default ``/opt/`` and the local path.
            pre_mode: permission bits of the pre-script.
            post_mode: permission bits of the post-script.
            pre_owner: owner of the pre-script.
            post_owner: owner of the post-script.
            config_mode: permission bits of the config.
            config_owner: owner of the config.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named, nothing is written.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        places = [
            checker.place(name, vm_location(script, default) if given is None else given)
            for name, script, given, default in (
                ("pre_location", pre, pre_location, "pre.sh"),
                ("post_location", post, post_location, "post.sh"),
            )
        ]
        if places[0] == places[1] and "/" not in places:
            checker.mistakes.append(
                f"both scripts would lie at {places[0]} on the VM; write pre_location= and "
                "post_location="
            )
        config = ScriptConfig(
            pre_location=places[0],
            post_location=places[1],
            pre_params=checker.params("pre_params", pre_params),
            post_params=checker.params("post_params", post_params),
            pre_retries=checker.number("pre_retries", pre_retries, 0),
            post_retries=checker.number("post_retries", post_retries, 0),
            timeout=checker.number("timeout", timeout, 1),
            continue_on_failure=checker.truth("continue_on_failure", continue_on_failure),
            fs_freeze=checker.truth("fs_freeze", fs_freeze),
        )
        planned = [
            PlannedFile(
                places[0],
                checker.script("pre", pre),
                checker.mode("pre_mode", pre_mode),
                checker.owner("pre_owner", pre_owner),
            ),
            PlannedFile(
                places[1],
                checker.script("post", post),
                checker.mode("post_mode", post_mode),
                checker.owner("post_owner", post_owner),
            ),
        ]
        mode = checker.mode("config_mode", config_mode)
        owner = checker.owner("config_owner", config_owner)
        checker.finish()
        put(self._guest, [*planned, planned_config(config, mode, owner)])
        self._expect(places)

    def install_config(
        self,
        config: str | bytes | os.PathLike[str] | Mapping[str, Any],
        *,
        scripts: str | os.PathLike[str] | Mapping[str, Script] | None = None,
        mode: int = 0o600,
        owner: str | int = "root",
        script_mode: int = 0o700,
        script_owner: str | int = "root",
    ) -> None:
        """Install a config exactly as it is, valid or not.

        Args:
            config: a local path, a mapping to be dumped as JSON, JSON text, or raw bytes.
            scripts: the local directory in which the config's scripts are found by name, or a
                mapping of VM paths to scripts. Without it no script is installed.
            mode: permission bits of the config.
            owner: owner of the config.
            script_mode: permission bits of the scripts.
            script_owner: owner of the scripts.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named, nothing is written.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        content = read_config(checker, config)
        found = scripts_of_config(checker, content, scripts)
        mode = checker.mode("mode", mode)
        script_mode = checker.mode("script_mode", script_mode)
        owner = checker.owner("owner", owner)
        script_owner = checker.owner("script_owner", script_owner)
        checker.finish()
        planned = [
            PlannedFile(place, script, script_mode, script_owner) for place, script in found.items()
        ]
        put(self._guest, [*planned, planned_config(content, mode, owner)])

    def write(
        self, path: str, content: str | bytes, *, mode: int = 0o644, owner: str | int = "root"
    ) -> None:
        """Write a file on the VM, parents included.

        Args:
            path: absolute path on the VM.
            content: text (written as UTF-8) or bytes.
            mode: permission bits.
            owner: name or number of its owner.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        planned = PlannedFile(
            checker.place("path", path),
            checker.content("content", content),
            checker.mode("mode", mode),
            checker.owner("owner", owner),
        )
        checker.finish()
        put(self._guest, [planned])

    def copy(
        self,
        local: str | os.PathLike[str],
        path: str,
        *,
        mode: int | None = None,
        owner: str | int = "root",
    ) -> None:
        """Copy a local file, or a directory with all in it, to the VM.

        Args:
            local: local path.
            path: absolute path on the VM that the copy gets.
            mode: permission bits of every file; by default those of the local file.
            owner: name or number of the owner of everything.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        source = checker.local("local", local)
        target = checker.place("path", path)
        who = checker.owner("owner", owner)
        if mode is not None:
            checker.mode("mode", mode)
        checker.finish()
        assert source is not None
        planned = list(planned_copy(source, target, mode, who, checker.mistakes))
        checker.finish()
        put(self._guest, planned)

    # -- look and run ------------------------------------------------------------------------

    def path(self, path: str) -> VmPath:
        """A path on the VM, to read and write like a ``pathlib.Path``.

        Args:
            path: absolute.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        place = checker.place("path", path)
        checker.finish()
        return VmPath(place, self._guest)

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = RUN_LIMIT,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        stdin: str | bytes = b"",
        check: bool = False,
        clock: str = "vm",
    ) -> Completed:
        """Run a command on the VM as root.

        Args:
            command: a shell command, or an argv as a sequence.
            timeout: seconds after which it is killed with all it started.
            env: variables added to the environment the scripts have.
            cwd: working directory.
            stdin: what it reads.
            check: whether a failure raises.
            clock: ``vm``, or ``real`` for the machine's own: for a server that shall not notice
                skipped time. Time is not skipped while somebody waits for it.

        Raises:
            CommandTimeout: it did not end in time.
            CommandFailed: it failed, and ``check`` is true.
            UsageError: the command could not be started, or an argument cannot be meant.
        """
        __tracebackhide__ = True
        asked = Command(command, env or {}, cwd, stdin, clock)
        launch = asked.launch(self._bench.vm.agent)
        with self._alone("a command"):
            execution = self._guest.execute(launch, self._bench.clock.deadline(timeout))
        return completed.outcome(launch.argv, execution, timeout, check=check)

    def wait(self, seconds: float) -> None:
        """Let time pass on the VM; what runs there runs on.

        Args:
            seconds: of the VM's clock. A virtual clock skips those in which all sleep.

        Raises:
            UsageError: seconds is not a number from 0 up.
        """
        __tracebackhide__ = True
        if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise UsageError([f"seconds is {seconds!r}; write a number from 0 up"])
        with self._alone("a wait"):
            self._bench.clock.run_until(self._bench.clock.deadline(seconds))

    # -- back up -----------------------------------------------------------------------------

    def fault(self, *, freeze: str | None = None, snapshot: str | None = None) -> None:
        """Say what goes wrong from now on; a step that is not named stays as it is.

        Args:
            freeze: ``fail``, ``lock_held``, ``timeout``, ``open_failed``, ``late_thaw``,
                ``sleep_unable``, ``thaw_fail``; or ``ok``.
            snapshot: ``all_failed``; or ``ok``.

        Raises:
            UsageError: there is no such fault.
        """
        __tracebackhide__ = True
        bench = self._bench
        faults = changed_faults(bench.faults, freeze, snapshot)
        patience = bench.rules.freeze_patience - bench.rules.freeze_time
        storage = Faulty(self._storage, bench.clock, patience, faults)
        self._bench = replace(bench, storage=storage, faults=faults)

    def backup(self) -> Backup:
        """Take one backup through the whole lifecycle.

        Whatever is wrong with config and scripts becomes part of the verdict.

        Raises:
            UsageError: a backup of this VM is being taken already.
            GuestDied: the VM is closed, or ended meanwhile.
        """
        __tracebackhide__ = True
        with self._alone("a backup"):
            backup = engine.run(self._bench, len(self._backups) + 1, self._on_budget)
        self._expect(run.path for run in (backup.pre, backup.post) if run is not None)
        self._backups.append(backup)
        return backup

    def _expect(self, places: Iterable[str]) -> None:
        """The next backup finds its scripts there, as far as can be guessed."""
        self._bench = replace(self._bench, likely=tuple(places) or self._bench.likely)

    @contextlib.contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        __tracebackhide__ = True
        if not self._busy.acquire(blocking=False):
            raise UsageError(
                [
                    f"{what} was asked for while another call to this VM is running; wait for "
                    "that one, or make a second VM with vm_factory()"
                ]
            )
        try:
            yield
        finally:
            self._busy.release()

    def close(self) -> None:
        """End the VM. No process, mount or file of it is left. May be called twice."""
        self._guest.close()
