"""What neighbours of a bad record may feel, and what may be left of a command that died with its server."""

from __future__ import annotations

import pytest

from tests.faults.checker.i1_durable import _Books, _gone
from tests.faults.checker.journal import Command
from tests.faults.checker.tally import Tally
from tests.faults.environment.waits import percentile, undisturbed


def test_the_percentile_is_the_nearest_rank() -> None:
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([5.0], 99) == 5.0


@pytest.mark.parametrize(("before_s", "beside_s", "holds"), [(0.8, 1.6, True), (0.8, 1.7, False), (0.1, 0.9, True)])
def test_neighbours_may_wait_twice_as_long_and_a_second_in_any_case(
    before_s: float, beside_s: float, holds: bool
) -> None:
    found = undisturbed("payments", before_s=before_s, beside_s=beside_s)
    assert ("I9" not in found) == holds


@pytest.mark.parametrize("left", ["nothing", "an answer", "an event"])
def test_of_a_lost_command_nothing_may_be_left(left: str) -> None:
    command = Command("registration", "agent-1", "key-1", "/participants", "participants", {"request-1"})
    answers: dict[tuple[str, str], dict[str, object]] = {("agent-1", "key-1"): {}} if left == "an answer" else {}
    tally = Tally("I1")
    _gone(tally, command, _Books(answers, {"request-1": []} if left == "an event" else {}, {}))
    assert (tally.checked, tally.violations) == (1, int(left != "nothing"))
