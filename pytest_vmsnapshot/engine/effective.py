"""What the framework makes of a config: what it starts, how often, for how long.

Under strict types a config is right or wrong. Otherwise every value is taken as Python takes it,
and some wrong ones only matter once they are used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import catalogue, config
from ..catalogue import ErrorKind
from .rules import RuleSet

_LONGEST = 10.0 * 365 * 24 * 3600
"""Seconds: no limit is longer, so that no config can overflow a clock."""

_POLL_KEY = "ScriptsExecutionPollTimeSeconds"


class ConfigRefused(Exception):
    """No script can run with this config.

    Args:
        kind: how the framework calls it.
        why: what is wrong, as a phrase.
    """

    def __init__(self, kind: ErrorKind, why: str) -> None:
        self.kind = kind
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class ScriptOrder:
    """How one script is run.

    Args:
        location: its path.
        params: its arguments.
        retries: how often it is tried again after a failure.
        unstartable: why it can never be started, or nothing.
        uncountable: why nobody can tell whether it is tried again, or nothing.
    """

    location: str
    params: tuple[str, ...] = ()
    retries: int = 0
    unstartable: str = ""
    uncountable: str = ""


@dataclass(frozen=True, slots=True)
class EffectiveConfig:
    """A config as it is acted upon.

    Args:
        pre: the pre-script.
        post: the post-script.
        timeout: the limit of each script in seconds; not a number where nobody can tell.
        poll: seconds between two looks at a script; 0 where its end is noticed at once.
        continue_on_failure: whether a script failure falls back instead of failing the backup.
        undecidable: why nobody can tell that once a script has failed, or nothing.
        fs_freeze: whether the file systems are frozen around the snapshot.
        fs_freeze_is_false: whether fsFreezeEnabled is false, and not just something like it.
        named_timeout: whether the config says timeoutInSeconds.
    """

    pre: ScriptOrder
    post: ScriptOrder
    timeout: float
    poll: int = 0
    continue_on_failure: bool = True
    undecidable: str = ""
    fs_freeze: bool = True
    fs_freeze_is_false: bool = False
    named_timeout: bool = True

    @property
    def is_doomed(self) -> bool:
        """Whether the framework may have to wait for a script in vain."""
        orders = (self.pre, self.post)
        faults = [fault for order in orders for fault in (order.unstartable, order.uncountable)]
        return math.isnan(self.timeout) or any(faults)

    @property
    def limit(self) -> float:
        """Seconds after which nobody waits for a script any longer.

        Where it is looked at in steps that is the first step at or after the timeout.
        """
        if math.isnan(self.timeout):
            return _LONGEST
        if not self.poll:
            return self.timeout
        return max(0, math.ceil(self.timeout / self.poll)) * float(self.poll)


def read(content: bytes, rules: RuleSet, cap: float) -> EffectiveConfig:
    """Read a config.

    Args:
        content: the file's bytes.
        rules: how.
        cap: seconds that no limit exceeds.

    Raises:
        ConfigRefused: no script can run with it.
    """
    return _strict(content, cap) if rules.strict_types else _lenient(content, rules, cap)


def _strict(content: bytes, cap: float) -> EffectiveConfig:
    try:
        found = config.parse(content)
    except config.ConfigIncorrect as incorrect:
        raise ConfigRefused(catalogue.INCORRECT_CONFIG_FILE, str(incorrect)) from None
    return EffectiveConfig(
        ScriptOrder(found.pre_location, found.pre_params, found.pre_retries),
        ScriptOrder(found.post_location, found.post_params, found.post_retries),
        min(found.timeout, cap, _LONGEST),
        continue_on_failure=found.continue_on_failure,
        fs_freeze=found.fs_freeze,
        fs_freeze_is_false=not found.fs_freeze,
    )


def _lenient(content: bytes, rules: RuleSet, cap: float) -> EffectiveConfig:
    keys = _loaded(content)
    for key in rules.required_keys:
        if key not in keys:
            raise ConfigRefused(catalogue.INCORRECT_CONFIG_FILE, f"{key} is missing")
    timeout = keys.get("timeoutInSeconds", rules.default_timeout)
    if not isinstance(timeout, int | float):
        raise _blown_up("timeoutInSeconds", timeout)
    undecidable = ""
    goes_on = keys.get("continueBackupOnFailure", True)
    if not isinstance(goes_on, int):
        undecidable = f"continueBackupOnFailure is {_shown(goes_on)}, not true or false"
    fs_freeze = keys.get("fsFreezeEnabled", True)
    return EffectiveConfig(
        _order("pre", keys),
        _order("post", keys),
        max(min(timeout, cap), -_LONGEST),
        poll=_poll(keys, rules),
        continue_on_failure=bool(goes_on),
        undecidable=undecidable,
        fs_freeze=bool(fs_freeze),
        fs_freeze_is_false=isinstance(fs_freeze, int | float) and fs_freeze == 0,
        named_timeout="timeoutInSeconds" in keys,
    )


def _loaded(content: bytes) -> Mapping[str, Any]:
    if len(content) > config.SIZE_LIMIT:
        size = config.SIZE_LIMIT // 1024
        raise ConfigRefused(catalogue.INCORRECT_CONFIG_FILE, f"larger than {size} KiB")
    try:
        keys = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise ConfigRefused(catalogue.INCORRECT_CONFIG_FILE, f"not JSON: {why}") from None
    if not isinstance(keys, dict):
        why = f"{_shown(keys)} where an object is meant"
        raise ConfigRefused(catalogue.CONFIG_TYPES, why)
    return keys


def _order(name: str, keys: Mapping[str, Any]) -> ScriptOrder:
    """How a script is run.

    Raises:
        ConfigRefused: its location is no path.
    """
    location = keys[f"{name}ScriptLocation"]
    label = keys.get("pluginName", "")
    params = keys.get(f"{name}ScriptParams", [])
    retries = keys.get(f"{name}ScriptNoOfRetries", 0)
    unstartable = uncountable = ""
    if not isinstance(label, str):
        unstartable = f"pluginName is {_shown(label)}, not a string"
    elif not isinstance(params, list | str | dict):
        unstartable = f"{name}ScriptParams is {_shown(params)}, not a list"
    if not isinstance(retries, int | float):
        uncountable = f"{name}ScriptNoOfRetries is {_shown(retries)}, not a number"
    return ScriptOrder(
        location,
        tuple(str(item) for item in params) if not unstartable else (),
        int(retries) if isinstance(retries, int) else 0,
        unstartable,
        uncountable,
    )


def location_fault(key: str, location: object) -> ConfigRefused | None:
    """Say that a script's location is no path at all."""
    return None if isinstance(location, str) else _blown_up(key, location)


def can_be_given(param: str) -> bool:
    """Whether a parameter can be handed to a program: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in param.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


def _poll(keys: Mapping[str, Any], rules: RuleSet) -> int:
    value = keys.get(_POLL_KEY, rules.poll_step)
    try:
        seconds = int(value)
    except ValueError:
        why = f"{_POLL_KEY} is {_shown(value)}, not a number"
        raise ConfigRefused(catalogue.INCORRECT_CONFIG_FILE, why) from None
    except (TypeError, OverflowError):
        raise _blown_up(_POLL_KEY, value) from None
    return seconds if 1 <= seconds <= 5 else rules.poll_step


def _blown_up(key: str, value: object) -> ConfigRefused:
    """A value the extension fails over, and then takes its own Pluginhost file for the culprit."""
    why = f"{key} is {_shown(value)}, which the extension cannot take"
    return ConfigRefused(catalogue.CONFIG_TYPES, why)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}..."
