"""A log of every observed scenario, reproduced: the same verdict, and no line is not understood.

Each scenario's log has one of the four forms in turn, as they follow one another in the file; that
all forms say the same is a test of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import pytest

from pytest_vmsnapshot import VmFactory
from pytest_vmsnapshot.extension_log.as_scenario import case_of
from pytest_vmsnapshot.extension_log.backups import LoggedBackup
from pytest_vmsnapshot.extension_log.comparison import Outcome
from pytest_vmsnapshot.extension_log.reproducing import reproduce, write
from pytest_vmsnapshot.scenario import Case, CaseResult, run_case

from ..conformance.vector import SHARED, Vector, load
from .assembled import Generation, log_of, logged

VECTORS = load(SHARED)
IDS = [vector.id for vector in VECTORS]
GENERATIONS = list(Generation)


def on_vms(cases: Sequence[Case], vm_factory: VmFactory) -> Iterator[CaseResult]:
    """What ``run_alone`` does, in the session of the test run."""
    for case in cases:
        yield run_case(case, vm_factory(**case.settings))


def test_vector(vector: Vector, vm_factory: VmFactory) -> None:
    text = log_of(vector, GENERATIONS[IDS.index(vector.id) % len(GENERATIONS)])
    log = logged(text)
    assert [str(kind) for kind in log.unknown] == []
    (found,) = reproduce(log, write(log), run=lambda cases: on_vms(cases, vm_factory))
    assert found.backup is not None, found.why
    here, expect = found.backup.extension, vector.expect
    wanted = (expect["status"], expect["error"], expect["consistency"])
    assert (here.status, here.error, here.consistency.value) == wanted, text
    assert found.outcome is Outcome.REPRODUCED, [str(f) for f in found.fields if not f.agrees]
    assert found.mismatches == (), "the written case passes by itself"
    assert here.precheck == expect["precheck"]
    assert here.result == expect["result"]


@functools.cache
def usual_of(vector_id: str) -> LoggedBackup:
    """What the log of a scenario says, in the form of today."""
    vector = VECTORS[IDS.index(vector_id)]
    return logged(log_of(vector, Generation.TODAY)).backups[0]


@pytest.mark.parametrize("generation", GENERATIONS[1:])
def test_all_forms_of_a_log_say_the_same(generation: Generation) -> None:
    doubtful = []
    for vector in VECTORS:
        usual = usual_of(vector.id)
        other = logged(log_of(vector, generation)).backups[0]
        if generation is Generation.PYTHON_2_BARE:
            assert other.stretch.began == usual.stretch.began.split(".")[0]
        tables = [dict(case_of(backup).table) for backup in (usual, other)]
        for table in tables:
            del table["description"]  # has line numbers
        if any("how often a script is looked at" in gap for gap in other.not_known):
            doubtful.append(vector.id)
        else:
            assert tables[0] == tables[1], vector.id
    if generation.is_old:
        assert "type-poll-4" in doubtful, "Python 2 leaves the fraction out"
        assert len(doubtful) < len(VECTORS) / 10
    else:
        assert doubtful == []


def test_a_log_of_all_of_them() -> None:
    """One log of hundreds of backups, in its time order: each is found, and none is mixed."""
    text = "".join(log_of(vector, Generation.TODAY) for vector in VECTORS)
    log = logged(text)
    assert len(log.backups) == len(VECTORS)
    assert not any(backup.stretch.is_mixed for backup in log.backups)
    names = [case.name for case in write(log).cases]
    assert len(set(names)) == len(names)
    alone = [usual_of(vector.id) for vector in VECTORS]
    for together, by_itself in zip(log.backups, alone, strict=True):
        assert together.report == by_itself.report
        assert together.plugins == by_itself.plugins
        assert (together.pre, together.post) == (by_itself.pre, by_itself.post)
