"""Places on the VM that both the engine and the guests must agree on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CONFIG_DIRECTORY: Final = "/etc/azure"
"""Where the config lies; every VM has it, empty."""

EXTENSION_DIRECTORY: Final = (
    "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9120.0"
)
"""Where the backup extension lives, and where its scripts start (ENGINE.md)."""

BUNDLED_PLUGIN_HOST_PATH: Final = f"{EXTENSION_DIRECTORY}/VMSnapshotPluginHost.conf"
"""The Pluginhost file that comes with the extension."""

FREEZE_HELPER_PATH: Final = f"{EXTENSION_DIRECTORY}/safefreeze/bin/safefreeze"
"""The program by which the extension freezes; on the VM a stand-in that is never run."""

_PLUGIN_HOST_TEXT = f"""\
[pre_post]
timeoutInSeconds = 1800
numberOfPlugins = 1
pluginName0 = ScriptRunner
pluginPath0 = {CONFIG_DIRECTORY}
pluginConfigPath0 = {CONFIG_DIRECTORY}/VMSnapshotScriptPluginConfig.json
""".encode("ascii")

_FREEZE_HELPER_TEXT = b"#!/bin/sh\n# a stand-in: the harness freezes by itself\nexit 1\n"

EXTENSION_FILES: Final[Mapping[str, tuple[int, bytes]]] = MappingProxyType(
    {
        BUNDLED_PLUGIN_HOST_PATH: (0o644, _PLUGIN_HOST_TEXT),
        FREEZE_HELPER_PATH: (0o700, _FREEZE_HELPER_TEXT),
    }
)
"""Files of the extension that decide something: each with its mode and content."""
