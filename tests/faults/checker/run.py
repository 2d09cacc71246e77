"""All checks over one world, in order, each by its own file."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.faults.checker import (
    i1_durable,
    i2_once,
    i3_payments,
    i4_notices,
    i5_money,
    i6_order,
    i7_replay,
    i8_archive,
    i9_bad_records,
    i10_clear,
    i11_recovery,
)
from tests.faults.checker.facts import CannotCheck, Facts, Planted
from tests.faults.checker.journal import Journal
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World

Check = Callable[[World, Tally], Awaitable[None]]
INVARIANTS: dict[str, Check] = {
    "I1": i1_durable.check,
    "I2": i2_once.check,
    "I3": i3_payments.check,
    "I4": i4_notices.check,
    "I5": i5_money.check,
    "I6": i6_order.check,
    "I7": i7_replay.check,
    "I8": i8_archive.check,
    "I9": i9_bad_records.check,
    "I10": i10_clear.check,
    "I11": i11_recovery.check,
}


async def check(facts: Facts, journal: Journal, planted: Planted, only: Sequence[str]) -> dict[str, Any]:
    """The report; an invariant without anything to look at is `not_run`. `seconds`: what each took, reading for it included. Raises CannotCheck."""
    if unknown := set(only) - INVARIANTS.keys():
        raise CannotCheck(f"no such invariant: {', '.join(sorted(unknown))}")
    world = World(facts, journal, planted)
    found: list[dict[str, Any]] = []
    seconds: dict[str, float] = {}
    for name in INVARIANTS:
        if name in only:
            tally, began = Tally(name), time.monotonic()
            await INVARIANTS[name](world, tally)
            found.append(tally.as_json())
            seconds[name] = time.monotonic() - began
    return {"invariants": found, "recovery_s": i11_recovery.recovered_after(planted), "seconds": seconds}
