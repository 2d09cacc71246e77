"""One act on a ground: load, a fault, recovery, drain, verdict. Crash rounds, random kills and environment cells are all played here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tests.faults.cells import Injected
from tests.faults.ground import Ground
from tests.faults.results import Played, now, recovered_after, recovery
from tests.faults.spent import spend, spending
from tests.support.eventually import eventually


async def play(
    ground: Ground,
    name: str,
    inject: Callable[[], Awaitable[Injected]],
    *,
    registrations: int,
    per_s: float,
    budget_s: float,
    invariants: Sequence[str],
    rows: int = 0,
) -> Played:
    """Plays one act; `rows`: people who come by a file meanwhile, load like the others.

    What does not drain is judged all the same: what was lost never arrives. Raises AssertionError when the fault or the recovery does not come to
    its end, or the drain does not and no violation explains it, or the load was turned away: then nothing was proved.
    """
    began, ground.per_s = now(), per_s
    ground.driver.refused.clear()
    people, payers = len(ground.driver.people), len(ground.driver.payers)
    async with ground.watch.open() as watch:
        watch.samples.clear()
        async with ground.load(registrations, per_s=per_s):
            with spending("striking"):
                injected = await inject()
            records_per_s = ground.per_s * ground.records_per_person * (1 + rows / max(registrations, 1))
            with spending("recovering"):
                await eventually(
                    lambda: watch.well(since=injected.ended_at, per_s=records_per_s),
                    within_s=max(3 * budget_s, 60),
                    what="processes ready and events flowing again",
                )
            well_at = now()
        spend("rest of the load", now() - well_at)
        samples = [one for one in watch.samples if injected.until is None or one[0] <= injected.until]
        told = recovery(samples, ended_at=injected.ended_at, budget_s=budget_s, per_s=records_per_s)
    parked = {str(one["key"]) for one in injected.planted.get("parked", ())}
    undrained: AssertionError | None = None
    try:
        with spending("draining"):
            await ground.drain(spare=[*parked])
    except AssertionError as error:
        undrained = error
    ground.remember(injected.planted)
    with spending("judging"):
        verdict = await ground.check(name, invariants, {**ground.planted, "recovery": told})
    found = [_with_own(one, injected.found) for one in verdict]
    if undrained is not None and not any(one["violations"] for one in found):
        raise undrained
    assert not ground.driver.refused, f"registrations were refused, by status: {ground.driver.refused}"
    return Played(
        injected,
        found,
        recovered_after(told),
        per_s=ground.per_s,
        registrations=len(ground.driver.people) - people,
        payments=len(ground.driver.payers) - payers,
        duration_s=now() - began,
    )


def _with_own(found: dict[str, Any], own: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, Any]:
    """The checker's word and what the cell itself saw while it ran."""
    seen = own.get(found["id"], ())
    if not seen:
        return found
    first = [*found["first"], *seen][:5]
    return {**found, "status": "fail", "violations": found["violations"] + len(seen), "first": first}
