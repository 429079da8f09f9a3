"""Places on the VM that both the engine and the guests must agree on."""

from __future__ import annotations

from typing import Final

CONFIG_DIRECTORY: Final = "/etc/azure"
"""Where the config lies; every VM has it, empty."""

EXTENSION_DIRECTORY: Final = (
    "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9120.0"
)
"""Where the backup extension lives, and where its scripts start (ENGINE.md)."""
