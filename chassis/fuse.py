"""A fuse for consumers: after too many failures it is better to stop than to park or dead-letter a whole day.

A bad deploy fails every event alike. The fuse counts what reached a verdict (seen again and not-yet do not count) and blows at `in_a_row`
failures, or when more than `ratio` of the last `window` failed, once `enough` of them are known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from copy import deepcopy


class FuseBlown(RuntimeError):
    """The consumer stopped; an operator looks at the parked keys and dead letters and restarts the process."""


class Fuse:
    def __init__(self, *, in_a_row: int = 20, window: int = 1_000, ratio: float = 0.05, enough: int = 400) -> None:
        self._in_a_row, self._ratio, self._enough = in_a_row, ratio, enough
        self._recent: deque[bool] = deque(maxlen=window)
        self._failures = 0
        self._streak = 0

    def record(self, *, failed: bool) -> None:
        """One verdict. Raises FuseBlown."""
        if len(self._recent) == self._recent.maxlen:
            self._failures -= self._recent[0]
        self._recent.append(failed)
        self._failures += failed
        self._streak = self._streak + 1 if failed else 0
        if self._streak >= self._in_a_row:
            raise FuseBlown(f"{self._streak} failures in a row")
        if len(self._recent) >= self._enough and self._failures > self._ratio * len(self._recent):
            raise FuseBlown(f"{self._failures} of the last {len(self._recent)} failed")

    def foresee(self, verdicts: Iterable[bool]) -> None:
        """Whether these verdicts (True: failed) would blow it; records nothing. Raises FuseBlown."""
        ahead = deepcopy(self)
        for failed in verdicts:
            ahead.record(failed=failed)
