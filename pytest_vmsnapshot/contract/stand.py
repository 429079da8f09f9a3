"""Where a contract's scripts are tried: throwaway VMs with everything in place."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ..at_moment import AtMoment
from ..completed import Completed
from ..declared.set_up import Doubles, set_up
from ..errors import UsageError
from ..fault_checks import FaultOptions
from ..findings import NAMES as ALL_FINDINGS
from ..findings import FindingKind
from ..inventory import Inventory
from ..machine import VirtualMachine
from ..missing_commands import can_be_doubled
from .contract import Contract
from .doubling import Doubling
from .known_commands import meant
from .resting import Resting
from .settings import TARGETS
from .trial import Trial

IN_PLACE = "in-place"
"""The guest in which no command can be doubled."""

_NEEDS_ITS_OWN = (
    "the checks of a config need a VM of its own, and here the guest is in-place: scripts would "
    "stop and freeze what this machine really has; take a guest with namespaces (vmsnapshot doctor "
    "tells how to have one)"
)

_ABSENT = 'for name do command -v -- "$name" > /dev/null || printf "%s\\n" "$name"; done'
"""Prints which commands a shell does not find; builtins and reserved words it does."""

_ROUNDS = 12
"""How often a trial is repeated because commands were missing; each time a double comes in."""


class MakeVm(Protocol):
    """Makes VMs for trials; each is closed by its block."""

    def __call__(
        self, *, rules: str, shell: str | None, allow: Sequence[str]
    ) -> AbstractContextManager[VirtualMachine]:
        """Make a VM.

        Args:
            rules: the rule set.
            shell: what ``/bin/sh`` is; None for what is set elsewhere.
            allow: findings that are not told.

        Raises:
            GuestUnavailable: none can be made here.
            ShellMissing: its shell is not installed.
        """
        ...


class Stand:
    """Tries the scripts of a contract, each time on a VM of its own.

    Backups that go well are tried once, and remembered. Where the settings name shells, the first
    of them is ``/bin/sh`` unless another is asked for.

    Args:
        contract: what is tried.
        make: makes VMs.
    """

    def __init__(self, contract: Contract, make: MakeVm) -> None:
        self.contract = contract
        """What is tried."""
        settings = contract.settings
        self._make = make
        self._doubling = Doubling(settings.stage, contract.texts().values(), settings.real)
        self._shell = None if settings.shells == TARGETS else next(iter(settings.shells), None)
        self._known: dict[str, Trial] = {}
        self._looked = False
        self._called: set[str] = set()

    @property
    def doubled(self) -> Mapping[str, str]:
        """Commands that are doubled without anybody having asked for it, and that were called so
        far; with what stands in.
        """
        names = self._doubling.names
        return {
            name: kind for name, kind in names.items() if name.rpartition("/")[2] in self._called
        }

    def places_of(self, command: str) -> tuple[str, ...]:
        """A command's name, and the absolute paths by which it is doubled, too.

        Args:
            command: its name.
        """
        stage = self._doubling.stage
        databases = (stage.ready_made.mysql, stage.ready_made.postgresql)
        names = [staged.name for staged in stage.commands]
        names += [name for database in databases if database for name in database.places]
        return (command, *(n for n in names if n.endswith(f"/{command}")))

    @property
    def misspelt(self) -> Mapping[str, str]:
        """Commands that nobody knows, that were called so far, and whose names are nearly those of
        known ones; with these.
        """
        found = {name: meant(name.rpartition("/")[2]) for name in self.doubled}
        return {name: near for name, near in found.items() if near}

    def good(self, rules: str = "documented", shell: str | None = None) -> Trial:
        """A backup in which nothing is made to go wrong.

        Args:
            rules: the rule set.
            shell: what ``/bin/sh`` is; None for what is set elsewhere.

        Raises:
            ShellMissing: it is not installed.
            GuestUnavailable: no VM can be made here.
        """
        key = f"{rules} {shell or self._shell}"
        if key not in self._known:
            self._known[key] = self.backup(rules=rules, shell=shell)
        return self._known[key]

    def backup(
        self,
        *,
        rules: str = "documented",
        shell: str | None = None,
        faults: FaultOptions | None = None,
        changes: Mapping[str, object] | None = None,
        wait: float = 0.0,
    ) -> Trial:
        """Take a backup. Commands that are missing are doubled, and it is taken anew.

        Args:
            rules: the rule set.
            shell: what ``/bin/sh`` is; None for what is set elsewhere.
            faults: what goes wrong.
            changes: keys of the config that are other than its author wrote them.
            wait: seconds that pass between the pre-script and the freeze.

        Raises:
            ShellMissing: the shell is not installed.
            GuestUnavailable: no VM can be made here.
            UsageError: a fault needs the virtual clock, which is not to be had.
        """
        for _ in range(_ROUNDS):
            with self._ready(rules, shell, changes or {}) as (vm, doubles):
                vm.fault(**(faults or {}))
                trial = _observed(vm, doubles, wait)
            self._called.update(call.argv[0].rpartition("/")[2] for call in trial.calls)
            if not self._double_what_was_missing(trial):
                break
        return trial

    def post_alone(self) -> Completed:
        """Run the post-script on a VM on which no pre-script ever ran.

        Raises:
            CommandTimeout: it did not end within its time limit.
            GuestUnavailable: no VM can be made here.
        """
        config = self.contract.config
        assert config is not None
        with self._ready("documented", None, {}) as (vm, _):
            return vm.run([config.post_location, *config.post_params], timeout=config.timeout)

    def _double_what_is_not_there(self, vm: VirtualMachine) -> None:
        """Double what the scripts call by a name that is written out and that the VM has not: what
        they would say of it may be hidden (``2> /dev/null``).
        """
        self._looked = True
        asked = [name for name in self._doubling.called if can_be_doubled(name)]
        found = vm.run(["sh", "-c", _ABSENT, "sh", *asked], stdin=b"")
        for name in found.stdout.splitlines():
            if "/" not in name or name.startswith("/"):
                self._doubling.add(name)

    def _double_what_was_missing(self, trial: Trial) -> bool:
        added = [
            self._doubling.add(finding.about)
            for finding in trial.backup.findings
            if finding.kind is FindingKind.MISSING_COMMAND and can_be_doubled(finding.about)
        ]
        return any(added)

    @contextlib.contextmanager
    def _ready(
        self, rules: str, shell: str | None, changes: Mapping[str, object]
    ) -> Iterator[tuple[VirtualMachine, Doubles]]:
        """A VM with doubles, config and scripts in place."""
        contract, deployed = self.contract, self.contract.settings.deployed
        content = json.dumps({**contract.keys, **changes}).encode() if changes else None
        with self._make(rules=rules, shell=shell or self._shell, allow=ALL_FINDINGS) as vm:
            if vm.guest == IN_PLACE:
                raise UsageError([_NEEDS_ITS_OWN])
            if not self._looked:
                self._double_what_is_not_there(vm)
            doubles = set_up(self._doubling.stage, vm)
            vm.install_config(
                contract.path if content is None else content,
                scripts={place: str(script) for place, script in contract.scripts.items()},
                mode=deployed.config_mode,
                owner=deployed.config_owner,
                script_mode=deployed.script_mode,
                script_owner=deployed.script_owner,
            )
            yield vm, doubles


def _observed(vm: VirtualMachine, doubles: Doubles, wait: float) -> Trial:
    resting = Resting(doubles)
    seen: dict[str, Inventory] = {}

    def look(at: AtMoment) -> None:
        seen[at.moment] = at.inventory()
        if wait:
            at.run(["sleep", f"{wait:g}"], timeout=wait + 60)
            seen["waited"] = at.inventory()

    before = vm.inventory()
    vm.on("after_pre", look)
    vm.on("before_snapshot", lambda _: resting.look())
    backup = vm.backup()
    everybody = (
        *doubles.commands.values(),
        *(doubles.mysql, doubles.postgresql, doubles.systemctl),
        *(doubles.switch_user, doubles.fsfreeze),
    )
    calls = [call for double in everybody if double is not None for call in double.calls]
    calls.sort(key=lambda call: call.started)
    return Trial(
        backup,
        before,
        seen.get("after_pre"),
        seen.get("waited"),
        vm.inventory(),
        tuple(calls),
        tuple(resting.taken(backup)),
    )
