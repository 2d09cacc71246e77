"""A ground is drained when all its answers hold at once: what was recorded between two questions has still to go its way."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults.ground import Ground
from tests.support.estate import SERVICES


class Asked(Ground):
    """Nothing is ever on its way, and while the first question is answered payments records an event."""

    asked = 0

    async def _on_its_way(self, spare: set[str]) -> str:
        self.asked += 1
        return ""


def ground(recorded: Callable[[str], int]) -> Asked:
    """`recorded`: service → how many events are in its log when it is asked."""

    async def rows(service: str, _query: str, *_arguments: Sequence[str]) -> list[dict[str, Any]]:
        return [{"n": recorded(service)}]

    estate = SimpleNamespace(services=SERVICES, town=SimpleNamespace(rows=rows))
    nobody = cast(Any, None)
    return Asked(cast(Any, estate), nobody, Path(), 1, "test", random.Random(1), nobody)


async def test_an_event_that_was_recorded_between_two_questions_has_all_of_them_asked_again() -> None:
    resting = ground(lambda service: 7 + (service == "payments" and resting.asked > 0))
    await resting.drain()
    assert resting.asked == 2


async def test_logs_that_never_rest_are_named() -> None:
    told = itertools.count()
    with pytest.raises(AssertionError, match="events were recorded"):
        await ground(lambda _service: next(told)).drain(within_s=0.1)
