"""A guest in memory: files in a fake file system of pyfakefs, scripts as Python functions."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import stat
from collections.abc import Iterator, Sequence

from pyfakefs.fake_filesystem import FakeFilesystem, OSType
from pyfakefs.helpers import get_gid, get_uid, set_gid, set_uid

from ..clock import MemoryClock
from ..errors import GuestDied, UsageError
from ..inventory import Inventory
from ..layout import CONFIG_DIRECTORY, EXTENSION_DIRECTORY, EXTENSION_FILES
from ..output import UNREAD_CAPACITY, Output
from ..protocols import Execution, FileFacts, FileKind, Launch, LayerCopy, PointFiles, Process
from . import python_script
from .memory_point import MemoryPoint
from .memory_process import MemoryProcess
from .memory_volumes import MemoryVolumes
from .no_doubles import NoDoubles
from .no_faults import NoFaults
from .python_script import PythonScript

_DIRECTORIES = (
    CONFIG_DIRECTORY,
    EXTENSION_DIRECTORY,
    *("/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/bin", "/usr/local/bin", "/var/log"),
)
"""What a VM in memory has from the start."""

_USERS = {
    "root": 0,
    "daemon": 1,
    "www-data": 33,
    "backup": 34,
    "postgres": 101,
    "mysql": 102,
    "azureuser": 1000,
    "nobody": 65534,
}
"""Users of a VM that has no /etc/passwd, with their numbers."""

_KINDS = {
    stat.S_IFREG: FileKind.FILE,
    stat.S_IFDIR: FileKind.DIRECTORY,
    stat.S_IFIFO: FileKind.FIFO,
    stat.S_IFSOCK: FileKind.SOCKET,
}

_HEAD_SIZE = 256
"""Bytes read of a script to see its interpreter line."""

_FREE_LAUNCHES = 100
_LAUNCH_TIME = 0.001
"""Seconds a launch takes after the first free ones, so that retries without end reach a limit."""


_CANNOT_OPEN = 2
"""Exit status of a shell whose script is not there."""


class MemoryGuest(MemoryVolumes, NoDoubles, NoFaults):
    """A VM in memory. While it is open the user of the fake file system is root.

    Args:
        fs: the fake file system; it is made to imitate Linux.
        clock: the VM's clock.
        directories: directories that exist from the start, besides the usual ones.
        pass_through: exceptions of a script that are no outcome of it, besides those of
            ``python_script.run``.

    Raises:
        UsageError: the file system imitates another system and has files already.
    """

    name = "memory"
    runs_programs = False

    def __init__(
        self,
        fs: FakeFilesystem,
        clock: MemoryClock,
        directories: Sequence[str] = (),
        pass_through: tuple[type[BaseException], ...] = (),
    ) -> None:
        super().__init__(fs)
        self._fs = fs
        self._clock = clock
        self._pass_through = pass_through
        self._scripts: dict[str, PythonScript] = {}
        self._points: dict[str, MemoryPoint] = {}
        self._stopped: list[str] = []
        self._closed = False
        if not fs.is_linux:
            if MemoryPoint(fs).size:
                raise UsageError(
                    f"the fake file system imitates {fs.os.name.capitalize()} and has files "
                    "already, but the VM is a Linux one; make the VM before you write files, "
                    "or write fs.os = OSType.LINUX first"
                )
            fs.os = OSType.LINUX
        self._user = (get_uid(), get_gid())
        _become(0, 0)
        for directory in (*_DIRECTORIES, *directories):
            fs.makedirs(directory, 0o755, exist_ok=True)
        for path, (mode, text) in EXTENSION_FILES.items():
            if not fs.exists(path):
                fs.create_file(path, stat.S_IFREG | mode, contents=text, apply_umask=False)

    def modelled(self) -> tuple[str, ...]:
        """What a guest in memory cannot do for real."""
        stopped = tuple(
            f"{path} was stopped at its limit: a Python function cannot run on beside the rest"
            for path in dict.fromkeys(self._stopped)
        )
        return ("scripts ran as Python functions of the test, on a file system in memory", *stopped)

    def close(self, *, wait: bool = True) -> None:  # noqa: ARG002
        """Let go of all copies and give the fake file system its user back: nothing takes time."""
        if self._closed:
            return
        self._closed = True
        for point in self._points.values():
            point.close()
        _become(*self._user)

    def script(self, path: str, function: PythonScript) -> None:
        """Say what the script at a path does.

        Args:
            path: absolute path on the VM.
            function: called each time the framework starts the script.
        """
        self._scripts[posixpath.normpath(path)] = function

    # -- files -----------------------------------------------------------------------------

    def examine(self, paths: Sequence[str], read_limit: int) -> tuple[FileFacts, ...]:
        """State the facts of paths and read up to ``read_limit`` bytes of each regular file."""
        with self._as_root():
            return tuple(self._examine(path, read_limit) for path in paths)

    def _examine(self, path: str, read_limit: int) -> FileFacts:
        fs = self._fs
        try:
            file = fs.resolve(path)
        except (FileNotFoundError, NotADirectoryError):
            return FileFacts(path, FileKind.ABSENT, dangling=fs.islink(path))
        except OSError as error:
            return FileFacts(path, FileKind.UNREADABLE, error=error.errno or errno.EIO)
        except ValueError:  # a NUL character
            return FileFacts(path, FileKind.ABSENT)
        kind = _KINDS.get(stat.S_IFMT(file.st_mode), FileKind.DEVICE)
        content = None
        if read_limit and kind is FileKind.FILE:
            content = (file.byte_contents or b"")[:read_limit]
        mode = stat.S_IMODE(file.st_mode)
        owner = self._name_of(file.st_uid)
        return FileFacts(path, kind, mode, owner, file.st_uid, content=content)

    def install(self, path: str, content: bytes | int, mode: int, owner: str) -> None:
        """Put a file in place, parents included; anything but a directory there is replaced.

        Args:
            path: absolute path.
            content: its bytes, or a descriptor of a local file to copy.
            mode: permission bits.
            owner: name or number.

        Raises:
            OSError: it cannot be put there, or the VM has no such user.
        """
        if isinstance(content, int):
            with open(content, "rb", closefd=False) as local:
                content = local.read()
        with self._as_root():
            user = self._number_of(owner)
            fs = self._fs
            fs.makedirs(posixpath.dirname(path), 0o755, exist_ok=True)
            if fs.exists(path, check_link=True):
                if fs.isdir(path, follow_symlinks=False):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
                fs.remove_object(path)
            kind_and_mode = stat.S_IFREG | mode
            file = fs.create_file(path, kind_and_mode, contents=content, apply_umask=False)
            file.st_uid = file.st_gid = user

    def make_directory(self, path: str, mode: int, owner: str) -> None:
        """Make a directory and its parents, or take the one that is there."""
        with self._as_root():
            user = self._number_of(owner)
            self._fs.makedirs(path, 0o755, exist_ok=True)
            directory = self._fs.resolve(path)
            directory.st_mode = stat.S_IFDIR | mode
            directory.st_uid = directory.st_gid = user

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all in it."""
        with self._as_root():
            self._fs.remove_object(path)

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            OSError: as for a local file.
        """
        return self._look().read_bytes(path)

    def walk(self, path: str) -> list[str]:
        """Every path below a directory, sorted."""
        return self._look().walk(path)

    def inventory(self) -> Inventory:
        """What lies on the VM: all of it is its own."""
        return self._look().inventory()

    def _look(self) -> MemoryPoint:
        with self._as_root():
            return MemoryPoint(self._fs, self._on_no_disk)

    # -- users -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _as_root(self) -> Iterator[None]:
        """The framework is root, whoever the test has become meanwhile."""
        if self._closed:
            raise GuestDied("the VM is closed")
        user = (get_uid(), get_gid())
        _become(0, 0)
        try:
            yield
        finally:
            _become(*user)

    def _users(self) -> dict[str, int]:
        """Users by name: those of the VM's /etc/passwd, or of a table where it has none."""
        try:
            content = self._fs.resolve("/etc/passwd").byte_contents or b""
        except OSError:
            return _USERS
        rows = [line.split(":") for line in content.decode("utf-8", "replace").splitlines()]
        return {row[0]: int(row[2]) for row in rows if len(row) >= 4 and row[2].isdecimal()}

    def _number_of(self, owner: str) -> int:
        users = self._users() if owner != "root" else _USERS
        if owner in users:
            return users[owner]
        if owner.isdecimal():
            return int(owner)
        raise OSError(errno.ENOENT, f"the VM has no user {owner!r}", owner)

    def _name_of(self, number: int) -> str:
        if number == 0:
            return "root"
        return next((name for name, uid in self._users().items() if uid == number), str(number))

    # -- scripts ---------------------------------------------------------------------------

    def execute(self, launch: Launch, deadline: float | None) -> Execution:
        """Call the function of a script, as root, in its directory and with its umask.

        Raises:
            UsageError: nobody said what the script does, or it returned no exit status.
        """
        (facts,) = self.examine((launch.script,), _HEAD_SIZE)
        number = _refusal(facts)
        if number:
            now = self._clock.now()
            return Execution(now, now, launch_errno=number, launch_text=os.strerror(number))
        if launch.attempt > _FREE_LAUNCHES:
            self._clock.advance_to(self._clock.now() + _LAUNCH_TIME)
        return self._call(launch, deadline)

    def start(self, launch: Launch, deadline: float) -> MemoryProcess:
        """Call the function of a script that an interpreter runs and whose output nobody reads.

        It has ended when this returns: a function cannot run on beside others.

        Args:
            launch: the script.
            deadline: second of the VM's clock at which it is stopped.

        Raises:
            UsageError: nobody said what the script does, or it returned no exit status.
        """
        path = posixpath.join(launch.cwd, launch.script)
        (facts,) = self.examine((path,), 0)
        if facts.kind is not FileKind.FILE:
            now = self._clock.now()
            said = Output(f"{launch.argv[0]}: 0: cannot open {path}\n".encode())
            return MemoryProcess(Execution(now, now, exit_status=_CANNOT_OPEN, error_output=said))
        execution = self._call(launch, deadline, UNREAD_CAPACITY)
        if execution.timed_out:
            self._stopped.append(launch.script)
        return MemoryProcess(execution)

    def watch(self, processes: Sequence[Process], until: float) -> None:
        """Let time pass until a moment, unless all have ended."""
        if any(process.execution is None for process in processes):
            self._clock.advance_to(until)

    def _call(
        self, launch: Launch, deadline: float | None, capacity: int | None = None
    ) -> Execution:
        function = self._function(posixpath.join(launch.cwd, launch.script))
        with self._as_root(), self._inside(launch):
            return python_script.run(
                function, launch, self._clock, deadline, self._pass_through, capacity
            )

    def _function(self, path: str) -> PythonScript:
        place = posixpath.normpath(path)
        if place in self._scripts:
            return self._scripts[place]
        resolved = self._fs.resolve_path(place)
        for known, function in self._scripts.items():
            if self._fs.exists(known) and self._fs.resolve_path(known) == resolved:
                return function
        raise UsageError(
            f"the script {path} lies on the VM, but a VM in memory cannot run files; say what "
            f"it does: memory_vm.script({path!r}, function), where function(context) returns "
            "its exit status"
        )

    @contextlib.contextmanager
    def _inside(self, launch: Launch) -> Iterator[None]:
        fs = self._fs
        before = (fs.cwd, fs.umask)
        fs.cwd, fs.umask = launch.cwd, launch.umask
        try:
            yield
        finally:
            fs.cwd, fs.umask = before

    # -- pause and copy --------------------------------------------------------------------

    def pause(self, deadline: float | None) -> Sequence[str]:  # noqa: ARG002
        """Nothing runs meanwhile, so there is nothing to stop."""
        return ()

    def resume(self, frozen: object = None) -> None:
        """Nothing was stopped."""

    def copy_layer(self, name: str, deadline: object, crash: object = None) -> LayerCopy:  # noqa: ARG002
        """Copy the tree."""
        point = self._points[name] = self._look()
        return LayerCopy(point.files, point.size, unseen="a VM in memory sees no syncs")

    def open_point(self, name: str) -> PointFiles:
        """Access to a copy's files."""
        return self._points[name]


def _become(uid: int, gid: int) -> None:
    set_uid(uid)
    set_gid(gid)


def _refusal(facts: FileFacts) -> int:
    """Errno with which the kernel would refuse to start a script, or 0."""
    if facts.kind is FileKind.ABSENT:
        return errno.ENOENT
    if facts.kind is FileKind.UNREADABLE:
        return facts.error
    if facts.kind is not FileKind.FILE or not facts.mode & 0o111:
        return errno.EACCES
    line = (facts.content or b"").split(b"\n", 1)[0]
    if line.startswith(b"#!") and line.endswith(b"\r"):
        return errno.ENOENT  # there is no interpreter whose name ends in a carriage return
    return 0
