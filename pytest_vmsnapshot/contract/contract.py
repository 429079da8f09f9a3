"""A config with its scripts, as an author keeps them in a project."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .. import config
from ..config import ConfigIncorrect, ScriptConfig
from ..installing import Checker, scripts_of_config
from .settings import SETTINGS_FILE, Settings


@dataclass(frozen=True, slots=True)
class Contract:
    """A config, its scripts, and what its author says of them.

    Args:
        path: the local config.
        content: its bytes.
        config: what it says; None if it is incorrect.
        incorrect: what is wrong with it, a phrase each.
        scripts: local scripts by their path on the VM.
        missing: what could not be found of them, a sentence each.
        settings: what a settings file says.
    """

    path: Path
    content: bytes
    config: ScriptConfig | None
    incorrect: tuple[str, ...]
    scripts: Mapping[str, Path]
    missing: tuple[str, ...]
    settings: Settings

    @classmethod
    def read(cls, path: Path, settings: Settings) -> Contract:
        """Read a config and find its scripts.

        Args:
            path: the local config.
            settings: where its scripts are, if not beside it.

        Raises:
            OSError: the config cannot be read.
        """
        content = path.read_bytes()
        found, incorrect = None, tuple[str, ...]()
        try:
            found = config.parse(content)
        except ConfigIncorrect as wrong:
            incorrect = wrong.findings
        checker = Checker([path.parent])
        beside = settings.beside or path.parent
        scripts: dict[str, Path] = {}
        if settings.scripts is not None:
            scripts = dict(settings.scripts)
        else:
            for place, script in scripts_of_config(checker, content, beside).items():
                assert isinstance(script, Path)
                scripts[place] = script
        missing = [_how_to_find(text) for text in checker.mistakes]
        if settings.scripts is not None and found is not None:
            wanted = {
                "preScriptLocation": found.pre_location,
                "postScriptLocation": found.post_location,
            }
            missing += [
                f"scripts in {settings.path} has no {place} ({key}); add it"
                for key, place in wanted.items()
                if place and os.path.normpath(place) not in scripts
            ]
        return cls(path, content, found, incorrect, scripts, tuple(missing), settings)

    @property
    def keys(self) -> Mapping[str, Any]:
        """What the config says, as JSON has it; empty if that cannot be read."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def locations(self) -> Iterator[tuple[Literal["pre", "post"], str]]:
        """Each step, and where the config says its script lies on the VM."""
        steps: tuple[tuple[Literal["pre", "post"], str], ...] = (
            ("pre", "preScriptLocation"),
            ("post", "postScriptLocation"),
        )
        for step, key in steps:
            place = self.keys.get(key)
            if isinstance(place, str) and place:
                yield step, os.path.normpath(place)

    def script(self, step: str) -> Path | None:
        """The local script of a step; None if it was not found.

        Args:
            step: ``pre`` or ``post``.
        """
        found = (place for name, place in self.locations() if name == step)
        return self.scripts.get(next(found, ""))

    @property
    def cannot_run(self) -> str:
        """Why no script of it can be tried; empty if they can."""
        if self.config is None:
            return "the config is incorrect (valid-config says how)"
        if self.missing:
            return "a script cannot be found (valid-config says which)"
        if not (self.config.pre_location and self.config.post_location):
            return "the config names no scripts"
        return ""

    def texts(self) -> Mapping[str, str]:
        """The scripts' text by their path on the VM."""
        return {
            place: script.read_bytes().decode("utf-8", "replace")
            for place, script in self.scripts.items()
        }


def _how_to_find(told: str) -> str:
    """A message about a missing script, in words of a settings file."""
    head, found, _ = told.partition("; put it there")
    if not found:
        return told
    return (
        f"{head.removeprefix('scripts: ')}; put it there, or write scripts = "
        f'{{ "path on the VM" = "local path" }} in {SETTINGS_FILE}'
    )
