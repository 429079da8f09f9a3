"""What freezes a file system, and thaws it: requests of ioctl(2), linux/fs.h."""

from __future__ import annotations

FIFREEZE = 0xC0045877
FITHAW = 0xC0045878
