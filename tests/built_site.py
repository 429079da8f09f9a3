"""Asks of the built site what no page of it may have: ``python -m tests.built_site DIRECTORY``.

Nothing on it may be fetched from a network, and each link within it leads somewhere.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

_FETCHED_BY_CSS = re.compile(r"(?:url\(|@import\s+)['\"]?\s*(?:https?:)?//[^)'\"]*")
_FETCHED_BY_SCRIPT = re.compile(
    r"(?:fetch|import|importScripts|XMLHttpRequest|WebSocket)\s*\(\s*['\"](?:https?:|wss?:)?//"
)
_IS_NO_RESOURCE = {"a", "area", "base"}
_ATTRIBUTES = {"href", "src", "srcset", "data", "poster", "action"}
_RELATIONS = {"stylesheet", "icon", "preload", "modulepreload", "manifest", "shortcut"}


class Page(HTMLParser):
    """What is of interest about a page.

    Args:
        path: its file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.resources: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag in _IS_NO_RESOURCE:
            self.links += [values["href"]] if "href" in values else []
        elif tag != "link" or _RELATIONS & set(values.get("rel", "").split()):
            self.resources += [values[name] for name in sorted(_ATTRIBUTES & set(values))]
        self.fetched += _FETCHED_BY_CSS.findall(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.fetched += _FETCHED_BY_CSS.findall(data)
        elif self.cdata_elem == "script":
            self.fetched += _FETCHED_BY_SCRIPT.findall(data)


def _from_a_network(address: str) -> bool:
    split = urlsplit(address)
    return bool(split.netloc) or split.scheme in ("http", "https", "ws", "wss", "ftp")


def _file(page: Path, address: str) -> Path:
    """The file that an address on a page leads to."""
    return (page.parent / unquote(urlsplit(address).path)).resolve()


def mistakes(site: Path) -> Iterator[str]:
    """Everything that is wrong with a site, each a line."""
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    if not pages:
        yield f"{site}: there is no page"
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        yield from (f"{name}: fetches {address}" for address in page.fetched)
        for address in page.resources:
            if _from_a_network(address):
                yield f"{name}: fetches {address}"
            elif not address.startswith(("#", "data:")) and not _file(path, address).is_file():
                yield f"{name}: needs {address}, which is not there"
        for link in page.links:
            place, anchor = urldefrag(link)
            if _from_a_network(link) or urlsplit(link).scheme:
                continue
            target = _file(path, place) if place else path
            if not target.is_file():
                yield f"{name}: leads to {link}, which is not there"
            elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
                yield f"{name}: leads to {link}, and that page has no such place"
    for path in site.rglob("*.css"):
        for found in _FETCHED_BY_CSS.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: fetches {found}"
    for path in site.rglob("*.js"):
        for found in _FETCHED_BY_SCRIPT.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: fetches {found}"


if __name__ == "__main__":
    told = list(mistakes(Path(sys.argv[1])))
    print(*told, sep="\n", end="\n" if told else "")
    sys.exit(bool(told))
