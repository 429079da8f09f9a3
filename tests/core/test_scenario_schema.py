"""The JSON Schema of scenario files: in step with what reads them, and with the examples."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from pytest_vmsnapshot.catalogue import CATALOGUE, NAMES
from pytest_vmsnapshot.declared import Table, TomlFile
from pytest_vmsnapshot.declared.toml_file import Key
from pytest_vmsnapshot.engine.rules import RULES as ALL_RULES
from pytest_vmsnapshot.errors import DeclarationError
from pytest_vmsnapshot.file_damage import names as damages
from pytest_vmsnapshot.findings import NAMES as FINDINGS
from pytest_vmsnapshot.moments import NAMES as MOMENTS
from pytest_vmsnapshot.ready_made.systemctl import STATES
from pytest_vmsnapshot.scenario import SCHEMA, SUFFIX
from pytest_vmsnapshot.scenario.case import cases_of, read_cases
from pytest_vmsnapshot.settings import CLOCKS, GUESTS, REQUIREMENTS, RULES, STORAGES
from pytest_vmsnapshot.shells import NAMES as SHELLS
from pytest_vmsnapshot.volumes import FSTYPES

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "scenarios").glob(f"*{SUFFIX}"))
SCHEMA_DATA: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA_DATA)
ENOUGH = 'expect.error = "none"\n'


def as_json(value: Any) -> Any:
    """What an editor makes of TOML before it checks it."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, dt.datetime) else value


# -- walking the schema ----------------------------------------------------------------------------

Node = Mapping[str, Any]


def resolved(node: Node) -> Node:
    while "$ref" in node:
        part: Any = SCHEMA_DATA
        for word in node["$ref"].removeprefix("#/").split("/"):
            part = part[word]
        node = part
    return node


def variants(node: Node) -> Iterator[Node]:
    """A node and all that it may be instead."""
    node = resolved(node)
    yield node
    for key in ("allOf", "anyOf", "oneOf"):
        for inner in node.get(key, ()):
            yield from variants(inner)


def below(node: Node, key: Key) -> Node | None:
    """What the schema says of a key, or of a row of a list."""
    for variant in variants(node):
        if isinstance(key, int) and "items" in variant:
            return dict(variant["items"])
        if key in variant.get("properties", {}):
            return dict(variant["properties"][key])
    return next(
        (
            dict(variant["additionalProperties"])
            for variant in variants(node)
            if isinstance(variant.get("additionalProperties"), dict)
        ),
        None,
    )


def properties(node: Node) -> dict[str, Any] | None:
    """The keys of a table whose keys are not free."""
    found = [variant["properties"] for variant in variants(node) if "properties" in variant]
    return found[0] if found else None


def ways(node: Node, way: str = "") -> Iterator[tuple[str, Node]]:
    """Every key of the schema, with ``*`` for keys that are free and rows of lists."""
    for name, inner in (properties(node) or {}).items():
        here = f"{way}.{name}".lstrip(".")
        yield here, resolved(inner)
        yield from ways(inner, here)
    for variant in variants(node):
        for inner in (variant.get("items"), variant.get("additionalProperties")):
            if isinstance(inner, dict):
                yield from ways(inner, f"{way}.*".lstrip("."))


CASE = SCHEMA_DATA["definitions"]["case"]
ALL_KEYS = dict(ways(CASE))


def keys_used(data: Any, node: Node) -> Iterator[tuple[int, str]]:
    """The keys of the schema that a file uses, each with the table of the schema it is in."""
    rows = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in rows:
        known = properties(node)
        if isinstance(key, str) and known is not None and key in known:
            yield id(known), key
        inner = below(node, key)
        if inner is not None and isinstance(value, dict | list):
            yield from keys_used(value, inner)


# -- in step ---------------------------------------------------------------------------------------


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA_DATA)


def test_every_key_has_a_description() -> None:
    assert [way for way, node in ALL_KEYS.items() if not node.get("description")] == []


def test_the_whole_file_has_the_keys_of_a_case() -> None:
    own = {"case", "name"}
    assert set(SCHEMA_DATA["properties"]) - own == set(CASE["properties"]) - own


def tables_read(path: Path) -> Iterator[tuple[tuple[Key, ...], Table]]:
    """Every table of a file that was read, with the way to it below its case."""
    file = TomlFile.load(path)
    root = Table.of(file)
    tables = root.over("case", but=("name",)) if root.has("case") else [root]
    for table in tables:
        assert list(read_cases(table, "a", 1, file))
        yield from _inner_tables((), table)


