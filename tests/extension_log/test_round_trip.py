"""A log of every observed scenario, reproduced: the same verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import VmFactory
from pytest_vmsnapshot.extension_log.as_scenario import case_of
from pytest_vmsnapshot.extension_log.logged import Logged, understand
from pytest_vmsnapshot.extension_log.reading import read_bytes

from ..conformance.vector import SHARED, Vector, load
from .assembled import Generation, log_of

VECTORS = load(SHARED)


def logged(text: str) -> Logged:
    return understand(read_bytes({Path("extension.log"): text.encode("utf-8", "surrogateescape")}))


def test_x(vector: Vector, vm_factory: VmFactory) -> None:
    gen = list(Generation)[VECTORS.index(vector) % 4]
    text = log_of(vector, gen)
    found = logged(text)
    assert not found.unknown, [str(u) for u in found.unknown]
    assert len(found.backups) == 1
    case = case_of(found.backups[0])
    assert not case.impossible
    t: Any = case.table
    vm = dict(t["vm"])
    vm["mounts"] = [tuple(r) for r in vm["mounts"]] if "mounts" in vm else None
    with vm_factory(**vm) as v:
        for path, f in t.get("files", {}).items():
            v.write(path, f["content"], mode=int(f["mode"], 8), owner=f.get("owner", "root"))
        for r in t.get("run", ()):
            v.run(r, check=True)
        v.fault(**t.get("faults", {}))
        b = v.backup()
    e = vector.expect
    got = (b.extension.status, b.extension.error, b.extension.consistency.value)
    assert got == (e["status"], e["error"], e["consistency"]), b.explain() + "\n" + text[:6000]
    assert found.backups[0].consistency is b.extension.consistency
    assert found.backups[0].precheck == e["precheck"]
    from pytest_vmsnapshot.extension_log.comparison import compare, differing
    assert list(differing(compare(found.backups[0], b))) == []
