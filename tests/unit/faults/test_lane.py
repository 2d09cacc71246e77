"""A violation in a packed round stays in the report, even if it does not come again when its points are struck one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.faults.grounds import Grounds
from tests.faults.lane import Lane
from tests.faults.points import POINTS, Point
from tests.faults.results import Result
from tests.unit.faults.test_results import held
from tests.unit.faults.test_results import result as passing

FIRST, SECOND = POINTS[:2]


def result(cell: str, **changes: Any) -> Result:
    """A cell of this name that passes, but for what is changed."""
    return replace(passing(**changes), cell=cell)


def lane() -> Lane:
    """Whoever strikes one point alone finds nothing."""
    found = Lane(cast(Grounds, None), tier="long", tell=lambda text: None)

    async def alone(points: Sequence[Point], action: str) -> list[Result]:
        return [result(cell=f"crash.{points[0].id}.{action}")]

    found._round = alone  # type: ignore[method-assign]
    return found


def packed(**violated: int) -> list[Result]:
    """Two points of one round, judged together."""
    seen: list[dict[str, Any]] = [held(name, status="fail", violations=n) for name, n in violated.items()]
    return [result(cell=f"crash.{point.id}.kill", invariants=seen or [held()]) for point in (FIRST, SECOND)]


@pytest.mark.parametrize("invariant", ["I1", "I2", "I6", "I10"])
async def test_what_was_lost_or_doubled_in_a_round_is_a_cell_of_its_own(invariant: str) -> None:
    results = packed(**{invariant: 1})
    found = await lane()._alone([FIRST, SECOND], "kill", results)
    assert [(one.cell, one.status) for one in found] == [
        (f"crash.{FIRST.id}.kill", "pass"),
        (f"crash.{SECOND.id}.kill", "pass"),
        (f"crash.{FIRST.id}+{SECOND.id}.kill", "fail"),
    ]


async def test_lateness_of_a_round_is_judged_one_by_one() -> None:
    results = packed(I11=1)
    found = await lane()._alone([FIRST, SECOND], "kill", results)
    assert [one.cell for one in found] == [f"crash.{FIRST.id}.kill", f"crash.{SECOND.id}.kill"]
    assert {one.status for one in found} == {"pass"}


async def test_a_round_without_a_violation_is_not_played_again() -> None:
    results = packed()
    assert await lane()._alone([FIRST, SECOND], "kill", results) == results


def test_a_random_kill_is_replayed_as_it_was_asked() -> None:
    found = Lane(cast(Grounds, None), tier="long", tell=lambda text: None, patience=2, brokers=3)
    one = result(cell="random.kill", planned=75, fired=75)
    found._enter([one])
    assert one.replay == "make faults CELL=random.kill SEED=7 TIER=long KILLS=75 BROKERS=3 PATIENCE=2"