def _inner_tables(way: tuple[Key, ...], table: Table) -> Iterator[tuple[tuple[Key, ...], Table]]:
    yield way, table
    for key, inner in table._inner.items():
        is_list = "[" in inner[0].label[-3:] if inner else False
        for number, one in enumerate(inner):
            yield from _inner_tables((*way, key, number) if is_list else (*way, key), one)


def test_the_reader_knows_the_keys_of_the_schema() -> None:
    seen = set()
    for path in EXAMPLES:
        for way, table in tables_read(path):
            node: Node | None = CASE
            for key in way:
                assert node is not None, way
                node = below(node, key)
            assert node is not None, way
            if (keys := properties(node)) is not None:  # otherwise they are free
                known = set(table.known) - {"case"} | ({"name"} if not way else set())
                assert known == set(keys), way
                seen.add(id(keys))
    there = {
        id(keys): way
        for way, node in ALL_KEYS.items()
        for inner in (node, *inner_nodes(node))
        if (keys := properties(inner)) is not None
    }
    not_seen = {way for keys, way in there.items() if keys not in seen}
    assert not_seen == {"faults.clock_jump"}  # it is read as a whole


def test_every_key_is_in_an_example_that_runs() -> None:
    used: set[tuple[int, str]] = set()
    for path in EXAMPLES:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        for case in (data, *data.get("case", ())):
            used |= set(keys_used(case, CASE))
    everything = {
        (id(known), name): f"{way}.{name}"
        for way, node in {"": CASE, **ALL_KEYS}.items()
        for inner in (node, *inner_nodes(node))
        if (known := properties(inner)) is not None
        for name in known
    }
    unused = {way for key, way in everything.items() if key not in used}
    moments = {f"faults.clock_jump.{moment}" for moment in MOMENTS}
    assert unused - moments == set()
    assert unused & moments < moments


def inner_nodes(node: Node) -> Iterator[Node]:
    """What a node says of rows, and of keys that are free."""
    for variant in variants(node):
        for inner in (variant.get("items"), variant.get("additionalProperties")):
            if isinstance(inner, dict):
                yield inner


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("vm.rules", RULES),
        ("vm.shell", SHELLS),
        ("vm.guest", GUESTS),
        ("vm.clock", CLOCKS),
        ("vm.storage", STORAGES),
        ("vm.require", REQUIREMENTS),
        ("vm.allow", FINDINGS),
        ("volumes.*.fstype", FSTYPES),
        ("expect.errors", (*NAMES, *dict.fromkeys(kind.code for kind in CATALOGUE))),
        ("expect.findings", FINDINGS),
        ("expect.differences", tuple(ALL_RULES)),
        ("expect.held.systemctl", STATES),
        ("ready_made.systemctl.units", STATES),
        ("faults.pre_file.damage", damages("pre_file")),
        ("faults.post_file.damage", damages("post_file")),
        ("faults.config_file.damage", damages("config_file")),
        ("faults.plugin_host.damage", damages("plugin_host")),
    ],
)
def test_words(way: str, words: tuple[str | int, ...]) -> None:
    node = ALL_KEYS[way]
    found: list[str | int] = []
    for inner in (node, *inner_nodes(node)):
        for variant in variants(inner):
            found += variant.get("enum", ())
    assert set(found) == set(words)


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head, _, _ = text.partition("\n")
    named = path.parent / head.removeprefix("#:schema ")  # the project's; an installed one is equal
    assert named.read_bytes() == SCHEMA.read_bytes()
    data = as_json(tomllib.loads(text))
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []


