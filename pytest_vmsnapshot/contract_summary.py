"""What is told of configs once all tests have run: doubled commands, SARIF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .lint import LintFinding, sarif


def summary(told: list[dict[str, Any]], config: pytest.Config) -> Iterator[str]:
    """Lines for the end of a run, and the SARIF file that was asked for.

    Args:
        told: by the checks.
        config: of the run.

    Yields:
        Lines.

    Raises:
        OSError: the SARIF file cannot be written any more.
    """
    doubled: dict[str, dict[str, str]] = {}
    for row in told:
        doubled.setdefault(row["config"], {}).update(row.get("doubled", {}))
    for name, commands in doubled.items():
        if commands:
            yield f"doubled for {name} (vmsnapshot.toml can say more of them):"
            for kind in dict.fromkeys(commands.values()):
                yield f"  {', '.join(c for c, k in sorted(commands.items()) if k == kind)}: {kind}"
    findings = findings_in(told)
    if file := config.getoption("vmsnapshot_sarif"):
        Path(file).write_text(sarif.text(findings, config.rootpath), encoding="utf-8")
        count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
        yield f"{count} in {file} (SARIF)"


def findings_in(told: list[dict[str, Any]]) -> list[LintFinding]:
    """What the lint has found.

    Args:
        told: by the checks.
    """
    rows = [row for each in told for row in each.get("lint", ())]
    found = {LintFinding.of(row) for row in rows}
    return sorted(found, key=lambda f: (str(f.path), f.line, f.code))
