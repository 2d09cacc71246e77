"""Nobody asks faster than was agreed: each caller has a rate and two seconds of it in hand, per process.

The generic cell rate algorithm (ITU-T I.371): one moment per caller says all, so a request costs a look into a dictionary.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from chassis.problems import OVERLOADED, Refusal, Rejected

BURST_S: Final = 2.0
MOST_CALLERS: Final = 10_000
"""Callers remembered; one who is forgotten begins anew."""


class Rates:
    """`per_s`: requests a second that one caller may make in the long run; 0: any number. `now`: seconds that only grow."""

    def __init__(self, per_s: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._every_s = 1 / per_s if per_s else 0.0
        self._now = now
        self._due: dict[str, float] = {}

    def admits(self, caller: str) -> bool:
        """Whether this request of the caller is within the rate; one that is not does not count."""
        now = self._now()
        due = max(self._due.pop(caller, now), now)
        admitted = due - now <= BURST_S
        self._due[caller] = due + self._every_s if admitted else due
        if len(self._due) > MOST_CALLERS:
            del self._due[next(iter(self._due))]  # who has not asked for the longest time
        return admitted

    def admit(self, caller: str) -> None:
        """Raises Refusal `overloaded` for a request above the rate."""
        if not self.admits(caller):
            raise Refusal(Rejected(OVERLOADED))
