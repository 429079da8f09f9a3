"""Pieces for pytest-html: the backups of a test, in its row of that report."""

from __future__ import annotations

import importlib.util

import pytest

from .records import TestRecord


def is_wanted(config: pytest.Config) -> bool:
    """Whether pytest-html makes a report of a run, and what makes the pieces is installed.

    Args:
        config: of the run.
    """
    has_asked = config.pluginmanager.hasplugin("html") and config.getoption("htmlpath", None)
    return bool(has_asked) and importlib.util.find_spec("jinja2") is not None


def add(report: pytest.TestReport, record: TestRecord) -> None:
    """Give a report the piece that pytest-html shows with it.

    Args:
        report: the last one of a test.
        record: of the test.
    """
    from .picture import fragment

    if record.backups:
        # As pytest_html.extras.html() makes it; a worker of pytest-xdist sends it on as it is.
        piece = {
            "name": None,
            "format_type": "html",
            "content": fragment(record),
            "mime_type": None,
            "extension": None,
        }
        report.extras = [*getattr(report, "extras", []), piece]  # type: ignore[attr-defined]


class HtmlStyles:
    """Gives the report of pytest-html the style sheet of the pieces, once."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Add it."""
        from .picture import styles

        prefix.append(f"<style>{styles()}</style>")
