"""The page of JSON Schemas that the package comes with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest_vmsnapshot

PACKAGE = Path(pytest_vmsnapshot.__file__).parent

HEAD = """\
# Schemas

JSON Schemas that come with the package, for editors and for programs. They are \
in step with the code: tests hold them to it. Find them on your disk with

```sh
find "$(python -c 'import pytest_vmsnapshot as p; print(p.__path__[0])')" -name '*.schema.json'
```
"""


def page() -> str:
    """The whole page: each file whose name ends in ``.schema.json``."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    for path in sorted(PACKAGE.rglob("*.schema.json")):
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        place = path.relative_to(PACKAGE.parent)
        yield f"## {schema.get('title', path.name)}\n"
        yield f"[`{place}`](../../{place})"
        if "description" in schema:
            yield f"\n{_cell(schema['description'])}"
        yield from _keys(schema, schema)
        for name, node in schema.get("definitions", schema.get("$defs", {})).items():
            if "properties" in node:
                yield f"\n### {path.name.partition('.')[0]}: {name}"
                yield from _keys(node, schema)
        yield ""


def _keys(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """A table of the keys of an object; those that must be there are marked."""
    yield from ("", "| key | type | |", "|---|---|---|")
    for key, value in node.get("properties", {}).items():
        must = "must be there; " if key in node.get("required", ()) else ""
        told = _cell(f"{must}{_described(value, schema)}".removesuffix("; "))
        yield f"| `{key}` | {_type(_resolved(value, schema), schema)} | {told} |"


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = schema
        for word in node["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        node = found
    return node


def _described(node: dict[str, Any], schema: dict[str, Any]) -> str:
    return str(node.get("description") or _resolved(node, schema).get("description", ""))


def _type(node: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in node:
        return _type(_resolved(node, schema), schema)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in node:
            kinds = [_type(_resolved(inner, schema), schema) for inner in node[several]]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in node:
        return ", ".join(f"`{json.dumps(value)}`" for value in node["enum"])
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    kinds = node.get("type", "any")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def _cell(text: str) -> str:
    return re.sub(r"([|*])", r"\\\1", " ".join(text.split()))
