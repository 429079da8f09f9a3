"""Each code has its page, whose snippets are found and not found as it says.

A page's convention: the fence of a snippet is ``sh bad``, ``sh good``, ``json bad`` or ``json
good``; further words say how the file is saved (``crlf``, ``bom``, ``unended``, ``latin-1``), which
step it is (``post``), or that ShellCheck is not installed (``without-shellcheck``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_vmsnapshot.lint import CODES, ScriptFile, Subject, lint

from .asking import ALL, CONFIG

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ROOT / "docs" / "lint"
VECTORS = ROOT / "tests" / "conformance" / "shipped.json"

_FENCE = re.compile(r"^```(?P<info>[^`\n]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_SCENARIO = re.compile(r"observed scenarios? ((?:`[\w.-]+`(?:, )?)+)")
_IGNORE = re.compile(r"# vmsnapshot: ignore(?:-file)?=(\w+)`\.")


@dataclass(frozen=True)
class Snippet:
    """A snippet of a page."""

    code: str
    number: int
    info: tuple[str, ...]
    body: str

    @property
    def content(self) -> bytes:
        if "crlf" in self.info:
            return self.body.replace("\n", "\r\n").encode()
        if "bom" in self.info:
            return self.body.encode("utf-8-sig")
        if "unended" in self.info:
            return self.body.rstrip("\n").encode()
        return self.body.encode("latin-1" if "latin-1" in self.info else "utf-8")

    def found(self) -> set[str]:
        if self.info[0] == "json":
            subject = Subject(Path("c.json"), self.content, (), ALL)
        else:
            step = "post" if "post" in self.info else "pre"
            script = ScriptFile(Path("x.sh"), self.content, "/x", step)  # type: ignore[arg-type]
            subject = Subject(Path("c.json"), CONFIG, (script,), ALL)
        return {found.code for found in lint(subject)}


def _text(code: str) -> str:
    return (PAGES / f"{code}.md").read_text(encoding="utf-8")


SNIPPETS = [
    Snippet(code, number, tuple(found["info"].split()), found["body"])
    for code in CODES
    for number, found in enumerate(_FENCE.finditer(_text(code)), 1)
]


def _id(snippet: Snippet) -> str:
    return f"{snippet.code}-{snippet.number}-{snippet.info[1]}"


def test_every_code_has_its_page_and_no_page_is_left_over() -> None:
    assert {page.stem for page in PAGES.iterdir()} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_it_is_about(code: str) -> None:
    text = _text(code)
    assert text.startswith(f"# {code}: {CODES[code].name}\n\n{CODES[code].summary} (")
    assert set(_IGNORE.findall(text)) <= {code}
    assert "o ignore it" in text or code == "VMS027"


@pytest.mark.parametrize("code", CODES)
def test_a_page_shows_both(code: str) -> None:
    shown = [snippet.info[:2] for snippet in SNIPPETS if snippet.code == code]
    assert {info[1] for info in shown} == {"bad", "good"}
    assert {info[0] for info in shown} <= {"sh", "json"}


@pytest.mark.parametrize("snippet", [s for s in SNIPPETS if "bad" in s.info], ids=_id)
def test_what_is_bad_is_found(snippet: Snippet, request: pytest.FixtureRequest) -> None:
    if "without-shellcheck" in snippet.info:
        request.getfixturevalue("without_shellcheck")
    assert snippet.code in snippet.found()


@pytest.mark.parametrize("snippet", [s for s in SNIPPETS if "good" in s.info], ids=_id)
def test_what_is_good_is_clean(snippet: Snippet) -> None:
    found = snippet.found()
    if "VMS027" in found:
        pytest.skip("ShellCheck is not installed")
    assert found == set()


@pytest.mark.parametrize("code", CODES)
def test_scenarios_exist(code: str) -> None:
    vectors = {vector["id"] for vector in json.loads(VECTORS.read_text())}
    named = re.findall(r"`([\w.-]+)`", " ".join(_SCENARIO.findall(_text(code))))
    assert [name for name in named if name not in vectors] == []


def test_the_overview_has_every_code() -> None:
    overview = (PAGES.parent / "lint.md").read_text(encoding="utf-8")
    rows = [f"| [{c.code}](lint/{c.code}.md) | {c.name} | {c.summary} |" for c in CODES.values()]
    assert [row for row in rows if row not in overview] == []
