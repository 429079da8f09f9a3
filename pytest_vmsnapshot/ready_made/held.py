"""What a server holds for a session, from when to when, and whether it outlasted the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..backup import Backup
from ..doubles import Call
from ..explain import command


@dataclass(slots=True)
class Held:
    """Something that a session holds.

    Args:
        what: as a noun with its article, such as ``the global read lock``.
        call: how its client was called.
        since: seconds of the VM's clock since the VM was made.
        until: the same of its end; None as long as it is held.
        lost: how it ended; empty if it was given back properly.
    """

    what: str
    call: Call
    since: float
    until: float | None = None
    lost: str = ""

    def covers(self, moment: float) -> bool:
        """Whether it was held at a moment."""
        return self.since <= moment and (self.until is None or moment < self.until)


def assert_held(held: Sequence[Held], backup: Backup, what: str, remedy: str) -> None:
    """Fail unless something was held while the snapshot of a backup was taken.

    Args:
        held: all that was held so far.
        backup: the backup.
        what: what is looked for.
        remedy: what to do about it.

    Raises:
        AssertionError: it was not; the message says how long before it ended, and why.
    """
    __tracebackhide__ = True
    moment = backup.snapshot_at
    if moment is None:
        raise AssertionError(f"{what} was not held at the snapshot: no snapshot was taken")
    if any(one.covers(moment) for one in held):
        return
    before = [one for one in held if one.since <= moment]
    if not before:
        raise AssertionError(
            f"{what} was not held at the snapshot: nobody has taken it before\n  remedy: {remedy}"
        )
    last = before[-1]
    assert last.until is not None
    by = f" by the {last.call.made_by}" if last.call.made_by else ""
    raise AssertionError(
        f"{what} was not held at the snapshot: it was taken{by}, and gone "
        f"{moment - last.until:.3f} s before the snapshot\n"
        f"  taken by: {command(last.call.argv)}\n"
        f"  gone because: {last.lost or 'it was given back'}\n"
        f"  remedy: {remedy}"
    )
