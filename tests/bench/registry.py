"""Which benchmark is which module. A module has `async def run(ground: Ground, findings: Findings) -> Sequence[Result]`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Sequence

from tests.bench.ground import Ground
from tests.bench.report import Findings
from tests.bench.rounds import Result

Run = Callable[[Ground, Findings], Awaitable[Sequence[Result]]]

MODULES = {
    "B1": "b1_accept",
    "B2": "b2_relay",
    "B3": "b3_effects",
    "B4": "b4_bank_callback",
    "B5": "b5_replay",
    "B6": "b6_latency",
    "B7": "b7_whole_path",
    "B9": "b9_scale_out",
    "B10": "b10_import",
    "B12": "b12_incentives",
}
NOT_BUILT = {
    "B8": "the portal is not built yet, and fairness is measured beside its pages",
    "B11": "the portal is not built yet",
}
GIVE_WAY = ("B6", "B7", "B9")
"""Played last: in them every process steps back behind the generator (`tests.bench.priority`), and only root could bring it forward again."""
ALL = tuple(sorted((f"B{number}" for number in range(1, 13)), key=lambda name: name in GIVE_WAY))
"""In the order in which they are played."""
ON_THREE_BROKERS = ("B2", "B3", "B6", "B7")
"""Repeated on three brokers when BROKERS=3."""


def find(benchmark: str) -> Run | str:
    """The benchmark, or why there is none."""
    if benchmark in NOT_BUILT:
        return NOT_BUILT[benchmark]
    name = f"tests.bench.{MODULES[benchmark]}"
    if importlib.util.find_spec(name) is None:
        return "not written yet"
    run: Run | None = getattr(importlib.import_module(name), "run", None)
    return run if run is not None else "not written yet"
