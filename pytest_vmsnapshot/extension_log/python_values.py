"""Values as Python 2 and 3 write them into a log: ``True``, ``['', '']``, ``None``, ``inf``."""

from __future__ import annotations

import ast
import math
import re
from typing import TypeGuard

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_WORDS: dict[str, object] = {"True": True, "False": False, "None": None}
_FLOATS = {"inf": math.inf, "nan": math.nan, "-inf": -math.inf, "Infinity": math.inf}
_POLL_STEPS = (3, 1, 2, 4, 5)
"""Seconds: the usual one, and the others that can be set."""

_ROUNDING = 1e-6

_LONGEST_NUMBER = 1000
"""Digits; Python refuses to read some thousand."""


def read_value(text: str) -> object:
    """The value of a JSON config that Python's ``str`` has written.

    A string is written bare, so what looks like none of the others is one. A string that looks like
    a number or a list cannot be told from it.

    Args:
        text: as it stands in the log.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text in _FLOATS:
        return _FLOATS[text]
    if _NUMBER.fullmatch(text) and len(text) <= _LONGEST_NUMBER:
        return float(text) if re.search(r"[.eE]", text) else int(text)
    if text[:1] + text[-1:] in ("[]", "{}"):
        try:
            return _of(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return text
    return text


def _of(node: ast.expr) -> object:
    """The value of an expression that is nothing but a value.

    Raises:
        ValueError: it is more.
    """
    match node:
        case ast.Constant(value=str() | int() | float() | None):
            return node.value
        case ast.Name(id=name) if name in _FLOATS:
            return _FLOATS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _of(operand)
            if isinstance(number, int | float):
                return -number
            raise ValueError("no number")
        case ast.List(elts=items):
            return [_of(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {
                str(_of(key)): _of(value)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case _:
            raise ValueError("no value of JSON")


def poll_steps(timeout: object, count: object) -> tuple[int, ...]:
    """Seconds between two looks at a script, from how many looks fit into its limit.

    Args:
        timeout: the limit in seconds.
        count: that number: exact in Python 3, and without its fraction in Python 2.

    Returns:
        All that can be meant, the usual one first; none where it cannot be told.
    """
    if not _is_finite(timeout) or not _is_finite(count) or not timeout:
        return ()
    if isinstance(count, int):
        steps = [step for step in _POLL_STEPS if timeout // step == count]
    else:
        steps = [step for step in _POLL_STEPS if abs(timeout / step - count) < _ROUNDING]
    return tuple(steps)


def _is_finite(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and math.isfinite(value)
