"""The options of the conformance tests, and what they say at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .vector import SHARED, load

INEXPRESSIBLE: Mapping[str, str] = {
    "crash-cond-0luns": (
        "the vector does not say that the platform's list of disks was empty: its input is that "
        "of crash-ok-freeze-fail, which ended otherwise"
    ),
    "type-poll-2": (
        "a race of the extension (SHIPPED.md, section 4): type-poll-2.9, which has the same poll "
        "step, limit and scripts, went the other way"
    ),
}
"""Vectors the model cannot express, with the reason."""

_PROPERTY = "conformance"


class Conformance:
    """Collects what became of the vectors and tells it at the end."""

    def __init__(self) -> None:
        self._agreed: list[str] = []
        self._differing: dict[str, list[str]] = {}
        self._not_expressed: dict[str, str] = {}
        self._without_owners: list[str] = []

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test for every vector."""
        if "vector" not in metafunc.fixturenames:
            return
        path = metafunc.config.getoption("vectors") or SHARED
        vectors = load(Path(path))
        metafunc.parametrize("vector", vectors, ids=[vector.id for vector in vectors])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what a test noted about its vector."""
        for name, noted in report.user_properties if report.when == "call" else ():
            if name != _PROPERTY or not isinstance(noted, dict):
                continue
            if noted["inexpressible"]:
                self._not_expressed[noted["id"]] = noted["inexpressible"]
            elif noted["without_owners"]:
                self._without_owners.append(noted["id"])
            elif noted["differs"]:
                self._differing[noted["id"]] = noted["differs"]
            else:
                self._agreed.append(noted["id"])

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how many vectors agree, and list those that do not."""
        count = len(self._agreed) + len(self._differing)
        if not count:
            return
        write = terminalreporter.write_line
        terminalreporter.section("conformance")
        for name, differs in sorted(self._differing.items()):
            for index, line in enumerate(differs):
                write(f"{name if not index else '':<40}  {line}")
        for name, reason in sorted(self._not_expressed.items()):
            write(f"not expressible: {name}: {reason}")
        for name in sorted(self._without_owners):
            write(f"needs real owners (root, or subordinate ids): {name}")
        write(f"conformance: {len(self._agreed)} of {count}")


def note(
    request: pytest.FixtureRequest,
    vector_id: str,
    *,
    differs: list[str] | None = None,
    inexpressible: str = "",
    without_owners: bool = False,
) -> None:
    """Note what became of a vector, for the end of the run."""
    noted = {
        "id": vector_id,
        "differs": differs or [],
        "inexpressible": inexpressible,
        "without_owners": without_owners,
    }
    request.node.user_properties.append((_PROPERTY, noted))
