"""What a test puts on a VM and finds there: config, scripts and other files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .config import ScriptConfig
from .installing import (
    Checker,
    PlannedFile,
    Script,
    planned_config,
    planned_copy,
    read_config,
    scripts_of_config,
    vm_location,
)
from .inventory import Inventory
from .placing import put
from .vm_path import FileGuest, VmPath


class VmFiles:
    """The files of a VM.

    Args:
        guest: where they lie.
        bases: local directories against which relative paths are looked up, in order.
    """

    def __init__(self, guest: FileGuest, bases: Sequence[Path]) -> None:
        self._files = guest
        self._bases = tuple(bases)
        self._sources: dict[str, Path] = {}

    @property
    def sources(self) -> Mapping[str, Path]:
        """Local files that were put on the VM, by where they lie there."""
        return MappingProxyType(self._sources)

    def _put(self, planned: Sequence[PlannedFile]) -> None:
        __tracebackhide__ = True
        put(self._files, planned)
        for file in planned:
            if isinstance(file.content, bytes):
                self._sources.pop(file.path, None)
            elif file.content.is_file():
                self._sources[file.path] = file.content.resolve()

    def _expect(self, places: Iterable[str]) -> None:
        """The next backup finds its scripts there, as far as can be guessed."""

    # -- install ---------------------------------------------------------------------------

    def install(
        self,
        *,
        pre: Script,
        post: Script,
        pre_params: Sequence[str] = (),
        post_params: Sequence[str] = (),
        pre_retries: int = 0,
        post_retries: int = 0,
        timeout: int = 30,
        continue_on_failure: bool = True,
        fs_freeze: bool = True,
        pre_location: str | None = None,
        post_location: str | None = None,
        pre_mode: int = 0o700,
        post_mode: int = 0o700,
        pre_owner: str | int = "root",
        post_owner: str | int = "root",
        config_mode: int = 0o600,
        config_owner: str | int = "root",
    ) -> None:
        """Install a config and both scripts.

        Args:
            pre: the pre-script: a local path, or its text.
            post: the post-script: a local path, or its text.
            pre_params: preScriptParams.
            post_params: postScriptParams.
            pre_retries: preScriptNoOfRetries.
            post_retries: postScriptNoOfRetries.
            timeout: timeoutInSeconds.
            continue_on_failure: continueBackupOnFailure.
            fs_freeze: fsFreezeEnabled.
            pre_location: preScriptLocation; by default ``/opt/`` and the local path.
            post_location: postScriptLocation; by default ``/opt/`` and the local path.
            pre_mode: permission bits of the pre-script.
            post_mode: permission bits of the post-script.
            pre_owner: owner of the pre-script.
            post_owner: owner of the post-script.
            config_mode: permission bits of the config.
            config_owner: owner of the config.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named, nothing is written.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        places = [
            checker.place(name, vm_location(script, default) if given is None else given)
            for name, script, given, default in (
                ("pre_location", pre, pre_location, "pre.sh"),
                ("post_location", post, post_location, "post.sh"),
            )
        ]
        if places[0] == places[1] and "/" not in places:
            checker.mistakes.append(
                f"both scripts would lie at {places[0]} on the VM; write pre_location= and "
                "post_location="
            )
        config = ScriptConfig(
            pre_location=places[0],
            post_location=places[1],
            pre_params=checker.params("pre_params", pre_params),
            post_params=checker.params("post_params", post_params),
            pre_retries=checker.number("pre_retries", pre_retries, 0),
            post_retries=checker.number("post_retries", post_retries, 0),
            timeout=checker.number("timeout", timeout, 1),
            continue_on_failure=checker.truth("continue_on_failure", continue_on_failure),
            fs_freeze=checker.truth("fs_freeze", fs_freeze),
        )
        planned = [
            PlannedFile(
                places[0],
                checker.script("pre", pre),
                checker.mode("pre_mode", pre_mode),
                checker.owner("pre_owner", pre_owner),
            ),
            PlannedFile(
                places[1],
                checker.script("post", post),
                checker.mode("post_mode", post_mode),
                checker.owner("post_owner", post_owner),
            ),
        ]
        mode = checker.mode("config_mode", config_mode)
        owner = checker.owner("config_owner", config_owner)
        checker.finish()
        self._put([*planned, planned_config(config, mode, owner)])
        self._expect(places)

    def install_config(
        self,
        config: str | bytes | os.PathLike[str] | Mapping[str, Any],
        *,
        scripts: str | os.PathLike[str] | Mapping[str, Script] | None = None,
        mode: int = 0o600,
        owner: str | int = "root",
        script_mode: int = 0o700,
        script_owner: str | int = "root",
    ) -> None:
        """Install a config exactly as it is, valid or not.

        Args:
            config: a local path, a mapping to be dumped as JSON, JSON text, or raw bytes.
            scripts: the local directory in which the config's scripts are found by name, or a
                mapping of VM paths to scripts. Without it no script is installed.
            mode: permission bits of the config.
            owner: owner of the config.
            script_mode: permission bits of the scripts.
            script_owner: owner of the scripts.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named, nothing is written.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        content, local = read_config(checker, config)
        found = scripts_of_config(checker, content, scripts)
        mode = checker.mode("mode", mode)
        script_mode = checker.mode("script_mode", script_mode)
        owner = checker.owner("owner", owner)
        script_owner = checker.owner("script_owner", script_owner)
        checker.finish()
        planned = [
            PlannedFile(place, script, script_mode, script_owner) for place, script in found.items()
        ]
        installed = planned_config(content, mode, owner)
        self._put([*planned, installed])
        if local is not None:
            self._sources[installed.path] = local.resolve()

    def write(
        self, path: str, content: str | bytes, *, mode: int = 0o644, owner: str | int = "root"
    ) -> None:
        """Write a file on the VM, parents included.

        Args:
            path: absolute path on the VM.
            content: text (written as UTF-8) or bytes.
            mode: permission bits.
            owner: name or number of its owner.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        planned = PlannedFile(
            checker.place("path", path),
            checker.content("content", content),
            checker.mode("mode", mode),
            checker.owner("owner", owner),
        )
        checker.finish()
        self._put([planned])

    def copy(
        self,
        local: str | os.PathLike[str],
        path: str,
        *,
        mode: int | None = None,
        owner: str | int = "root",
    ) -> None:
        """Copy a local file, or a directory with all in it, to the VM.

        Args:
            local: local path.
            path: absolute path on the VM that the copy gets.
            mode: permission bits of every file; by default those of the local file.
            owner: name or number of the owner of everything.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        source = checker.local("local", local)
        target = checker.place("path", path)
        who = checker.owner("owner", owner)
        if mode is not None:
            checker.mode("mode", mode)
        checker.finish()
        assert source is not None
        planned = list(planned_copy(source, target, mode, who, checker.mistakes))
        checker.finish()
        self._put(planned)

    # -- look ----------------------------------------------------------------------------------

    def path(self, path: str) -> VmPath:
        """A path on the VM, to read and write like a ``pathlib.Path``.

        Args:
            path: absolute.
        """
        __tracebackhide__ = True
        checker = Checker(self._bases)
        place = checker.place("path", path)
        checker.finish()
        return VmPath(place, self._files)

    def inventory(self) -> Inventory:
        """What lies on the VM of its own: all that scripts, the test and the harness have written.

        Two of them tell what happened between: ``later.since(earlier)``.
        """
        __tracebackhide__ = True
        return self._files.inventory()
