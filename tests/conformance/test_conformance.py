"""Every observed scenario of the real extension, run on real processes, gives what was observed."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import VmFactory

from .reporting import INEXPRESSIBLE, note
from .vector import SHARED, Vector, back_up, disagreements, load, observed


@pytest.mark.vm(allow=["processes", "missing-command"])
def test_vector(vector: Vector, vm_factory: VmFactory, request: pytest.FixtureRequest) -> None:
    if vector.changes_owners and not request.getfixturevalue("real_owners"):
        note(request, vector.id, without_owners=True)
        pytest.skip("a command of this vector changes owners: needs root, or subordinate ids")
    backup = back_up(vector, vm_factory)
    differs = disagreements(vector.expect, observed(backup))
    inexpressible = INEXPRESSIBLE.get(vector.id, "") if differs else ""
    note(request, vector.id, differs=differs, inexpressible=inexpressible)
    if inexpressible:
        pytest.xfail(inexpressible)
    assert not differs, "\n".join([*differs, backup.explain()])


def test_what_cannot_be_expressed_is_known_and_little() -> None:
    ids = {vector.id for vector in load(SHARED)}
    assert ids >= INEXPRESSIBLE.keys()
    assert len(INEXPRESSIBLE) < 10
