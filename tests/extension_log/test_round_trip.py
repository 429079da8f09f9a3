"""A log of every observed scenario, reproduced: the same verdict."""

from __future__ import annotations

from pathlib import Path

from pytest_vmsnapshot.extension_log.comparison import Outcome
from pytest_vmsnapshot.extension_log.logged import Logged, understand
from pytest_vmsnapshot.extension_log.reading import read_bytes
from pytest_vmsnapshot.extension_log.reproducing import reproduce, write

from ..conformance.vector import SHARED, Vector, load
from .assembled import Generation, log_of

VECTORS = load(SHARED)
IDS = [vector.id for vector in VECTORS]
GENERATIONS = list(Generation)


def logged(text: str) -> Logged:
    return understand(read_bytes({Path("extension.log"): text.encode("utf-8", "surrogateescape")}))


def test_x(vector: Vector) -> None:
    text = log_of(vector, GENERATIONS[IDS.index(vector.id) % 4])
    found = logged(text)
    (one,) = reproduce(found, write(found))
    assert one.backup, one.why
    got = one.backup.extension
    e = vector.expect
    assert (got.status, got.error, got.consistency.value) == (
        e["status"],
        e["error"],
        e["consistency"],
    ), text
    assert one.outcome is Outcome.REPRODUCED
    assert not one.mismatches
