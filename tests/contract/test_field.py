"""Pairs as authors write them in the field: good ones pass, and each flaw of others is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot.vm_factory import VmFactory

from .authored import write
from .test_look_alikes import found_by_gate

FIELD = Path(__file__).parent / "field"
PAIRS = sorted(place.name for place in FIELD.iterdir())

NOTICED = {"exit-status[pre]", "failure-noticed[pre]"}
FLAWS = {
    "a unit is forgotten": ("units", "post", " shop.service", "", {"undone"}),
    "a unit runs too early": (
        *("units", "pre", "sync\n", "sync\nsystemctl start shop.service\n"),
        {"held-at-snapshot"},
    ),
    "nobody notices": ("units", "pre", "set -e\n", "", NOTICED),
    "a client fails in a pipe": (
        "oracle",
        "pre",
        "sysdba' <<'SQL'",
        "sysdba' <<'SQL' | cat",
        NOTICED,
    ),
}


def installed(place: Path, name: str, **changed: tuple[str, str]) -> Path:
    """A pair with its config; of each script something can be another."""
    texts = {step: (FIELD / name / f"{step}.sh").read_text() for step in ("pre", "post")}
    for step, (old, new) in changed.items():
        assert old in texts[step]
        texts[step] = texts[step].replace(old, new)
    settings = FIELD / name / "vmsnapshot.toml"
    said = settings.read_text() if settings.exists() else ""
    return write(place, texts["pre"], texts["post"], settings=said)


@pytest.mark.vm(shell="debian")
@pytest.mark.parametrize("name", PAIRS)
def test_good(tmp_path: Path, vm_factory: VmFactory, name: str) -> None:
    assert found_by_gate(installed(tmp_path, name), vm_factory) == set()


@pytest.mark.vm(shell="debian")
@pytest.mark.parametrize("flaw", FLAWS)
def test_flawed(tmp_path: Path, vm_factory: VmFactory, flaw: str) -> None:
    name, step, old, new, expected = FLAWS[flaw]
    config = installed(tmp_path, name, **{step: (old, new)})
    assert found_by_gate(config, vm_factory) == expected
