"""Files by which a VM does what a log tells of another, where the real ones are not to be had."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..config import STOCK_TEMPLATE
from ..engine.effective import can_be_given
from .backups import Ending, LoggedHost, LoggedPlugin, LoggedScript

_HANGS = 4 * 3600
"""Seconds: longer than any limit, and not for ever."""

_POLL_KEY = "ScriptsExecutionPollTimeSeconds"
_USUAL_POLL = 3

_NOT_JSON = '{\n  "pluginName": "ScriptRunner",\n'
"""What no JSON parser takes."""

_NO_INI = "not a Pluginhost file\n"


@dataclass(frozen=True, slots=True)
class StandIn:
    """A file's text, and what in it is no fact of the log.

    Args:
        text: the content.
        notes: each a sentence.
    """

    text: str
    notes: tuple[str, ...] = ()


def script(run: LoggedScript | None, keys: Mapping[str, object]) -> str:
    """A script that ends as the real one did.

    Args:
        run: how that was; None where it never started.
        keys: the settings in effect.
    """
    head = "#!/bin/sh\n# stands in for the real script, and ends as the log says that one did\n"
    if run is None:
        return f"{head}exit 0\n"
    has_no_limit = _is_nan(keys.get("timeoutInSeconds"))
    match run.ending:
        case Ending.GIVEN_UP if has_no_limit:
            return f"{head}exec sleep {_HANGS}\n"
        case Ending.TIMED_OUT:
            return f"{head}exec sleep {_HANGS}\n"
        case Ending.FAILED if run.signal is not None:
            return f"{head}kill -{run.signal} $$\n"
        case Ending.FAILED:
            return f"{head}exit {(run.exit_status or 1) % 256}\n"
        case Ending.GIVEN_UP:
            return f"{head}exit 1\n"
        case _:
            return f"{head}exit 0\n"


def config(
    plugin: LoggedPlugin, pre: str, post: str, given_up: tuple[bool, bool] = (False, False)
) -> StandIn:
    """A config with the settings that the log tells of, or with the fault it tells of.

    Args:
        plugin: what the log says of it.
        pre: path of the pre-script.
        post: path of the post-script.
        given_up: whether the extension gave up waiting for the pre-script, and for the other.
    """
    if plugin.file.refused == 305 and not plugin.missing_key:
        why = plugin.fault or "no reason is told"
        return StandIn(_NOT_JSON, (f"a config that is not JSON stands in; the log says: {why}",))
    notes: list[str] = []
    keys: dict[str, object] = {**STOCK_TEMPLATE, **plugin.keys}
    keys |= {"preScriptLocation": pre, "postScriptLocation": post}
    if plugin.polls and plugin.polls[0] != _USUAL_POLL:
        keys[_POLL_KEY] = plugin.polls[0]
    for name, is_given_up in zip(("pre", "post"), given_up, strict=True):
        if is_given_up and not _is_doomed(keys, name):
            key = f"{name}ScriptNoOfRetries"
            keys[key] = str(keys[key])
            notes.append(
                f"the extension waited for the {name}-script in vain, and the log does not say "
                f"why; {key} as a string, which has that effect, stands in"
            )
    if plugin.missing_key:
        keys.pop(plugin.missing_key, None)
    if plugin.file.refused == 304:
        key = "timeoutInSeconds"
        if plugin.keys:
            key = "postScriptLocation" if plugin.pre.path else "preScriptLocation"
        keys[key] = "30" if key == "timeoutInSeconds" else None
        notes.append(
            f"a wrong type of {key} stands in for a value that the extension failed over; the log "
            f"says: {plugin.fault}"
        )
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in keys.items())
    return StandIn(f"{{\n{lines}\n}}\n", tuple(notes))


def _is_doomed(keys: Mapping[str, object], name: str) -> bool:
    """Whether the settings by themselves let the extension wait for a script in vain."""
    params = keys[f"{name}ScriptParams"]
    if not isinstance(keys["pluginName"], str) or not isinstance(params, list | str | dict):
        return True
    if not isinstance(keys[f"{name}ScriptNoOfRetries"], int | float):
        return True
    if _is_nan(keys["timeoutInSeconds"]):
        return True
    words = [str(param) for param in params]
    return not all(can_be_given(word) for word in words) or any(
        len(word) >= 128 * 1024 for word in words
    )


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def plugin_host(host: LoggedHost, configs: Sequence[str]) -> StandIn:
    """A Pluginhost file that says what the log says of the real one.

    Args:
        host: what the log says.
        configs: where the configs lie.
    """
    if host.fault and not host.after:
        note = f"a Pluginhost file that cannot be read stands in; the log says: {host.fault}"
        return StandIn(_NO_INI, (note,))
    count = len(configs) if host.plugins is None else host.plugins
    limit = 1800 if host.timeout is None else host.timeout
    lines = ["[pre_post]", f"timeoutInSeconds: {limit}", f"numberOfPlugins: {count}"]
    for index, path in enumerate(configs):
        lines += [
            f"pluginName{index}: ScriptRunner",
            f"pluginPath{index}: /etc/azure",
            f"pluginConfigPath{index}: {path}",
        ]
    return StandIn("\n".join(lines) + "\n")
