"""Tests that run once in each shell of a list, and what becomes of those whose shell is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from .errors import ShellMissing
from .settings import Source, resolve

FIXTURE = "_vmsnapshot_shell"
"""The fixture that carries the shell of one run of a test."""


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a test once in each shell, if its nearest marker has a list of them."""
    marks = metafunc.definition.iter_markers("vm")
    given = next((mark.kwargs["shell"] for mark in marks if "shell" in mark.kwargs), None)
    if isinstance(given, list | tuple):
        metafunc.fixturenames.append(FIXTURE)
        metafunc.parametrize(FIXTURE, given, indirect=True, ids=[str(name) for name in given])


def chosen(item: pytest.Item) -> str:
    """The shell of this run of a test."""
    return str(getattr(item, "callspec").params[FIXTURE])  # noqa: B009 - functions have one


@contextlib.contextmanager
def skipping_without_shell(sources: Sequence[Source]) -> Iterator[None]:
    """A test whose shell is not installed is skipped, unless that must not be.

    Args:
        sources: where its settings come from.
    """
    try:
        yield
    except ShellMissing as missing:
        if "shell" in resolve(sources).settings.require:
            raise pytest.fail.Exception(f"required: {missing}", pytrace=False) from None
        pytest.skip(str(missing))
