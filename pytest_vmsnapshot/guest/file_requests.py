"""What an agent does with the files of its VM for the harness."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from typing import Any, ClassVar

from ..clock.keeping import Keeper
from . import files, wire
from .fault_requests import ServesFaults
from .layer import CopiedLayer
from .trees import remove_tree


class ServesFiles(ServesFaults):
    """The part of an agent that puts files in place, and reads them.

    Args:
        sock: the way to the harness.
        keeper: gives what keeps the VM's time.
        layer: what a snapshot copies.
    """

    def __init__(
        self, sock: socket.socket, keeper: Callable[[], Keeper], layer: CopiedLayer
    ) -> None:
        super().__init__(sock, keeper)
        self._layer = layer

    def install(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Put a file in place."""
        answer = files.install(request.body, request.fds[0], self._names)
        self._layer.put(request.body["path"])
        return answer

    def examine(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """State the facts of paths, with the beginning of each file's content."""
        limit = request.body["read_limit"]
        self._names.refresh()
        paths = request.body["paths"]
        return {"facts": [files.examine(path, self._names, limit) for path in paths]}

    def read(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Hand out a descriptor of a file's content."""
        fds.append(files.open_regular(request.body["path"]))
        return {}

    def walk(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """List all paths below a directory."""
        return {"paths": files.walk(request.body["path"])}

    def inventory(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """List what the VM has of its own."""
        return {"files": list(self._layer.census())}

    def make_directory(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Make a directory and its parents."""
        return files.make_directory(request.body, self._names)

    def remove(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Remove a file or a whole directory."""
        path = request.body["path"]
        if stat.S_ISDIR(os.lstat(path).st_mode):
            remove_tree(path)
        else:
            os.unlink(path)
        return {}

    file_requests: ClassVar = {
        "install": install,
        "examine": examine,
        "read": read,
        "walk": walk,
        "inventory": inventory,
        "make_directory": make_directory,
        "remove": remove,
    }
