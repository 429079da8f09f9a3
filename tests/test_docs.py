"""The documentation is true: its examples run, its lists are complete, its links lead somewhere.

A page's convention: a line that is nothing but a path in backquotes and a colon, right above a
fenced block, makes the block a file of that name. Instead the first line of a block may be a
comment that is nothing but a path. A ``python`` block that defines tests is run with all files
of its page; so is a ``toml`` block that is a scenario file. If its fence says ``fails``, the
``text`` blocks up to the next test are what pytest shows.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import pytest_vmsnapshot
from pytest_vmsnapshot.catalogue import CATALOGUE, NAMES
from pytest_vmsnapshot.scenario import SUFFIX

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(
    r"^(?P<mark>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=mark) *$", re.MULTILINE | re.DOTALL
)
_NAME_ABOVE = re.compile(r"^`(?P<name>[\w./-]+)`:\n\n?\Z", re.MULTILINE)
_NAME_INSIDE = re.compile(r"\A(?:#|//) (?P<name>[\w./-]*[\w-]\.\w+)\n")
_LINK = re.compile(r"(?<!\!)\[[^\]\n]+\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(?P<text>.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    number: int
    info: tuple[str, ...]
    name: str
    body: str

    @property
    def is_scenario(self) -> bool:
        return self.name.endswith(SUFFIX)

    @property
    def is_test(self) -> bool:
        return self.is_scenario or (self.info[:1] == ("python",) and "def test_" in self.body)

    @property
    def tests(self) -> int:
        """How many tests it has at least."""
        if self.is_scenario:
            return len(re.findall(r"^\[\[case\]\]", self.body, re.MULTILINE)) or 1
        return len(re.findall(r"^def test_", self.body, re.MULTILINE))

    @property
    def must_fail(self) -> bool:
        return "fails" in self.info

    @property
    def id(self) -> str:
        return f"{self.page.name}:{self.number}"


@functools.cache
def blocks(page: Path) -> tuple[Block, ...]:
    return tuple(_blocks(page))


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for number, found in enumerate(_FENCE.finditer(text), 1):
        body = found["body"]
        above = _NAME_ABOVE.search(text[: found.start()])
        inside = _NAME_INSIDE.match(body)
        name = above["name"] if above else ""
        if inside and not above:
            name, body = inside["name"], body[inside.end() :]
        yield Block(page, number, tuple(found["info"].split()), name, body)


PASSING = [page for page in PAGES if any(b.is_test and not b.must_fail for b in blocks(page))]
FAILING = [b for page in PAGES for b in blocks(page) if b.is_test and b.must_fail]


def _files_for(test: Block) -> dict[str, str]:
    """The files a test finds: all of its page; of two with one name the last above the test."""
    named = [block for block in blocks(test.page) if block.name and not block.is_test]
    above = [block for block in named if block.number < test.number]
    return {block.name: block.body for block in (*reversed(named), *above)}


def _write(project: Path, files: dict[str, str]) -> None:
    for name, body in {"pytest.ini": "[pytest]\n", **files}.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")


def _run(pytester: pytest.Pytester, project: Path, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        *("-p", "no:randomly", "-p", "no:cacheprovider", "--import-mode=importlib"),
        *options,
        project,
    )


@pytest.mark.parametrize("page", PASSING, ids=lambda page: page.name)
def test_examples_pass(pytester: pytest.Pytester, page: Path) -> None:
    """One run for all tests of a page that find the same files."""
    projects: list[tuple[dict[str, str], list[Block]]] = []
    for block in blocks(page):
        if block.is_test and not block.must_fail:
            files = _files_for(block)
            if not projects or projects[-1][0] != files:
                projects.append((files, []))
            projects[-1][1].append(block)

    for number, (files, tests) in enumerate(projects):
        project = pytester.path / str(number)
        named = {test.name or f"test_block_{test.number}.py": test.body for test in tests}
        _write(project, {**files, **named})
        quiet = "ignore::pytest_vmsnapshot.RulesDiffer"
        result = _run(pytester, project, "-W", quiet, "-rs")
        outcomes = result.parseoutcomes()
        for_root = any("geteuid" in test.body for test in tests) and os.geteuid() != 0
        skipped = outcomes.pop("skipped", 0) if for_root else 0
        for line in result.outlines:
            if re.match(r"SKIPPED.*: apt install ", line):
                pytest.skip(line)  # a server that the page is about
        assert list(outcomes) == ["passed"]
        assert outcomes["passed"] + skipped >= sum(test.tests for test in tests)


@pytest.mark.parametrize("block", FAILING, ids=lambda block: block.id)
def test_example_fails_as_shown(pytester: pytest.Pytester, block: Block) -> None:
    rest = blocks(block.page)[block.number :]
    shown = [
        b.body
        for b in itertools.takewhile(lambda b: b.info[:1] != ("python",) and not b.is_test, rest)
        if b.info[:1] == ("text",)
    ]
    _write(pytester.path, {**_files_for(block), block.name or "test_page.py": block.body})

    result = _run(pytester, pytester.path)

    real = _normalised("\n".join(result.outlines))
    assert shown
    assert [text for text in shown if _normalised(text).strip() not in real] == []


def _normalised(text: str) -> str:
    """What pytest shows, without what differs from run to run and from machine to machine."""
    text = re.sub(r"\d+\.\d+ s\b|\d+(\.\d+)? ms\b", "TIME", text)
    text = re.sub(r"^ *\d+\.\d{3}  ", "   AT  ", text, flags=re.MULTILINE)
    text = re.sub(r"\d+ files, [\d.]+ \w+ in", "SIZE in", text)
    text = re.sub(r"namespaces \(\w+\)", "namespaces (HOW)", text)
    text = re.sub(r"^-+ (backup .*?) -+$", r"-- \1 --", text, flags=re.MULTILINE)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


# -- complete -----------------------------------------------------------------------------------


def test_every_option_has_its_paragraph(pytester: pytest.Pytester) -> None:
    text = "\n".join(pytester.runpytest("--help").outlines)
    options = set(re.findall(r"--vmsnapshot-[a-z-]+", text))
    values = set(re.findall(r"^ +(vmsnapshot_\w+) \(", text, re.MULTILINE))
    headings = "\n".join(_HEADING.findall((DOCS / "options.md").read_text(encoding="utf-8")))

    assert options
    assert values
    assert sorted(name for name in options | values if f"`{name}`" not in headings) == []


def test_every_setting_of_the_marker_has_its_paragraph(pytester: pytest.Pytester) -> None:
    text = " ".join(line for line in pytester.runpytest("--markers").outlines)
    signature = re.search(r"@pytest\.mark\.vm\(\*, ([^)]*)\)", text)
    headings = "\n".join(_HEADING.findall((DOCS / "options.md").read_text(encoding="utf-8")))

    assert signature is not None
    names = re.findall(r"(\w+)=", signature[1])
    assert [name for name in names if f"`{name}`" not in headings] == []


def test_every_error_of_a_backup_is_listed_with_its_code() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")

    rows = [f"| [`{kind.name}`](errors/{kind.name}.md) | {kind.code} |" for kind in CATALOGUE]
    assert [row for row in rows if row not in page] == []
    assert {path.stem for path in (DOCS / "errors").iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_an_error_answers_what_is_asked_of_it(name: str) -> None:
    page = DOCS / "errors" / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    codes = dict.fromkeys(str(kind.code) for kind in CATALOGUE if kind.name == name)
    first, *sections = _HEADING.findall(_FENCE.sub("", text))

    assert first == f"{name} ({', '.join(codes)})"
    assert sections == [
        "What the recovery point is worth",
        "Typical causes",
        "Find the cause",
        "Reproduce it",
        "Mend it",
    ]
    causes = text.partition("## Typical causes")[2].partition("## ")[0]
    assert "```" in causes
    reproduced = text.partition("## Reproduce it")[2].partition("## Mend it")[0]
    assert "def test_" in reproduced
    assert [code for code in codes if not re.search(rf'"{name}"|\[{code}\]', reproduced)] == []


def test_every_error_of_the_harness_has_its_paragraph() -> None:
    headings = _HEADING.findall((DOCS / "errors.md").read_text(encoding="utf-8"))
    errors = [
        name
        for name in pytest_vmsnapshot.__all__
        if isinstance(kind := getattr(pytest_vmsnapshot, name), type)
        and issubclass(kind, pytest_vmsnapshot.HarnessError)
    ]

    assert [name for name in errors if f"`{name}`" not in headings] == []


def test_every_public_name_is_documented() -> None:
    written = [page for page in PAGES if page.parent != DOCS / "reference"]  # that has all names
    text = "\n".join(page.read_text(encoding="utf-8") for page in written)

    missing = [n for n in pytest_vmsnapshot.__all__ if not re.search(rf"\b{n}\b", text)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    local = [target for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target)]

    assert [target for target in local if not _exists(page, target)] == []


def _exists(page: Path, target: str) -> bool:
    place, _, anchor = target.partition("#")
    path = (page.parent / place).resolve() if place else page
    if not path.exists():
        return False
    return not anchor or anchor in {
        _slug(h) for h in _HEADING.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))
    }


def _slug(heading: str) -> str:
    """The anchor that a heading gets on the usual hosts."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def test_every_page_is_on_the_map() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = [*DOCS.glob("*.md"), *DOCS.glob("reference/*.md")]
    names = [str(page.relative_to(DOCS)) for page in pages if page.name != "index.md"]

    assert [name for name in names if f"({name})" not in index] == []
