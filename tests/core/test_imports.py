"""Who may import whom, and what an import costs."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_vmsnapshot

ROOT = Path(pytest_vmsnapshot.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    .removesuffix("__init__")
    .rstrip("."): path
    for path in sorted(ROOT.rglob("*.py"))
}
NAMED = [name for name in MODULES if name]
MAX_LINES = 400

PYTEST_SIDE = {
    "cli.check_session",
    "cli.check_selection",
    "plugin",
    "asked",
    "memory_fixture",
    "several_shells",
    "time_limits",
    "after_test",
    "item_vms",
    "scenario_items",
    "contract_items",
    "contract_summary",
    "recording",
    "used_vms",
    "script_coverage",
    "report_file",
    "html_pieces",
    "told",
    "terminal_summary",
    "junit_properties",
    "harmless_reports",
    "run_end",
}
"""Modules that may import pytest."""

LAYERS = (
    ("command line", {"cli", "__main__"}),
    (
        "plugin",
        {
            "plugin",
            "asked",
            "memory_fixture",
            "several_shells",
            "time_limits",
            "after_test",
            "item_vms",
            "scenario_items",
            "contract_items",
            "contract_summary",
            "recording",
            "used_vms",
            "script_coverage",
            "report_file",
            "html_pieces",
            "told",
            "record_lines",
            "terminal_summary",
            "junit_properties",
            "harmless_reports",
            "run_end",
            "failure_report",
            "rule_differences",
        },
    ),
    ("CI", {"ci"}),
    ("contract", {"contract"}),
    (
        "ready-made",
        {
            "ready_made",
            "applications",
            "declared",
            "scenario",
            "lint",
            "extension_log",
            "shell_coverage",
            "picture",
        },
    ),
    (
        "machine",
        {
            "machine",
            "ordering",
            "running",
            "servers",
            "vm_programs",
            "volumes",
            "memory",
            "vm_factory",
            "vm_path",
            "installing",
            "settings",
            "command",
            "completed",
            "command_double",
            "at_moment",
            "inspection",
            "missing_commands",
            "placing",
            "shells",
            "vm_files",
            "vm_findings",
            "surroundings",
            "fault_checks",
            "faulty_guest",
            "guest_around",
            "keeping",
            "mentioned",
            "repeated",
            "second_backup",
            "traced_guest",
            "twin",
            "vm_doubles",
            "under_faults",
        },
    ),
    ("engine", {"engine"}),
    ("parts", {"guest", "clock", "storage"}),
    ("kernel", {"syscalls"}),
    (
        "facts",
        {
            "protocols",
            "backup",
            "serialise",
            "assertions",
            "alike",
            "explain",
            "harmless",
            "catalogue",
            "config",
            "errors",
            "layout",
            "output",
            "script_run",
            "doubles",
            "moments",
            "faults",
            "findings",
            "fault_words",
            "file_damage",
            "frozen_mounts",
            "inventory",
            "kept",
            "records",
            "durations",
            "record_schema",
            "backup_totals",
        },
    ),
)
"""From top to bottom; a module imports from its own layer and those below it."""

TYPE_ONLY = {("backup", ".machine")}
"""What a function far below returns, and others make: imported for its annotation alone."""

SIDEWAYS = {("engine", "parts")}
"""Layers that lie one above the other and know each other by protocols only."""


def imports(path: Path) -> Iterator[str]:
    """Names of modules that a module imports, those of this package as ``.name``."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield node.module or ""
                continue
            base = package[: len(package) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ("." + ".".join((*base, name)) for name in names)


def layer_of(name: str) -> int:
    first = name.lstrip(".").split(".")[0]
    return next(index for index, (_, members) in enumerate(LAYERS) if first in members)


@pytest.mark.parametrize("name", NAMED)
def test_imports_go_downward(name: str) -> None:
    here = layer_of(name)
    for imported in imports(MODULES[name]):
        if (name, imported) in TYPE_ONLY:
            continue
        if imported.startswith(".") and imported != ".":
            there = layer_of(imported)
            assert there >= here, f"{name} imports {imported} from above"
            pair = (LAYERS[here][0], LAYERS[there][0])
            assert pair not in SIDEWAYS, f"{name} imports {imported}: it knows only protocols"


@pytest.mark.parametrize("name", NAMED)
def test_pytest_is_imported_by_the_plugin_only(name: str) -> None:
    if PYTEST_SIDE.isdisjoint({name, name.split(".")[0]}):
        outside = {imported.split(".")[0] for imported in imports(MODULES[name])}
        assert outside.isdisjoint({"pytest", "_pytest", "pluggy", "xdist", "pytest_timeout"})
    assert not any(imported.startswith("_pytest") for imported in imports(MODULES[name]))


PURE = {
    "engine.verdict": {"__future__", "enum", "dataclasses", ".backup", ".engine.rules"},
    "engine.rules": {
        "__future__",
        "collections.abc",
        "dataclasses",
        "math",
        "types",
        "typing",
        ".layout",
    },
    "engine.vm_facts": {"__future__", "collections.abc", "dataclasses", "types", ".engine.rules"},
    "engine.mounts": {"__future__", "collections.abc", ".engine.rules", ".engine.vm_facts"},
    "frozen_mounts": {"__future__", "dataclasses"},
    "engine.other_confs": {"__future__", "configparser"},
    "engine.effective": {
        "__future__",
        "collections.abc",
        "dataclasses",
        "json",
        "math",
        "typing",
        ".catalogue",
        ".config",
        ".engine.rules",
    },
    "script_run": {"__future__", "dataclasses", ".explain", ".output"},
    "faults": {"__future__", "collections.abc", "dataclasses", "enum", ".moments"},
    "fault_words": {"__future__", ".explain", ".faults"},
    "file_damage": {
        "__future__",
        "collections.abc",
        "enum",
        "json",
        "re",
        "types",
        "typing",
        ".faults",
    },
    "config": {
        "__future__",
        "collections.abc",
        "dataclasses",
        "difflib",
        "itertools",
        "json",
        "typing",
    },
    "catalogue": {"__future__", "dataclasses", ".explain"},
    "output": {"__future__", "dataclasses"},
    "engine.plugin_host": {"__future__", "configparser", "dataclasses", "functools"},
    "engine.timeline": {"__future__", ".backup", ".protocols"},
    "explain": {
        "__future__",
        "collections.abc",
        "shlex",
        "signal",
        "typing",
        ".alike",
        ".backup",
        ".harmless",
        ".script_run",
    },
    "alike": {"__future__", "collections.abc", "dataclasses", "typing"},
    "harmless": {"__future__", "re", "typing"},
    "protocols": {
        "__future__",
        "collections.abc",
        "dataclasses",
        "enum",
        "typing",
        ".backup",
        ".faults",
        ".output",
    },
    "missing_commands": {"__future__", "collections.abc", "dataclasses", "re", ".explain"},
    "inventory": {"__future__", "collections.abc", "dataclasses"},
    "shell_coverage.trace": {"__future__", "collections.abc", "dataclasses", "re"},
    "shell_coverage.calming": {"__future__", "re"},
    "shell_coverage.flow": {
        "__future__",
        "collections",
        "collections.abc",
        "dataclasses",
        ".shell_coverage.nodes",
    },
    "shell_coverage.placing": {
        "__future__",
        "collections.abc",
        "dataclasses",
        ".shell_coverage.parse_tree",
        ".shell_coverage.trace",
    },
    "findings": {"__future__", "collections.abc", "dataclasses", "enum", "typing"},
}
"""Modules that touch no file, process or clock, with all they may import."""


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_nothing_that_acts(name: str) -> None:
    assert set(imports(MODULES[name])) <= PURE[name]
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert calls.isdisjoint({"open", "exec", "eval", "__import__", "print", "input"})


@pytest.mark.parametrize("name", NAMED)
def test_the_engine_has_no_clock_of_its_own_and_starts_nothing(name: str) -> None:
    if name.startswith("engine"):
        outside = set(imports(MODULES[name]))
        assert outside.isdisjoint({"subprocess", "datetime", "signal", "socket", "threading"})
        assert "time" not in outside or name == "engine.lifecycle"


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_small_and_well_named(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    assert not {"utils", "util", "helpers", "common", "misc"} & set(name.split("."))


def loaded_by(statement: str) -> set[str]:
    """Modules a fresh interpreter has after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


def test_the_plugin_loads_nothing_that_only_vm_tests_need() -> None:
    bare = loaded_by("import pytest")
    found = loaded_by("import pytest, pytest_vmsnapshot.plugin") - bare
    ours = {name for name in found if name.split(".")[0] == "pytest_vmsnapshot"}
    own = ("plugin", "asked", "memory_fixture")
    assert ours == {"pytest_vmsnapshot", *(f"pytest_vmsnapshot.{name}" for name in own)}
    heavy = ("coverage", "pyfakefs", "json", "subprocess", "multiprocessing", "xdist")
    assert not [name for name in found if name.split(".")[0] in heavy]


def test_the_package_loads_nothing_by_itself() -> None:
    found = loaded_by("import pytest_vmsnapshot")
    assert {name for name in found if name.startswith("pytest_vmsnapshot")} == {"pytest_vmsnapshot"}
    assert "pytest" not in found


def test_the_engine_runs_without_pytest() -> None:
    found = loaded_by("import pytest_vmsnapshot.machine, pytest_vmsnapshot.running")
    assert found.isdisjoint({"pytest", "_pytest", "coverage", "pyfakefs", "pytest_timeout"})


@pytest.mark.parametrize("name", pytest_vmsnapshot.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(pytest_vmsnapshot, name) is not None


def test_public_names_are_sorted_and_complete() -> None:
    names = pytest_vmsnapshot.__all__
    constants = [name for name in names if name.isupper()]
    classes = [name for name in names if name[0].isupper() and not name.isupper()]
    functions = [name for name in names if name.islower()]
    assert names == [*sorted(constants), *sorted(classes), *sorted(functions)]
    assert len(set(names)) == len(names)
    assert dir(pytest_vmsnapshot) == sorted(names)
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    for_types = [
        alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(for_types) == sorted(names)


def test_every_error_is_public() -> None:
    errors = importlib.import_module("pytest_vmsnapshot.errors")
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.HarnessError)
    }
    assert classes <= set(pytest_vmsnapshot.__all__)


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError) as caught:
        _ = pytest_vmsnapshot.Snapshot
    assert str(caught.value) == "module 'pytest_vmsnapshot' has no attribute 'Snapshot'"


def test_types_are_shipped() -> None:
    assert (ROOT / "py.typed").exists()
