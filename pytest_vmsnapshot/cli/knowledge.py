"""What is known of each error, finding and so on, and finding the one that is asked for."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from .. import errors
from ..catalogue import CATALOGUE, ErrorKind
from ..findings import FindingKind, permission
from ..lint.codes import CODES, NO_SHELLCHECK
from .check_names import LINT


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a user may meet, and all that is to be said of it.

    Args:
        group: what it is, as a plural.
        name: how it is called.
        code: its number, or another name; empty if it has none.
        meaning: what happened, in a sentence without a full stop.
        rows: labels, and what is to be said under each.
        provoke: a test that meets it, as Python text; empty if there is none.
        page: where the documentation tells of it.
    """

    group: str
    name: str
    code: str
    meaning: str
    rows: tuple[tuple[str, str], ...]
    provoke: str
    page: str

    @property
    def title(self) -> str:
        """Name and code."""
        return f"{self.name} ({self.code})" if self.code else self.name


def entries() -> tuple[Entry, ...]:
    """All there is."""
    text = resources.files(__package__).joinpath("known_errors.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    return (
        *_errors(known["error"]),
        *_findings(known["finding"]),
        *_checks(),
        *_lint(),
        *_of_the_harness(),
    )


_SHELLCHECK = re.compile(r"^sc(\d{4})$")

_VARIANT = re.compile(r"^(?P<name>[\w-]+)\[(?P<variant>[\w-]*)\]$")
"""A test of a config, as it is shown: ``shell[debian]``."""

_WITH_ZEROS = re.compile(r"^vms(\d{1,3})$")
"""A code of the lint, of which somebody may have left out the zeros."""


def folded(word: str) -> str:
    """A word without what people get wrong: case, hyphens, blanks."""
    return "".join(char for char in word.casefold() if char.isalnum())


def asked_for(word: str, known: tuple[Entry, ...]) -> list[Entry]:
    """The entries that go by a name or code.

    Args:
        word: as somebody has written it; also with the variant a check is shown with.
        known: all entries.
    """
    if shown := _VARIANT.match(word):
        code = {"shellcheck": NO_SHELLCHECK}.get(shown["variant"], shown["variant"])
        word = code if shown["name"] == LINT else shown["name"]
    if number := _SHELLCHECK.match(folded(word)):
        return [_of_shellcheck(f"SC{number[1]}")]
    wanted = _WITH_ZEROS.sub(lambda code: f"vms{int(code[1]):03}", folded(word))
    return [entry for entry in known if wanted in (folded(entry.name), folded(entry.code))]


def _errors(known: list[dict[str, Any]]) -> Iterator[Entry]:
    by_kind = {(facts["code"], facts.get("of_config", False)): facts for facts in known}
    codes = [kind.code for kind in CATALOGUE]
    for index, kind in enumerate(CATALOGUE):
        facts = by_kind[kind.code, kind.code in codes[:index]]
        yield _error(kind, facts)


def _error(kind: ErrorKind, facts: Mapping[str, str]) -> Entry:
    named = "" if kind.documented else "not in the documentation's table of errors"
    rows = (
        ("documented rules", facts["documented"]),
        ("shipped rules", facts["shipped"]),
        ("what follows", facts["decides"]),
        ("remedy", kind.remedy),
        ("note", named),
    )
    return Entry(
        "errors of a backup",
        kind.name,
        str(kind.code),
        kind.meaning,
        tuple((label, text) for label, text in rows if text),
        facts["provoke"].strip("\n"),
        f"docs/errors/{kind.name}.md",
    )


def _findings(known: list[dict[str, str]]) -> Iterator[Entry]:
    by_name = {facts["name"]: facts for facts in known}
    for kind in FindingKind:
        facts = by_name[kind.value]
        rows = (
            ("why it matters", facts["why"]),
            (
                "what follows",
                "a test that has passed fails" if kind.fails else "a warning, Noticed",
            ),
            ("remedy", facts["remedy"]),
            ("to allow it", permission([kind])),
        )
        anchor = "units-and-frozen" if kind.value in ("units", "frozen") else kind.value
        yield Entry(
            "findings",
            kind.value,
            "",
            facts["meaning"],
            rows,
            facts["provoke"].strip("\n"),
            f"docs/findings.md#{anchor}",
        )


def _checks() -> Iterator[Entry]:
    """The checks of a contract; those with variants once."""
    from ..contract.check import every_check
    from ..contract.settings import TARGETS

    promises = {LINT: ["nothing is found in config and scripts before anything runs"]}
    anchors = {LINT: [LINT]}
    for check in every_check(TARGETS):
        promises.setdefault(check.name, []).append(check.promise)
        variant = "" if check.variant in TARGETS else check.variant  # the heading has shell[…]
        anchors.setdefault(check.name, []).append(f"{check.name}{variant}")
    for name, told in promises.items():
        rows = (
            ("alone", f"vmsnapshot check CONFIG --only {name}"),
            ("to leave it out", f'skip = ["{name}"] in vmsnapshot.toml'),
        )
        page = f"docs/contract.md#{'-'.join(dict.fromkeys(anchors[name]))}"
        yield Entry("checks of a config", name, "", "; ".join(told), rows, "", page)


def _lint() -> Iterator[Entry]:
    """The codes of the lint."""
    for code in CODES.values():
        ignore = f'# vmsnapshot: ignore={code.code}, or ignore = ["{code.code}"] in vmsnapshot.toml'
        yield Entry(
            "codes of the lint",
            code.code,
            code.name,
            code.summary.removesuffix("."),
            (("to ignore it", ignore),),
            "",
            f"docs/lint/{code.code}.md",
        )


def _of_shellcheck(code: str) -> Entry:
    """A code of a program that tells more of it itself."""
    ignore = f'# shellcheck disable={code}, or ignore = ["{code}"] in vmsnapshot.toml'
    page = f"https://www.shellcheck.net/wiki/{code}"
    meaning = "ShellCheck's; the lint tells it for each language that sh will be"
    return Entry("codes of ShellCheck", code, "", meaning, (("to ignore it", ignore),), "", page)


def _of_the_harness() -> Iterator[Entry]:
    """Errors of the harness itself, as their classes tell."""
    from ..lint import shellcheck

    for name, kind in {**vars(errors), **vars(shellcheck)}.items():
        if isinstance(kind, type) and issubclass(kind, errors.HarnessError | UserWarning):
            summary = (inspect.getdoc(kind) or "").split("\n\n")[0]
            meaning = " ".join(summary.split()).removesuffix(".")
            yield Entry(
                "errors and warnings of the harness",
                name,
                "",
                meaning[:1].lower() + meaning[1:],
                (),
                "",
                f"docs/errors.md#{name.casefold()}",
            )
