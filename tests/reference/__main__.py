"""Writes what of the documentation is made from the code: ``python -m tests.reference``."""

from __future__ import annotations

from .generated import DOCS, pages

for path, text in pages():
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        print(f"written: docs/{path.relative_to(DOCS)}")
