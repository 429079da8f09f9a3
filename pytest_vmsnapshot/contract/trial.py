"""What was seen of one backup of a contract's scripts: facts that outlive its VM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..backup import Backup
from ..doubles import Call
from ..findings import FindingKind
from ..inventory import Changes, Inventory
from ..script_run import ScriptRun


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that brings an application to rest, and that was taken before the snapshot.

    Args:
        what: as a noun with its article, such as ``the global read lock``.
        held: whether it was still held at the snapshot.
        story: by whom it was taken, and how it was lost; empty if it was held.
        remedy: what to write instead.
    """

    what: str
    held: bool
    story: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One backup, and what was seen around it.

    Args:
        backup: the backup.
        before: what lay on the VM before the pre-script.
        rested: what lay there after it.
        waited: the same some time later, before the freeze, where that was asked for.
        after: what lay there after the post-script, and the end of what it had started.
        calls: calls of command doubles.
        taken: what was taken before the snapshot.
    """

    backup: Backup
    before: Inventory
    rested: Inventory | None
    waited: Inventory | None
    after: Inventory
    calls: tuple[Call, ...]
    taken: tuple[Taken, ...]

    @property
    def by_pre(self) -> Changes:
        """What the pre-script changed of the files."""
        return (self.rested or self.before).since(self.before)

    @property
    def overall(self) -> Changes:
        """What the backup changed of the files."""
        return self.after.since(self.before)

    def run_of(self, step: str) -> ScriptRun | None:
        """The run of a script; None if it was not started.

        Args:
            step: ``pre`` or ``post``.
        """
        return self.backup.pre if step == "pre" else self.backup.post

    def found(self, *kinds: FindingKind) -> tuple[str, ...]:
        """What was found on the VM afterwards, of some kinds."""
        return tuple(f.text for f in self.backup.findings if f.kind in kinds)

    def called_by(self, script: str) -> Mapping[str, tuple[Call, ...]]:
        """Calls of doubles by a script, by the command's name.

        Args:
            script: ``pre-script`` or ``post-script``.
        """
        found: dict[str, tuple[Call, ...]] = {}
        for call in self.calls:
            if call.made_by.startswith(script):
                name = call.argv[0].rpartition("/")[2]
                found[name] = (*found.get(name, ()), call)
        return found
