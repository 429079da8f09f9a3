"""Every observed scenario of the real extension, run on real processes, gives what was observed."""

from __future__ import annotations

from pytest_vmsnapshot import VmFactory

from .vector import Vector, back_up, disagreements, observed


def test_vector(vector: Vector, vm_factory: VmFactory) -> None:
    backup = back_up(vector, vm_factory)
    differs = disagreements(vector.expect, observed(backup))
    assert not differs, "\n".join([*differs, backup.explain()])
