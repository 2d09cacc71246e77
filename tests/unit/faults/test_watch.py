"""The watch of a fault run: what it cannot ask of one side says nothing of the other."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError

from tests.faults import watch
from tests.faults.watch import AWAY, Watch
from tests.support.estate import SERVICES, Estate


class Reader:
    """A connection whose answer comes when the test says so."""

    def __init__(self) -> None:
        self.asked, self.answer, self.terminated = asyncio.Event(), asyncio.Event(), False

    async def fetchval(self, _query: str) -> float:
        self.asked.set()
        await self.answer.wait()
        return 0.0

    def terminate(self) -> None:
        self.terminated = True


async def test_brokers_that_are_away_do_not_end_a_question_to_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_estate: Estate) -> None:
        raise KafkaConnectionError

    monkeypatch.setattr(watch.Lags, "open", away)
    found, readers = Watch(cast(Estate, SimpleNamespace(services=SERVICES))), {name: Reader() for name in SERVICES}
    found._readers.update(cast(Any, readers))
    age = asyncio.create_task(found.unpublished_age())
    await asyncio.gather(*(reader.asked.wait() for reader in readers.values()))
    assert await found.lag() == AWAY
    for reader in readers.values():
        assert not reader.terminated
        reader.answer.set()
    assert await age == 0
