"""What a contract is read for before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from ..lint import LintFinding, ScriptFile, Step, Subject, lint
from .contract import Contract


def findings_of(contract: Contract) -> tuple[LintFinding, ...]:
    """Static findings about a config and its scripts, but for what its author ignores."""
    subject = Subject(
        contract.path,
        contract.content,
        tuple(_scripts(contract)),
        contract.settings.shells,
    )
    return lint(subject, contract.settings.ignore)


def _scripts(contract: Contract) -> Iterator[ScriptFile]:
    steps: dict[str, Step] = {}
    for step, place in contract.locations():
        steps[place] = "both" if place in steps else step
    for place, path in contract.scripts.items():
        if place in steps:
            yield ScriptFile(path, path.read_bytes(), place, steps[place])
