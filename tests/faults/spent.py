"""Where the minutes of a run go: wall seconds by stage, told at its end. Stages follow one another, so their sum is close to the run.

One account per program, because a run is one program; nothing is judged by it.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS: defaultdict[str, float] = defaultdict(float)
_TIMES: Counter[str] = Counter()


@contextmanager
def spending(stage: str) -> Iterator[None]:
    """What the block takes goes to this stage, also when it fails."""
    began = time.monotonic()
    try:
        yield
    finally:
        spend(stage, time.monotonic() - began)


def spend(stage: str, seconds: float) -> None:
    """For what no block holds."""
    _SECONDS[stage] += seconds
    _TIMES[stage] += 1


def told() -> str:
    """A line per stage, the dearest first; nothing when nothing was measured."""
    dearest = sorted(_SECONDS.items(), key=lambda item: -item[1])
    lines = [f"{stage:<24} {seconds:7.1f} s  {_TIMES[stage]:4} ×" for stage, seconds in dearest]
    return "\n".join(["where the time went:", *lines]) if lines else ""
