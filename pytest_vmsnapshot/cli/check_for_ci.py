"""What a CI is told of checks: those that failed, and what the lint has found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..ci import telling
from ..ci.annotation import Annotation, Level, of_findings
from ..ci.markdown import Detail, Page
from ..ci.service import Service, repository
from ..harmless import harmless
from ..lint.places import relative
from .check_names import LINT
from .check_results import Outcome, Summary, closing


def lines_for(
    service: Service, summary: Summary, here: Path, environ: Mapping[str, str]
) -> Iterator[str]:
    """Lines for the output of a step; a page is put where the CI shows it.

    Args:
        service: who is told.
        summary: what became of the checks.
        here: the working directory.
        environ: environment variables.
    """
    root = repository(service, environ, here)
    annotations = [*_of_failed(summary, root), *of_findings(summary.findings, root)]
    yield from telling.commands(service, annotations)
    yield from telling.publish(service, _page(summary), environ)


def _of_failed(summary: Summary, root: Path) -> Iterator[Annotation]:
    """What the lint finds has annotations of its own."""
    for result in summary.failed:
        if result.check != LINT:
            file = relative(Path(result.config), root)
            yield Annotation(Level.ERROR, harmless(result.text), harmless(result.name), file)


def _page(summary: Summary) -> Page:
    shown = [*summary.failed, *(r for r in summary.results if r.outcome is Outcome.SKIPPED)]
    return Page(
        "Backup scripts",
        closing(summary),
        ("config", "check", "outcome"),
        [(result.config, result.name, result.outcome.value) for result in shown],
        [
            *(Detail(f"{result.config}: {result.name}", result.text) for result in summary.failed),
            *(Detail("this could not be checked", text) for text in summary.broken),
        ],
    )
