"""The documentation as a site: ``tox -e docs``.

The pages are plain Markdown, as code hosts and ``vmsnapshot explain`` show them. So what a site
needs besides is made here: its navigation out of the lists that the pages have, and pages for the
projects in ``examples``, of which hosts show the directory.
"""

from __future__ import annotations

import html
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
EXAMPLES = ROOT / "examples"
_FACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "pytest-vmsnapshot"
author = _FACTS["authors"][0]["name"]
version = release = _FACTS["version"]
extensions = ["myst_parser"]
myst_heading_anchors = 6  # the anchors of code hosts
nitpicky = True
html_theme = "furo"
html_title = f"pytest-vmsnapshot {release}"
html_short_title = "pytest-vmsnapshot"
html_copy_source = False
html_show_search_summary = False  # a browser lets no local page fetch another
html_show_copyright = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7db7f5", "color-brand-content": "#7db7f5"},
}

# -- navigation ------------------------------------------------------------------------------------

_SECTION = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_PAGE = re.compile(r"\]\((?P<page>[\w/.-]+\.md)\)")
LISTING = ("lint", "errors")
"""Pages whose tables list pages of their own."""


def _pages_in(text: str) -> list[str]:
    return list(dict.fromkeys(_PAGE.findall(text)))


def _toctree(pages: list[str], caption: str = "") -> str:
    head = [f":caption: {caption}"] if caption else []
    return "\n".join(["", "```{toctree}", ":hidden:", *head, "", *pages, "```", ""])


def add_navigation(_: Sphinx, page: str, source: list[str]) -> None:
    """Make the tables of the map, and those of the pages that list others, the navigation."""
    if page == "index":
        parts = _SECTION.split(source[0])[1:]
        for title, text in zip(parts[::2], parts[1::2], strict=True):
            if pages := _pages_in(text):
                source[0] += _toctree(pages, title)
    elif page in LISTING:
        own = [name for name in _pages_in(source[0]) if name.startswith(f"{page}/")]
        source[0] += _toctree(own)


# -- examples --------------------------------------------------------------------------------------


def lead_to_examples(app: Sphinx, tree: nodes.document) -> None:
    """Let links to a directory of ``examples`` lead to its page."""
    here = DOCS / app.env.docname
    for link in list(tree.findall(addnodes.pending_xref)):
        target = (here.parent / link["reftarget"]).resolve()
        if target.parent == EXAMPLES and target.is_dir():
            place = os.path.relpath(target.relative_to(ROOT), PurePosixPath(app.env.docname).parent)
            found = nodes.reference("", "", internal=True, refuri=f"{place}.html")
            found += link.children
            link.replace_self(found)


def example_pages(_: Sphinx) -> Iterator[tuple[str, dict[str, str], str]]:
    """A page for each project in ``examples``, with the text of its files."""
    for place in sorted(path for path in EXAMPLES.iterdir() if path.is_dir()):
        title = f"examples/{place.name}"
        body = "".join(_shown(file, place) for file in sorted(place.rglob("*")) if file.is_file())
        yield title, {"title": title, "body": f"<h1>{title}</h1>{body}"}, "page.html"


def _shown(file: Path, place: Path) -> str:
    name = str(file.relative_to(place))
    if "__pycache__" in name or ".pytest_cache" in name or ".hypothesis" in name:
        return ""
    text = file.read_text(encoding="utf-8")
    try:
        lexer = get_lexer_for_filename(file.name)
    except ClassNotFound:
        lexer = TextLexer()
    shown = highlight(text, lexer, HtmlFormatter(wrapcode=True))
    anchor = re.sub(r"[^\w]+", "-", name)
    return f'<section id="{anchor}"><h2>{html.escape(name)}</h2>{shown}</section>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", lead_to_examples)
    app.connect("html-collect-pages", example_pages)
    return {"parallel_read_safe": True}
