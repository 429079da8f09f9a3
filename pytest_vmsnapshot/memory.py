"""VMs in memory: the same lifecycle and rules, scripts that are Python functions, no real time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self, TypedDict, Unpack

from pyfakefs.fake_filesystem import FakeFilesystem
from pyfakefs.fake_filesystem_unittest import Pause

from . import engine
from .clock import MemoryClock
from .errors import UsageError
from .fault_checks import FaultOptions
from .guest.memory import MemoryGuest
from .guest.python_script import PythonScript, ScriptContext, ScriptExit
from .installing import Checker, Script, vm_location
from .machine import VirtualMachine
from .settings import Settings, Source, resolve
from .storage import PauseAndCopy
from .volumes import Disks

__all__ = ["InstallOptions", "MemoryMachine", "PythonScript", "ScriptContext", "ScriptExit"]


class InstallOptions(TypedDict, total=False):
    """The keywords of ``VirtualMachine.install`` besides the scripts; they mean the same here."""

    pre_params: Sequence[str]
    post_params: Sequence[str]
    pre_retries: int
    post_retries: int
    timeout: int
    continue_on_failure: bool
    fs_freeze: bool
    pre_location: str | None
    post_location: str | None
    pre_mode: int
    post_mode: int
    pre_owner: str | int
    post_owner: str | int
    config_mode: int
    config_owner: str | int


class MemoryMachine(VirtualMachine):
    """A VM in memory, on a fake file system of pyfakefs.

    Config, permission rules, lifecycle and verdict are those of every other VM. Its scripts are
    Python functions ``(ScriptContext) -> int | ScriptExit | None``, and its clock moves only when
    one of them sleeps. While it is open the user of the fake file system is root.

    Args:
        fs: the fake file system, such as pyfakefs's fixture ``fs``; it is made to imitate Linux.
        rules: the rule set.
        disks: how many disks Azure sees.
        deployment: ``resource-manager`` or ``classic``.
        os: ``linux`` or ``windows``, as Azure sees it.
        platform: what the platform tells the extension of a backup.
        mounts: what is mounted, as rows of device, kind, file system type and place.
        agent_umask: file mode mask the scripts inherit.
        agent_env: changes to the environment they inherit; None removes a variable.
        directories: more directories that exist from the start, absolute.
        allow: names of findings that are not told.
        faults: what goes wrong from the start: freeze and snapshot.
        bases: local directories against which relative paths are looked up, in order.
        pass_through: exceptions that leave ``backup()`` when a script raises them, besides
            ``AssertionError`` and what is no ``Exception``.

    Raises:
        UsageError: an argument no VM can have, or a file system that imitates Windows or macOS and
            has files already.
    """

    def __init__(
        self,
        fs: FakeFilesystem,
        *,
        rules: str = "documented",
        disks: int | None = None,
        deployment: str = "resource-manager",
        os: str = "linux",
        platform: Mapping[str, object] | engine.Platform | None = None,
        mounts: Sequence[tuple[str, str, str, str] | engine.Mount] | None = None,
        agent_umask: int | None = None,
        agent_env: Mapping[str, str | None] | None = None,
        directories: Sequence[str] = (),
        allow: Sequence[str] = (),
        faults: FaultOptions | None = None,
        bases: Sequence[Path] = (),
        pass_through: tuple[type[BaseException], ...] = (),
    ) -> None:
        values = {
            "rules": rules,
            "disks": disks,
            "deployment": deployment,
            "os": os,
            "platform": platform,
            "mounts": mounts,
            "agent_umask": agent_umask,
            "agent_env": agent_env,
            "directories": list(directories),
            "allow": allow,
            "faults": faults,
        }
        settings: Settings = resolve([Source("MemoryMachine()", values)]).settings
        clock = MemoryClock()
        self._fs = fs
        self._memory = MemoryGuest(fs, clock, settings.directories, pass_through)
        super().__init__(
            self._memory,
            PauseAndCopy(self._memory),
            clock,
            engine.RULE_SETS[settings.rules],
            settings.vm_facts(),
            bases,
            allow=settings.allow,
            disks=Disks(settings.disks, settings.mounts),
        )
        self.begin_with(settings.faults)

    def __enter__(self) -> Self:
        return self

    def script(self, path: str, function: PythonScript) -> None:
        """Say what a script does that was, or will be, put on the VM as a file.

        This is for deployment code that writes its files by itself. The file stays as it is, and
        its mode, owner and kind count.

        Args:
            path: absolute path on the VM; a link to the script will do as well.
            function: called with a ``ScriptContext`` each time the framework starts the script.

        Raises:
            UsageError: an argument cannot be meant.
        """
        checker = Checker(())
        place = checker.place("path", path)
        _check_function(checker, function)
        checker.finish()
        self._memory.script(place, function)

    def install(
        self,
        *,
        pre: PythonScript | Script,
        post: PythonScript | Script,
        **options: Unpack[InstallOptions],
    ) -> None:
        """Install a config and both scripts.

        A function is installed as a real file with a mode and an owner, at
        ``/opt/vmsnapshot/pre.sh`` and ``/opt/vmsnapshot/post.sh`` unless ``pre_location`` and
        ``post_location`` say otherwise. What is given as a local path or as text is installed as
        it is; ``script()`` says what it does.

        Args:
            pre: the pre-script.
            post: the post-script.
            **options: the same keywords as those of ``VirtualMachine.install``.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named, nothing is written.
        """
        functions = {}
        files: list[Script] = []
        for name, script in (("pre", pre), ("post", post)):
            if not callable(script):
                files.append(script)
                continue
            stand_in = _stand_in(script)
            files.append(stand_in)
            location = options.get(f"{name}_location")
            functions[name] = (location or vm_location(stand_in, f"{name}.sh"), script)
        with contextlib.nullcontext() if len(functions) == 2 else self._files_of_the_host():
            super().install(pre=files[0], post=files[1], **options)
        for location, function in functions.values():
            self._memory.script(str(location), function)

    def install_config(
        self,
        config: str | bytes | os.PathLike[str] | Mapping[str, Any],
        *,
        scripts: str
        | os.PathLike[str]
        | Mapping[str, PythonScript]
        | Mapping[str, Script]
        | Mapping[str, PythonScript | Script]
        | None = None,
        mode: int = 0o600,
        owner: str | int = "root",
        script_mode: int = 0o700,
        script_owner: str | int = "root",
    ) -> None:
        """Install a config exactly as it is, valid or not.

        Args:
            config: a local path, a mapping to be dumped as JSON, JSON text, or raw bytes.
            scripts: a mapping of VM paths to functions, or as for ``VirtualMachine``. Without it
                no script is installed.
            mode: permission bits of the config.
            owner: owner of the config.
            script_mode: permission bits of the scripts.
            script_owner: owner of the scripts.

        Raises:
            UsageError: an argument cannot be meant; all mistakes are named, nothing is written.
        """
        functions: dict[str, PythonScript] = {}
        files: str | os.PathLike[str] | dict[str, Script] | None
        if isinstance(scripts, Mapping):
            files = {}
            for place, script in scripts.items():
                if callable(script):
                    functions[place] = script
                    files[place] = _stand_in(script)
                else:
                    files[place] = script
        else:
            files = scripts
        with self._files_of_the_host():
            super().install_config(
                config,
                scripts=files,
                mode=mode,
                owner=owner,
                script_mode=script_mode,
                script_owner=script_owner,
            )
        for place, function in functions.items():
            self._memory.script(place, function)

    def copy(
        self,
        local: str | os.PathLike[str],
        path: str,
        *,
        mode: int | None = None,
        owner: str | int = "root",
    ) -> None:
        """Copy a local file, or a directory with all in it, from the host's disk to the VM.

        Args:
            local: local path on the host, not in the fake file system.
            path: absolute path on the VM that the copy gets.
            mode: permission bits of every file; by default those of the local file.
            owner: name or number of the owner of everything.
        """
        with self._files_of_the_host():
            super().copy(local, path, mode=mode, owner=owner)

    def run(self, command: str | Sequence[str], **options: object) -> NoReturn:  # noqa: ARG002
        """A VM in memory runs no commands.

        Raises:
            UsageError: always; it says what to write instead.
        """
        raise UsageError(
            f"the command {command!r} cannot be run: a VM in memory has no shell and no "
            "programs; call the Python function under test itself, look at files with "
            "memory_vm.path(), or use the fixture vm"
        )

    def start(self, command: str | Sequence[str], **options: object) -> NoReturn:
        """A VM in memory runs no commands.

        Raises:
            UsageError: always; it says what to write instead.
        """
        self.run(command, **options)

    @contextlib.contextmanager
    def _files_of_the_host(self) -> Iterator[None]:
        """Local paths are those of the host, even while pyfakefs hides them."""
        if not self._fs.has_patcher or not self._fs.patcher.is_patching:
            yield
            return
        with Pause(self._fs):
            yield


def _check_function(checker: Checker, value: object) -> None:
    if not callable(value):
        checker.mistakes.append(
            f"function is {value!r}; write a function that takes a ScriptContext and returns its "
            "exit status"
        )


def _stand_in(function: Callable[..., object]) -> str:
    """What lies on the VM where a function is installed."""
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"#!/usr/bin/env python3\n# runs {getattr(function, '__module__', '?')}.{name}\n"
