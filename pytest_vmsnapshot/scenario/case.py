"""The cases of a scenario file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..declared import Stage, Table, TomlFile, read_stage
from ..declared.mistakes import shown
from ..settings import Source
from .expect_table import read_expectation
from .expectation import Expectation
from .installed import OwnConfig, ScriptPair, read_installed
from .vm_table import read_combinations, read_faults, read_settings

SUFFIX = ".vmsnapshot.toml"
"""How the name of a scenario file ends."""

SCHEMA = Path(__file__).with_name("scenario.schema.json")
"""A JSON Schema of scenario files, for editors that complete and check TOML."""

_CASE_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*case[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: a VM, what is on it, and what is expected of its backup.

    Args:
        name: unique in its file.
        description: what it is about.
        variant: which of several rule sets and shells it is run with; empty if there is one.
        settings: what the VM is like, as ``@pytest.mark.vm`` takes it.
        installed: config and scripts; None for none.
        stage: what else is on the VM.
        backups: how many are taken, one after the other; expectations are about the last.
        expect: what is expected.
        xfail: why it is known to fail; empty if it is to pass.
        marks: names of pytest's markers it has.
        filterwarnings: filters of warnings, as pytest has them.
        line: where it begins in its file, from 1.
        file: where it comes from.
    """

    name: str
    description: str
    variant: str
    settings: Mapping[str, Any]
    installed: ScriptPair | OwnConfig | None
    stage: Stage
    backups: int
    expect: Expectation
    xfail: str
    marks: tuple[str, ...]
    filterwarnings: tuple[str, ...]
    line: int
    file: TomlFile = field(compare=False, repr=False)

    @property
    def id(self) -> str:
        """Its name and variant, as in a test's id."""
        return f"{self.name}[{self.variant}]" if self.variant else self.name

    @property
    def source(self) -> Source:
        """What it says of its VM, for who makes that."""
        return Source(self.file.name, self.settings)


def load_cases(path: Path) -> tuple[Case, ...]:
    """Read a scenario file.

    Args:
        path: where it lies; its name ends in ``SUFFIX``.

    Raises:
        DeclarationError: it is not TOML, or says what cannot be; all mistakes are told.
    """
    file = TomlFile.load(path)
    return cases_of(file)


def cases_of(file: TomlFile) -> tuple[Case, ...]:
    """The cases of a scenario file, those with several rule sets or shells once for each.

    Args:
        file: the file.

    Raises:
        DeclarationError: it says what cannot be; all mistakes are told.
    """
    root = Table.of(file, "a scenario")
    stem = file.path.name.removesuffix(SUFFIX)
    several = root.has("case")
    tables = root.over("case", but=("name",)) if several else [root]
    if several and root.has("name"):
        root.wrong("name", "there are [[case]] tables, so each of them has a name; leave it out")
    if several and not tables and not root.mistakes.count:
        root.wrong("case", "there is no case; write [[case]] with a name, or leave case out")
    lines = _lines_of_cases(file, len(tables)) if several else [1]
    found: list[Case] = []
    names: dict[str, int] = {}
    for table, line in zip(tables, lines, strict=True):
        name = _name(table, "" if several else stem)
        if name in names:
            told = f"the case of line {names[name]} has the name {shown(name)} too"
            table.wrong("name", f"{told}; write another")
        names.setdefault(name, line)
        found += read_cases(table, name, line, file)
        table.check_keys()
    root.mistakes.finish()
    return tuple(found)


def _lines_of_cases(file: TomlFile, count: int) -> Sequence[int]:
    """Lines of ``[[case]]``, in a way that is fast for files with thousands of them."""
    found = [
        file.text.count("\n", 0, match.start()) + 1 for match in _CASE_HEADER.finditer(file.text)
    ]
    if len(found) == count:
        return found
    return [file.line_of(("case", number)) for number in range(count)]


def _name(table: Table, default: str) -> str:
    name = table.text("name", default)
    if not table.has("name") and not default:
        table.missing("name", "write one that no other case of the file has")
    elif not name or not name.isprintable() or any(sign in name for sign in ("::", "[", "]", "/")):
        wanted = "write a name without brackets, slashes, line ends and '::'"
        table.wrong("name", f"name is {shown(name)}; {wanted}")
    return name


def read_cases(table: Table, name: str, line: int, file: TomlFile) -> Iterator[Case]:
    """Read a case; it comes once for each of its rule sets and shells.

    Args:
        table: what the file says of it; mistakes are taken down there.
        name: its name.
        line: where it begins.
        file: the file.
    """
    vm = table.table("vm")
    rules, shells = read_combinations(vm)
    settings = read_settings(vm)
    if faults := read_faults(table):
        settings["faults"] = faults
    stage = read_stage(table)
    expect = read_expectation(table, stage)
    if expect.findings is not None:  # what is expected is not told
        settings["allow"] = tuple(dict.fromkeys((*settings.get("allow", ()), *expect.findings)))
    description = table.text("description", "")
    installed = read_installed(table)
    backups = table.whole("backups", 1, 1)
    xfail = table.text("xfail", "")
    marks = table.texts("marks", ())
    filters = table.texts("filterwarnings", ())
    for rule_set in rules or ("",):
        for shell in shells or ("",):
            own = {"rules": rule_set or None, "shell": shell or None}
            varied = [rule_set] if len(rules) > 1 else []
            varied += [shell] if len(shells) > 1 else []
            yield Case(
                name=name,
                description=description,
                variant="-".join(varied),
                settings={**{k: v for k, v in own.items() if v is not None}, **settings},
                installed=installed,
                stage=stage,
                backups=backups,
                expect=expect,
                xfail=xfail,
                marks=marks,
                filterwarnings=filters,
                line=line,
                file=file,
            )
