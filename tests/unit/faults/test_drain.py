"""A ground is drained when all its answers hold at once: what was recorded between two questions has still to go its way."""

from __future__ import annotations

import random
from collections.abc import Sequence
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


async def test_an_event_that_was_recorded_between_two_questions_has_all_of_them_asked_again() -> None:
    async def rows(service: str, _query: str, *_arguments: Sequence[str]) -> list[dict[str, Any]]:
        return [{"n": 7 + (service == "payments" and ground.asked > 0)}]

    estate = SimpleNamespace(services=SERVICES, town=SimpleNamespace(rows=rows))
    nobody = cast(Any, None)
    ground = Asked(cast(Any, estate), nobody, Path(), 1, "test", random.Random(1), nobody)
    await ground.drain()
    assert ground.asked == 2


async def test_logs_that_never_rest_are_named() -> None:
    told = iter(range(1_000))

    async def rows(_service: str, _query: str, *_arguments: Sequence[str]) -> list[dict[str, Any]]:
        return [{"n": next(told)}]

    estate = SimpleNamespace(services=SERVICES, town=SimpleNamespace(rows=rows))
    nobody = cast(Any, None)
    ground = Asked(cast(Any, estate), nobody, Path(), 1, "test", random.Random(1), nobody)
    with pytest.raises(AssertionError, match="events were recorded"):
        await ground.drain(within_s=0.1)
