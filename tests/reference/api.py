"""The page of fixtures and public names."""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest_vmsnapshot
from pytest_vmsnapshot import memory_fixture, plugin

from .docstrings import as_markdown, signature

MODULES = (
    "pytest_vmsnapshot",
    "pytest_vmsnapshot.ready_made",
    "pytest_vmsnapshot.applications",
    "pytest_vmsnapshot.lint",
    "pytest_vmsnapshot.scenario",
)
"""Where a test may import from."""

HEAD = """\
# Fixtures and public names

Made from the docstrings of the package. How things are used together is told in \
[Writing tests](../writing-tests.md); what is not on this page may change in any release.
"""

_PACKAGE = "pytest_vmsnapshot"
_PLAIN = {int, str, float, bool, object, Exception, tuple}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield "## Fixtures"
    for name, scope, gives, text in sorted(_fixtures()):
        yield f"\n### `{name}`\n"
        yield f"Gives {f'a `{gives}`' if gives else 'a value'}; scope: {scope}."
        yield from as_markdown(text)
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        yield f"\n## `{module_name}`"
        if module_name != _PACKAGE:
            yield from as_markdown((inspect.getdoc(module) or "").split("\n\n")[0])
        for name in sorted(module.__all__, key=str.casefold):
            yield f"\n### `{_anchored(name, module_name)}`"
            yield from _thing(name, getattr(module, name), module)


def _anchored(name: str, module: str) -> str:
    """A heading; a name that two modules have is told apart by its module."""
    return name if module == _PACKAGE else f"{module.removeprefix(f'{_PACKAGE}.')}.{name}"


def _fixtures() -> Iterator[tuple[str, str, str, str]]:
    """Name, scope, what it gives and docstring; read, because pytest wraps what they are."""
    for module in (plugin, memory_fixture):
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            made = [ast.unparse(decorator) for decorator in node.decorator_list]
            fixture = next((text for text in made if text.startswith("pytest.fixture")), "")
            if fixture:
                scope = "session" if "session" in fixture else "function"
                gives = ast.unparse(node.returns) if node.returns else ""
                gives = gives.removeprefix("Iterator[").removesuffix("]")
                yield node.name, scope, gives, ast.get_docstring(node) or ""


def _thing(name: str, value: object, module: ModuleType) -> Iterator[str]:
    if isinstance(value, type):
        yield from _class(name, value)
    elif inspect.isfunction(value):
        yield f"\n`{signature(value, name)}`"
        yield from as_markdown(inspect.getdoc(value) or "", fields="Arguments")
    else:
        yield from _constant(name, value, module)


def _constant(name: str, value: object, module: ModuleType) -> Iterator[str]:
    shown = repr(value)
    if len(shown) < 120 and "Path(" not in shown:
        yield f"\n`{shown}`"
    homes = [importlib.import_module(_home(name))] if module is pytest_vmsnapshot else [module]
    yield from as_markdown(next(filter(None, (_said_of(name, home) for home in homes)), ""))


def _home(name: str) -> str:
    """The module that a public name comes from."""
    home = vars(pytest_vmsnapshot)["_HOME_OF"][name]
    return f"{_PACKAGE}.{home}"


def _said_of(name: str, module: ModuleType) -> str:
    """The text below an assignment, in a module or where it imports the name from."""
    assert module.__file__ is not None
    body = ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body
    for node, following in zip(body, [*body[1:], ast.Pass()], strict=True):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=target)])
                | ast.AnnAssign(target=ast.Name(id=target))
            ) if target == name:
                if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                    return inspect.cleandoc(str(following.value.value))
            case ast.ImportFrom(module=str() as origin, names=names, level=1):
                if name in [imported.name for imported in names]:
                    base = module.__name__
                    if not module.__file__.endswith("__init__.py"):
                        base = base.rpartition(".")[0]
                    return _said_of(name, importlib.import_module(f"{base}.{origin}"))
    return ""


def _class(name: str, kind: type) -> Iterator[str]:
    bases = [base.__name__ for base in kind.__bases__ if base in _shown_bases(kind)]
    if bases:
        yield f"\nA {' and a '.join(f'`{base}`' for base in bases)}."
    made = dataclasses.is_dataclass(kind) and not issubclass(kind, enum.Enum)
    if made:
        yield f"\n`{signature(kind, name)}`"
    yield from as_markdown(inspect.getdoc(kind) or "", fields="Fields" if made else "")
    if issubclass(kind, enum.Enum):
        yield ""
        yield from (f"* `{member.name}`: `{member.value}`" for member in kind)
        return
    yield from _members(kind)


def _shown_bases(kind: type) -> set[type]:
    return {
        base
        for base in kind.__bases__
        if issubclass(kind, BaseException | enum.Enum) and base.__name__ != "object"
    }


def _members(kind: type) -> Iterator[str]:
    """Methods and properties, those of the package's own base classes too."""
    found: dict[str, object] = {}
    for home in reversed(kind.__mro__):
        if home.__module__.startswith(_PACKAGE):
            found |= vars(home)
    for name in sorted(found):
        value = found[name]
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            yield f"\n**`{name}`**: {_first(value)}"
            yield from _rest(value)
        elif isinstance(value, classmethod | staticmethod):
            bound = isinstance(value, classmethod)
            yield f"\n**`{signature(value.__func__, f'{kind.__name__}.{name}', bound=bound)}`**"
            yield from as_markdown(inspect.getdoc(value.__func__) or "", fields="Arguments")
        elif inspect.isfunction(value):
            yield f"\n**`{signature(value, name, bound=True)}`**"
            yield from as_markdown(inspect.getdoc(value) or "", fields="Arguments")


def _first(value: property) -> str:
    return "\n".join(as_markdown((inspect.getdoc(value) or "").split("\n\n")[0])).strip()


def _rest(value: property) -> Iterator[str]:
    _, _, rest = (inspect.getdoc(value) or "").partition("\n\n")
    if rest:
        yield from as_markdown(rest)
