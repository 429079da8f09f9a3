"""What the page tells of each error that occurs on it, so that it needs no other page."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from ..catalogue import CATALOGUE, ErrorKind, NamedError

_Known = dict[tuple[int, bool], dict[str, str]]

_LABELS = (
    ("documented rules", "documented"),
    ("shipped rules", "shipped"),
    ("what follows", "decides"),
)


@dataclass(frozen=True, slots=True)
class Explained:
    """An error, and what is to be said of it.

    Args:
        anchor: its name on the page.
        name: what the framework calls it.
        code: the extension's number.
        meaning: what happened, in a sentence.
        rows: labels, and what is to be said under each.
    """

    anchor: str
    name: str
    code: int
    meaning: str
    rows: tuple[tuple[str, str], ...]


def anchor_of(kind: ErrorKind) -> str:
    """The name of an error on the page; two may share name and code.

    Args:
        kind: the error.
    """
    return f"error-{kind.code}-of-config" if _is_second(kind) else f"error-{kind.code}"


def _is_second(kind: ErrorKind) -> bool:
    """Whether it shares its code with an error of the catalogue that comes before it."""
    return kind in CATALOGUE and kind != next(k for k in CATALOGUE if k.code == kind.code)


def explained(errors: Iterable[NamedError]) -> tuple[Explained, ...]:
    """What is to be said of errors, each kind once, by their codes.

    Args:
        errors: of all backups.
    """
    kinds = sorted(dict.fromkeys(error.kind for error in errors), key=lambda kind: kind.code)
    known = _known() if kinds else {}
    return tuple(
        Explained(anchor_of(kind), kind.name, kind.code, kind.meaning, _rows(kind, known))
        for kind in kinds
    )


def _rows(kind: ErrorKind, known: _Known) -> tuple[tuple[str, str], ...]:
    facts = known.get((kind.code, _is_second(kind)), {})
    told = [(label, facts[key]) for label, key in _LABELS if facts.get(key)]
    if not kind.documented:
        told.append(("note", "not in the documentation's table of errors"))
    return (*told, ("remedy", kind.remedy), ("page", f"docs/errors/{kind.name}.md"))


def _known() -> _Known:
    """What ``vmsnapshot explain`` tells: its data, which lies with that command."""
    place = resources.files("pytest_vmsnapshot").joinpath("cli", "known_errors.toml")
    table = tomllib.loads(place.read_text(encoding="utf-8"))
    return {(facts["code"], facts.get("of_config", False)): facts for facts in table["error"]}
