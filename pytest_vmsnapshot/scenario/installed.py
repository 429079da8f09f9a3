"""Config and scripts of a scenario: read from its file, and installed on a VM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..declared import Table
from ..declared.mistakes import shown
from ..declared.table import is_path
from ..installing import vm_location
from ..machine import VirtualMachine

INSTALL_KEYS = ("config", "scripts", "config_mode", "config_owner", "script_mode", "script_owner")
"""Keys beside ``install`` that ``read_installed`` reads."""


@dataclass(frozen=True, slots=True)
class LocalScript:
    """A script.

    Args:
        written: as the file has it: a local path, or the text.
        content: the local file, or the text.
    """

    written: str
    content: Path | str


@dataclass(frozen=True, slots=True)
class ScriptPair:
    """Both scripts, as ``VirtualMachine.install`` takes them.

    Args:
        pre: the pre-script.
        post: the post-script.
        pre_location: where it lies on the VM.
        post_location: where it lies on the VM.
        pre_params: its arguments.
        post_params: its arguments.
        pre_retries: how often it is tried again.
        post_retries: how often it is tried again.
        timeout: limit in seconds.
        continue_on_failure: whether a script failure falls back.
        fs_freeze: whether the file systems are frozen.
        pre_mode: permission bits.
        post_mode: permission bits.
        pre_owner: name or number.
        post_owner: name or number.
        config_mode: permission bits.
        config_owner: name or number.
    """

    pre: LocalScript
    post: LocalScript
    pre_location: str
    post_location: str
    pre_params: tuple[str, ...]
    post_params: tuple[str, ...]
    pre_retries: int
    post_retries: int
    timeout: int
    continue_on_failure: bool
    fs_freeze: bool
    pre_mode: int
    post_mode: int
    pre_owner: str | int
    post_owner: str | int
    config_mode: int
    config_owner: str | int

    def install(self, vm: VirtualMachine) -> None:
        """Put everything on a VM.

        Raises:
            UsageError: it cannot be put there.
        """
        __tracebackhide__ = True
        vm.install(
            pre=self.pre.content,
            post=self.post.content,
            pre_params=self.pre_params,
            post_params=self.post_params,
            pre_retries=self.pre_retries,
            post_retries=self.post_retries,
            timeout=self.timeout,
            continue_on_failure=self.continue_on_failure,
            fs_freeze=self.fs_freeze,
            pre_location=self.pre_location,
            post_location=self.post_location,
            pre_mode=self.pre_mode,
            post_mode=self.post_mode,
            pre_owner=self.pre_owner,
            post_owner=self.post_owner,
            config_mode=self.config_mode,
            config_owner=self.config_owner,
        )


@dataclass(frozen=True, slots=True)
class OwnConfig:
    """A config as it is, and its scripts, as ``VirtualMachine.install_config`` takes them.

    Args:
        config: the local file, its text, or what it says.
        scripts: the local directory that has them, or each by its path on the VM; None for none.
        mode: permission bits of the config.
        owner: name or number.
        script_mode: permission bits of the scripts.
        script_owner: name or number.
    """

    config: Path | str | Mapping[str, Any]
    scripts: Path | Mapping[str, LocalScript] | None
    mode: int
    owner: str | int
    script_mode: int
    script_owner: str | int

    def install(self, vm: VirtualMachine) -> None:
        """Put everything on a VM.

        Raises:
            UsageError: it cannot be put there.
        """
        __tracebackhide__ = True
        scripts: Path | dict[str, Path | str] | None
        if isinstance(self.scripts, Mapping):
            scripts = {place: script.content for place, script in self.scripts.items()}
        else:
            scripts = self.scripts
        vm.install_config(
            self.config,
            scripts=scripts,
            mode=self.mode,
            owner=self.owner,
            script_mode=self.script_mode,
            script_owner=self.script_owner,
        )


def read_installed(case: Table) -> ScriptPair | OwnConfig | None:
    """Read what config and scripts a case has; None if it has none.

    Args:
        case: has ``install``, or the keys of ``INSTALL_KEYS``.
    """
    install, config = case.table("install"), case.has("config")
    if install is not None and config:
        case.wrong("config", "there are both config and [install]; write one of them")
    beside = [key for key in INSTALL_KEYS if case.has(key)]
    if install is not None:
        if not config:
            for key in beside:
                told = f"{key} goes with config; below [install] there are pre, post and their keys"
                case.wrong(key, told)
        return _pair(install)
    own = _own_config(case) if config else None
    if not config:
        for key in beside:
            case.wrong(key, f'{key} goes with config; write config = "local/path.json"')
    return own


def _pair(table: Table) -> ScriptPair:
    for key in ("pre", "post"):
        if not table.has(key):
            table.missing(key, "write the local path of the script, or its text")
    pre, post = _script(table, "pre"), _script(table, "post")
    found = ScriptPair(
        pre=pre,
        post=post,
        pre_location=table.path("pre_location", vm_location(pre.written, "pre.sh")),
        post_location=table.path("post_location", vm_location(post.written, "post.sh")),
        pre_params=table.texts("pre_params", ()),
        post_params=table.texts("post_params", ()),
        pre_retries=table.whole("pre_retries", 0, 0),
        post_retries=table.whole("post_retries", 0, 0),
        timeout=table.whole("timeout", 30, 1),
        continue_on_failure=table.truth("continue_on_failure", default=True),
        fs_freeze=table.truth("fs_freeze", default=True),
        pre_mode=table.mode("pre_mode", 0o700),
        post_mode=table.mode("post_mode", 0o700),
        pre_owner=table.owner("pre_owner", "root"),
        post_owner=table.owner("post_owner", "root"),
        config_mode=table.mode("config_mode", 0o600),
        config_owner=table.owner("config_owner", "root"),
    )
    if table.has("pre") and table.has("post") and found.pre_location == found.post_location:
        table.wrong(
            "post",
            f"both scripts would lie at {found.pre_location} on the VM; write pre_location and "
            "post_location",
        )
    return found


def _script(table: Table, key: str) -> LocalScript:
    """A script: text with line ends, or a local path."""
    value = table.raw(key)
    if isinstance(value, str) and ("\n" in value or value.startswith("#!")):
        return LocalScript(value, table.text(key, ""))
    local = table.local(key, None)
    if local is not None and not local.is_file():
        table.wrong(key, f"{table.name_of(key)} is {shown(value)}, and {local} is no file")
    return LocalScript(str(value), "" if local is None else local)


def _own_config(case: Table) -> OwnConfig:
    return OwnConfig(
        _config(case),
        _scripts(case),
        case.mode("config_mode", 0o600),
        case.owner("config_owner", "root"),
        case.mode("script_mode", 0o700),
        case.owner("script_owner", "root"),
    )


def _config(case: Table) -> Path | str | Mapping[str, Any]:
    value = case.raw("config")
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str) and ("{" in value or "\n" in value):
        return case.text("config", "")
    local = case.local("config", None)
    if local is not None and not local.is_file():
        case.wrong("config", f"config is {shown(value)}, and {local} is no file")
    return "" if local is None else local


def _scripts(case: Table) -> Path | dict[str, LocalScript] | None:
    if not case.is_table("scripts"):
        local = case.local("scripts", None)
        if local is not None and not local.is_dir():
            case.wrong(
                "scripts",
                f"scripts is {shown(case.raw('scripts'))}, and {local} is no directory; write the "
                'one that has the scripts, or { "/path/on/the/vm" = "local/path" }',
            )
        return local
    table = case.table("scripts")
    assert table is not None
    found = {}
    for place in table.names():
        if not is_path(place):
            told = f"scripts has the key {place!r}; write an absolute path on the VM"
            table.wrong(place, told)
        found[place] = _script(table, place)
    return found
