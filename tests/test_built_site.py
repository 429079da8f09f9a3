"""What is asked of the built site finds what no page may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from .built_site import mistakes

GOOD = '<a href="b.html#there">b</a> <a href="https://example.org">out</a> '


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "a.html").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.html").write_text('<h1 id="there">b</h1>', encoding="utf-8")
    return tmp_path


def test_links_out_of_the_site_are_not_followed(site: Path) -> None:
    assert list(mistakes(site)) == []


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('<a href="c.html">', "leads to c.html, which is not there"),
        ('<a href="b.html#gone">', "leads to b.html#gone, and that page has no such place"),
        ('<a href="#gone">', "leads to #gone, and that page has no such place"),
        ('<script src="https://cdn.org/x.js"></script>', "fetches https://cdn.org/x.js"),
        ('<link rel="stylesheet" href="//cdn.org/x.css">', "fetches //cdn.org/x.css"),
        ('<img src="http://cdn.org/x.png">', "fetches http://cdn.org/x.png"),
        ('<img src="gone.png">', "needs gone.png, which is not there"),
        ("<style>p { src: url(https://cdn.org/x) }</style>", "fetches url(https://cdn.org/x"),
        ("<script>fetch('//cdn.org/x')</script>", "fetches fetch('//"),
        ('<p style="background: url(https://cdn.org/x)">', "fetches url(https://cdn.org/x"),
    ],
)
def test_a_page(site: Path, html: str, told: str) -> None:
    (site / "d.html").write_text(html, encoding="utf-8")
    assert list(mistakes(site)) == [f"d.html: {told}"]


def test_styles_and_scripts(site: Path) -> None:
    (site / "x.css").write_text("@import 'https://cdn.org/y.css';", encoding="utf-8")
    (site / "x.js").write_text("fetch('https://cdn.org/y')", encoding="utf-8")
    assert list(mistakes(site)) == [
        "x.css: fetches @import 'https://cdn.org/y.css",
        "x.js: fetches fetch('https://",
    ]


def test_a_site_has_pages(tmp_path: Path) -> None:
    assert list(mistakes(tmp_path)) == [f"{tmp_path}: there is no page"]


def test_a_canonical_address_is_no_resource(site: Path) -> None:
    (site / "d.html").write_text('<link rel="canonical" href="https://here.org">', encoding="utf-8")
    assert list(mistakes(site)) == []
