"""Telling a test in words that its backups depend on the rule set."""

from __future__ import annotations

from collections.abc import Sequence

from .failure_report import HasBackups

SILENCE = (
    "to silence this: @pytest.mark.filterwarnings('ignore::pytest_vmsnapshot.RulesDiffer'), "
    "or the same in the ini value filterwarnings"
)
STRICT = "this fails the test because of --vmsnapshot-strict (marker and ini value: strict)"


def told(machines: Sequence[HasBackups], *, strict: bool = False, silence: str = SILENCE) -> str:
    """All differences of a test's backups, as one message.

    Args:
        machines: its VMs.
        strict: whether they fail the test.
        silence: what its author can write so that he is not told any more.
    """
    found: dict[str, list[str]] = {}
    for index, machine in enumerate(machines, 1):
        for backup in machine.backups:
            which = f"vm {index}, " if len(machines) > 1 else ""
            for difference in backup.differences:
                found.setdefault(str(difference), []).append(f"{which}backup {backup.number}")
    lines = ["the documented and the shipped rules differ about this test:"]
    lines += [f"  {places[0]}: {text}{_more(places)}" for text, places in found.items()]
    return "\n".join([*lines, STRICT if strict else silence])


def _more(places: Sequence[str]) -> str:
    return f" (and {len(places) - 1} more)" if len(places) > 1 else ""
