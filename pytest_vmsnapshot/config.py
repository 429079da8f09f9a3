"""The framework's JSON config: its ten keys, the stock template, and what makes one wrong."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

CONFIG_PATH: Final = "/etc/azure/VMSnapshotScriptPluginConfig.json"
PLUGIN_HOST_PATH: Final = "/etc/azure/VMSnapshotPluginHost.conf"

_KEYS_COMPARED = 100
"""Unknown keys among which a misspelt one is looked for; comparing a million takes minutes."""

_DIGITS = 1000
"""Python reads no number of more than some thousand, and says so in words of its own."""

_VALUE_SHOWN = 80
"""Characters of a value in a finding."""

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes: a larger config is taken for a wrong one without being read to its end."""

STOCK_TEMPLATE: Final[Mapping[str, Any]] = {
    "pluginName": "ScriptRunner",
    "preScriptLocation": "",
    "postScriptLocation": "",
    "preScriptParams": ["", ""],
    "postScriptParams": ["", ""],
    "preScriptNoOfRetries": 0,
    "postScriptNoOfRetries": 0,
    "timeoutInSeconds": 30,
    "continueBackupOnFailure": True,
    "fsFreezeEnabled": True,
}
"""The template as Azure Backup hands it out (documentation)."""


@dataclass(frozen=True, slots=True)
class ScriptConfig:
    """A config that is right.

    Args:
        pre_location: path of the pre-script.
        post_location: path of the post-script.
        pre_params: its arguments.
        post_params: its arguments.
        pre_retries: how often the pre-script is tried again after a failure.
        post_retries: how often the post-script is tried again after a failure.
        timeout: limit for each script, all its tries together, in seconds.
        continue_on_failure: whether a script failure falls back instead of failing the backup.
        fs_freeze: whether the file systems are frozen around the snapshot.
    """

    pre_location: str = ""
    post_location: str = ""
    pre_params: tuple[str, ...] = ("", "")
    post_params: tuple[str, ...] = ("", "")
    pre_retries: int = 0
    post_retries: int = 0
    timeout: int = 30
    continue_on_failure: bool = True
    fs_freeze: bool = True

    def to_json(self) -> str:
        """The text of the config file."""
        return json.dumps(
            {
                "pluginName": "ScriptRunner",
                "preScriptLocation": self.pre_location,
                "postScriptLocation": self.post_location,
                "preScriptParams": list(self.pre_params),
                "postScriptParams": list(self.post_params),
                "preScriptNoOfRetries": self.pre_retries,
                "postScriptNoOfRetries": self.post_retries,
                "timeoutInSeconds": self.timeout,
                "continueBackupOnFailure": self.continue_on_failure,
                "fsFreezeEnabled": self.fs_freeze,
            },
            indent=2,
        )


class ConfigIncorrect(Exception):
    """The config is wrong.

    Args:
        findings: everything wrong with it, each a phrase that names the key.
    """

    def __init__(self, findings: tuple[str, ...]) -> None:
        self.findings = findings
        super().__init__("; ".join(findings))


def parse(content: bytes) -> ScriptConfig:
    """Read a config as the documentation describes it.

    Args:
        content: the file's bytes.

    Raises:
        ConfigIncorrect: it is not JSON, a key is missing, or a value has a wrong type. All
            findings are given at once.
    """
    keys = _load(content)
    findings = [finding for key in STOCK_TEMPLATE for finding in _check(key, keys)]
    if findings:
        raise ConfigIncorrect(tuple(findings))
    return ScriptConfig(
        pre_location=keys["preScriptLocation"],
        post_location=keys["postScriptLocation"],
        pre_params=tuple(keys["preScriptParams"]),
        post_params=tuple(keys["postScriptParams"]),
        pre_retries=keys["preScriptNoOfRetries"],
        post_retries=keys["postScriptNoOfRetries"],
        timeout=keys["timeoutInSeconds"],
        continue_on_failure=keys["continueBackupOnFailure"],
        fs_freeze=keys["fsFreezeEnabled"],
    )


def _load(content: bytes) -> dict[str, Any]:
    if len(content) > SIZE_LIMIT:
        raise ConfigIncorrect((f"larger than {SIZE_LIMIT // 1024} KiB",))
    if content.startswith(b"\xef\xbb\xbf"):
        raise ConfigIncorrect(("starts with a byte order mark; save it as UTF-8 without one",))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigIncorrect((f"not UTF-8: byte {error.start} cannot be decoded",)) from None
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigIncorrect((f"not JSON: {error.msg.removesuffix(' at')} at {place}",)) from None
    except RecursionError:
        raise ConfigIncorrect(("not JSON: nested too deeply",)) from None
    except ValueError as error:
        raise ConfigIncorrect((f"not JSON: {error}",)) from None
    if not isinstance(value, dict):
        raise ConfigIncorrect((f"{_kind(value)} where an object is meant",))
    return value


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits)} digits is too long")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _check(key: str, keys: dict[str, Any]) -> list[str]:
    if key not in keys:
        unknown = itertools.islice((k for k in keys if k not in STOCK_TEMPLATE), _KEYS_COMPARED)
        near = difflib.get_close_matches(key, list(unknown), 1)
        return [f"{key} is missing" + (f" (is {near[0]!r} meant?)" if near else "")]
    value = keys[key]
    problem = _problem(key, value)
    return [f"{key} is {problem}"] if problem else []


def _problem(key: str, value: Any) -> str:
    """Say what is wrong with a value; nothing when it is right."""
    stock = STOCK_TEMPLATE[key]
    if isinstance(stock, bool):
        if value in ("true", "false", "True", "False"):
            return f"the string {value!r} where true or false is meant, without quotes"
        return "" if isinstance(value, bool) else f"{_kind(value)} where true or false is meant"
    if isinstance(stock, int):
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{_kind(value)} where a whole number is meant"
        least = 1 if key == "timeoutInSeconds" else 0
        return "" if value >= least else f"{_shown(value)}, below {least}"
    if isinstance(stock, list):
        if not isinstance(value, list):
            return f"{_kind(value)} where a list of strings is meant"
        wrong = next((item for item in value if not isinstance(item, str)), None)
        if any(not isinstance(item, str) for item in value):
            return f"a list with {_kind(wrong)} in it, where strings are meant"
        return ""
    if not isinstance(value, str):
        return f"{_kind(value)} where a string is meant"
    if key == "pluginName" and value != stock:
        return f"{_shown(value)}, which must be left as {stock!r}"
    return ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _VALUE_SHOWN else f"{text[:_VALUE_SHOWN]}..."


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
