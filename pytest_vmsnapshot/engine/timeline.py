"""The events of one backup, collected while it runs."""

from __future__ import annotations

from ..backup import Event, EventKind, Step
from ..protocols import Clock


class Timeline:
    """Collects events with the time since the backup began.

    Args:
        clock: the VM's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self.origin = clock.now()
        """Second of the VM's clock at which the backup began."""

    def add(
        self,
        step: Step,
        text: str,
        at: float | None = None,
        kind: EventKind = EventKind.STEP,
    ) -> None:
        """Record an event.

        Args:
            step: the step it belongs to.
            text: what happened.
            at: second of the VM's clock; now when it is None.
            kind: what sort of thing happened.
        """
        moment = self._clock.now() if at is None else at
        self._events.append(Event(moment - self.origin, step, text, kind))

    def events(self) -> tuple[Event, ...]:
        """All events, by time."""
        return tuple(sorted(self._events, key=lambda event: event.at))
