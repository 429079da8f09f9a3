"""What brings an application to rest, and whether it still did at the snapshot."""

from __future__ import annotations

from collections.abc import Iterator

from ..backup import Backup
from ..declared.set_up import Doubles
from ..ready_made.held import assert_held
from ..ready_made.mysql import MySql
from ..ready_made.postgresql import PostgreSql
from .trial import Taken

_STOPS = ("stop", "kill")
_PRE = "pre-script"


class Resting:
    """Looks at the ready-made doubles at the snapshot, and after the backup.

    Args:
        doubles: those of the VM.
    """

    def __init__(self, doubles: Doubles) -> None:
        self._doubles = doubles
        self._units: dict[str, str] = {}
        self._frozen: frozenset[str] = frozenset()
        self.snapshot_came = False
        """Whether it came to a snapshot."""

    def look(self) -> None:
        """Take down how things are, while the snapshot is taken."""
        self.snapshot_came = True
        if self._doubles.systemctl is not None:
            self._units = dict(self._doubles.systemctl.units)
        if self._doubles.fsfreeze is not None:
            self._frozen = frozenset(self._doubles.fsfreeze.frozen)

    def taken(self, backup: Backup) -> Iterator[Taken]:
        """All that was taken before the snapshot of a backup."""
        if not self.snapshot_came or backup.snapshot_at is None:
            return
        for client in (self._doubles.mysql, self._doubles.postgresql):
            if client is not None:
                yield from _by_client(client, backup)
        yield from self._stopped()
        yield from self._frozen_by_hand()

    def _stopped(self) -> Iterator[Taken]:
        systemctl = self._doubles.systemctl
        stopped = dict.fromkeys(
            word if "." in word else f"{word}.service"
            for call in (() if systemctl is None else systemctl.calls)
            if call.made_by.startswith(_PRE) and set(_STOPS) & set(call.args)
            for word in call.args
            if word not in _STOPS and not word.startswith("-")
        )
        for name in stopped:
            if name in self._units:
                held = self._units[name] != "active"
                story = f"{name} was stopped by the pre-script, and was started again before"
                remedy = "start it in the post-script, not in the pre-script"
                yield Taken(f"the stop of {name}", held, "" if held else story, remedy)

    def _frozen_by_hand(self) -> Iterator[Taken]:
        fsfreeze = self._doubles.fsfreeze
        frozen = dict.fromkeys(
            word
            for call in (() if fsfreeze is None else fsfreeze.calls)
            if call.made_by.startswith(_PRE) and {"-f", "--freeze"} & set(call.args)
            for word in call.args
            if not word.startswith("-")
        )
        for place in frozen:
            held = place in self._frozen
            story = f"the pre-script froze {place}, and thawed it before"
            remedy = f"thaw {place} in the post-script; or leave it to fsFreezeEnabled"
            yield Taken(f"the freeze of {place}", held, "" if held else story, remedy)


def _by_client(client: MySql | PostgreSql, backup: Backup) -> Iterator[Taken]:
    """A lock, or the backup mode, that a session of a database holds."""
    client.catch_up()
    held = [one for one in client.held if one.call.made_by.startswith(_PRE)]
    if not held:
        return
    what = held[-1].what
    try:
        assert_held(held, backup, what, "")
    except AssertionError as lost:
        story = str(lost).rpartition("\n  remedy:")[0]
        yield Taken(what, held=False, story=story, remedy=client.remedy)
    else:
        yield Taken(what, held=True)