@pytest.mark.parametrize(
    "text",
    [
        "expect = { status = 'failed' }",
        "case = [{ name = 'a' }, { name = 'b', expect.error = 300 }]\nexpect.consistency = 'none'",
        f"{ENOUGH}vm.clock_start = 2026-01-01T00:00:00Z",
        f"{ENOUGH}vm = {{ shell = ['dash'], rules = 'shipped', disk_size = 4096 }}",
        f"{ENOUGH}faults = {{ pre = 'ok', commands.x = {{ signal = 9 }}, clock_jump = -1.5 }}",
        f"{ENOUGH}files.'/a' = {{ content = '', mode = '0o640', owner = 0 }}",
        f"{ENOUGH}config.preScriptParams = [1, {{ a = [] }}]\nscripts.'/a' = '#!/bin/sh'",
        f"{ENOUGH}commands = {{ a = {{}}, '/b' = {{ passthrough = true, delay = 0.5 }} }}",
        f"{ENOUGH}volumes = [{{ path = '/a', disk = 'os' }}, {{ path = '/b', size = '1g' }}]",
        f"{ENOUGH}commands.a = {{}}\nexpect.calls.a = ['x', ['y', 'z']]",
        "expect.recovery_point = { '/a' = '', '/b' = { contains = ['a'], matches = 'b' } }",
    ],
)
def test_files_that_are_right(text: str) -> None:
    assert cases_of(TomlFile(Path("/a.vmsnapshot.toml"), text))
    assert VALIDATOR.is_valid(as_json(tomllib.loads(text)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "description = 'a'",
        "expect = {}",
        "case = []",
        "expect.error = 'none'\n[[case]]\ndescription = 'no name'",
        f"{ENOUGH}name = 'a'\n[[case]]\nname = 'b'",
        f"{ENOUGH}name = 'a[b]'",
        f"{ENOUGH}name = 'a::b'",
        f"{ENOUGH}installs = {{}}",
        f"{ENOUGH}install = {{ pre = '#!', post = '#!', timeout = 0 }}",
        f"{ENOUGH}install = {{ pre = '#!', post = '#!', pre_mode = 700 }}",
        f"{ENOUGH}install = {{ pre = '#!', post = '#!', pre_params = 'a' }}",
        f"{ENOUGH}vm.rules = 'shippd'",
        f"{ENOUGH}vm.shell = []",
        f"{ENOUGH}vm.shell = ['dash', 'dash']",
        f"{ENOUGH}vm.allow = 'units'",
        f"{ENOUGH}vm.mounts = [['/']]",
        f"{ENOUGH}vm.disk_size = '2T'",
        f"{ENOUGH}vm.agent_env.A = true",
        f"{ENOUGH}faults.pre = 'fail'",
        f"{ENOUGH}faults.pre = {{}}",
        f"{ENOUGH}faults.pre.exit_status = 256",
        f"{ENOUGH}faults.plugin_host = 'bom2'",
        f"{ENOUGH}faults.commands.x = 'slow'",
        f"{ENOUGH}faults.clock_jump.later = 3",
        f"{ENOUGH}files.etc = ''",
        f"{ENOUGH}files.'/a' = {{}}",
        f"{ENOUGH}files.'/a' = {{ content = '', source = '/' }}",
        f"{ENOUGH}commands.x = 'ok'",
        f"{ENOUGH}commands.x.replies = []",
        f"{ENOUGH}commands.x.signal = 65",
        f"{ENOUGH}commands.x.passthrough = 'bin'",
        f"{ENOUGH}ready_made.systemctl.units.a = 'up'",
        f"{ENOUGH}volumes = [{{}}]",
        f"{ENOUGH}run = 'id'",
        f"{ENOUGH}backups = 0",
        "expect.error = 'PreScriptTimeout'",
        "expect.error = 1",
        "expect.errors = ['none']",
        "expect.consistency = 'app'",
        "expect.pre.stdout = {}",
        "expect.pre.exit_status = '0'",
        "commands.x = {}\nexpect.calls.x = -1",
        "expect.recovery_point.'/x'.mode = '0600'",
        "expect.findings = ['unit']",
        "expect.differences = ['relaunch']",
    ],
)
def test_files_that_are_wrong(text: str) -> None:
    with pytest.raises(DeclarationError):
        cases_of(TomlFile(Path("/a.vmsnapshot.toml"), text))
    assert not VALIDATOR.is_valid(as_json(tomllib.loads(text)))


# -- the documentation -----------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"
FREE = re.compile(r"\b[A-Z]+\b")


def sections(text: str) -> Iterator[tuple[set[str], set[str]]]:
    """The tables each section of the page is about, and the keys its rows name."""
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        names = re.findall(r"`\[+([^\]`]+)\]+`", heading)
        rows = re.findall(r"^\| (`[^|]+`) \|", body, re.MULTILINE)
        keys = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
        yield {FREE.sub("*", name) for name in names}, keys


def test_every_key_has_its_row_in_the_documentation() -> None:
    told: dict[str, set[str]] = {}
    for names, keys in sections(PAGE.read_text(encoding="utf-8")):
        for name in names or {""}:
            told.setdefault(name.removesuffix(".*"), set()).update(keys)
    missing = {
        f"{way}.{key}".lstrip(".")
        for way, node in {"": CASE, **ALL_KEYS}.items()
        for inner in (node, *inner_nodes(node))
        for key in properties(inner) or ()
        if key not in told.get(way, set())
    }
    assert missing == set()
