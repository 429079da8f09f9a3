"""Configs and scripts as authors write them, for checks to be made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pytest_vmsnapshot.config import STOCK_TEMPLATE
from pytest_vmsnapshot.contract.check import NAMES
from pytest_vmsnapshot.contract.contract import Contract
from pytest_vmsnapshot.contract.settings import settings_near

CONFIG = "VMSnapshotScriptPluginConfig.json"

GOOD_PRE = """\
#!/bin/sh
set -eu
appctl pause
touch /run/app.paused
"""

GOOD_POST = """\
#!/bin/sh
set -eu
appctl resume
rm -f /run/app.paused
"""


def write(
    place: Path,
    pre: str | bytes = GOOD_PRE,
    post: str | bytes = GOOD_POST,
    *,
    keys: Mapping[str, object] | None = None,
    settings: str = "",
) -> Path:
    """Write a pair of scripts with its config; returns the config."""
    place.mkdir(parents=True, exist_ok=True)
    for name, text in (("pre.sh", pre), ("post.sh", post)):
        (place / name).write_bytes(text.encode() if isinstance(text, str) else text)
    usual = {
        "preScriptLocation": "/opt/app/pre.sh",
        "postScriptLocation": "/opt/app/post.sh",
        "preScriptParams": [],
        "postScriptParams": [],
    }
    config = place / CONFIG
    config.write_text(json.dumps({**STOCK_TEMPLATE, **usual, **(keys or {})}, indent=2))
    if settings:
        (place / "vmsnapshot.toml").write_text(settings)
    return config


def contract(config: Path) -> Contract:
    return Contract.read(config, settings_near(config, config.parent, NAMES))
