"""Docstrings and signatures as Markdown."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from collections.abc import Iterator

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$")
_NAMED = re.compile(r"^(?P<name>\*{0,2}\w+): (?P<text>.*)$")
_LONGEST_DEFAULT = 50


def as_markdown(text: str, *, fields: str = "") -> Iterator[str]:
    """The lines of a docstring in Google's style, as Markdown.

    Args:
        text: the docstring, without its indentation.
        fields: how its arguments are called; empty to leave them out.
    """
    section = ""
    for part in _paragraphs(text):
        if _SECTION.match(part[0]):
            section = part[0].removesuffix(":")
            yield from _section(section, part[1:], fields)
        else:
            yield from ("", _inline(" ".join(line.strip() for line in part)))


def _paragraphs(text: str) -> Iterator[list[str]]:
    for part in re.split(r"\n\s*\n", text.strip()) if text.strip() else ():
        yield part.splitlines()


def _section(name: str, lines: list[str], fields: str) -> Iterator[str]:
    if name == "Args" and not fields:
        return
    rows: list[str] = []
    for line in lines:
        if line.startswith("        ") and rows:
            rows[-1] += f" {line.strip()}"
        else:
            rows.append(line.strip())
    yield ""
    if name in ("Args", "Raises"):
        yield f"{fields if name == 'Args' else name}:"
        yield ""
        for row in rows:
            named = _NAMED.match(row)
            yield f"* `{named['name']}`: {_inline(named['text'])}" if named else f"* {_inline(row)}"
    else:
        yield f"{name}: {_inline(' '.join(rows))}"


def _inline(text: str) -> str:
    """Literals as Markdown has them; what Markdown would take for something else is kept."""
    parts = re.split(r"``(.+?)``", text)
    for number, part in enumerate(parts):
        if number % 2:
            parts[number] = f"`{part}`"
        else:
            parts[number] = re.sub(r"([*_<>\[\]])", r"\\\1", part)
    return "".join(parts)


def signature(called: object, name: str, *, bound: bool = False) -> str:
    """How something is called, the same under each Python.

    Args:
        called: a function or class.
        name: how it is to be shown.
        bound: whether its first parameter is the object it belongs to.
    """
    assert callable(called)
    found = inspect.signature(called)
    parameters = list(found.parameters.values())[bound:]
    shown: list[str] = []
    starred = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            shown.append("*")
        starred = starred or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        shown.append(_parameter(parameter))
        following = parameters[parameters.index(parameter) + 1 :]
        if parameter.kind is parameter.POSITIONAL_ONLY and not any(
            other.kind is other.POSITIONAL_ONLY for other in following
        ):
            shown.append("/")
    answer = found.return_annotation
    returned = "" if answer is found.empty or isinstance(called, type) else f" -> {_type(answer)}"
    return f"{name}({', '.join(shown)}){returned}"


def _parameter(parameter: inspect.Parameter) -> str:
    several = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    stars = next((mark for kind, mark in several.items() if kind is parameter.kind), "")
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {_type(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        text += f" = {_value(parameter.default)}"
    return text


def _type(annotation: object) -> str:
    if annotation is None:
        return "None"
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "…")


def _value(value: object) -> str:
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    text = repr(value)
    if " at 0x" in text or "factory" in text or len(text) > _LONGEST_DEFAULT:
        return "…"
    return f"{type(value).__name__}(…)" if dataclasses.is_dataclass(value) else text
