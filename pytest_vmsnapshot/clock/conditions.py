"""What is asked of the arguments of a system call, inside the filter and outside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What is asked of one argument."""

    POINTER = "is not null"
    TIMEOUT = "is a positive number of 32 bits"
    EQUAL = "is the value"
    DIFFERENT = "is not the value"
    ONE_OF = "is one of the values"
    ANY_BIT = "has one of the bits"
    ELSEWHERE = "the call is not made from within a range of addresses"
    CLOCK = "is a clock that does not count processor time"
    FUTEX_WAIT = "is an operation of futex(2) that waits"


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one argument.

    Args:
        kind: what is asked.
        argument: which, from 0.
        values: for the kinds that compare; of a range its start and its end.
    """

    kind: Kind
    argument: int
    values: tuple[int, ...] = ()

    def holds(self, arguments: tuple[int, ...]) -> bool:
        """The same test, outside the filter."""
        whole = arguments[self.argument]
        value = whole & 0xFFFFFFFF
        match self.kind:
            case Kind.POINTER:
                return whole != 0
            case Kind.TIMEOUT:
                return 0 < value < 1 << 31
            case Kind.EQUAL | Kind.ONE_OF:
                return value in self.values
            case Kind.DIFFERENT:
                return value not in self.values
            case Kind.ANY_BIT:
                return bool(value & self.values[0])
            case Kind.ELSEWHERE:  # whoever asks, outside the filter, is
                return True
            case Kind.CLOCK:
                return value in SHIFTED_CLOCKS
            case Kind.FUTEX_WAIT:
                return value & 0x7F in FUTEX_WAITS


SHIFTED_CLOCKS = frozenset({0, 1, 4, 5, 6, 7, 8, 9, 11})
"""linux/time.h: all clocks but those of processor time (2, 3, and negative numbers)."""

FUTEX_WAITS = (0, 9, 6, 13)
"""linux/futex.h: WAIT, WAIT_BITSET, LOCK_PI, LOCK_PI2; WAIT_REQUEUE_PI is 11."""
