"""The picture: a run's backups as one page for a browser, and as pieces of other reports.

A page is a pure view of the records of tests: where things are drawn is reckoned here (``lanes``,
``axis``, ``labels``, ``drawing``), what is said is put together here (``rows``, ``detail``), and
the templates in ``parts`` only print.
"""

from __future__ import annotations

from .page import fragment, page, styles

__all__ = ["fragment", "page", "styles"]
