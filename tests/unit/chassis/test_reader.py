"""A keeper hands records on as they are, and acknowledges nothing that was not kept."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chassis import reader
from chassis.database import Unavailable
from chassis.reader import Keeper
from chassis.records import Coordinates, Record

RECORDS = [Record(Coordinates("perisai.audit", 0, offset), None, None, ()) for offset in range(3)]


class Store:
    """Fails as often as it is told to."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls: list[Sequence[Record]] = []

    async def keep(self, found: Sequence[Record]) -> None:
        self.calls.append(found)
        if len(self.calls) <= self.failures:
            raise Unavailable("away")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FIRST_WAIT_S", 0.001)


async def test_what_no_consumer_could_read_is_kept_too() -> None:
    store = Store(0)
    await Keeper("audit", store.keep, service="audit").consume(RECORDS)
    assert store.calls == [RECORDS]


async def test_an_outage_is_waited_out_with_the_whole_batch() -> None:
    store = Store(2)
    keeper = Keeper("audit", store.keep, service="audit")
    await keeper.consume(RECORDS)
    assert store.calls == [RECORDS] * 3
    assert keeper.waiting_because is None


async def test_an_outage_that_outlasts_patience_is_handed_back() -> None:
    store = Store(1_000)
    keeper = Keeper("audit", store.keep, service="audit", patience_s=0)
    with pytest.raises(Unavailable, match="outlasted"):
        await keeper.consume(RECORDS)
    assert keeper.waiting_because == "Unavailable"


async def test_a_process_that_stops_waits_for_nothing() -> None:
    store = Store(1_000)
    keeper = Keeper("audit", store.keep, service="audit")
    keeper.end()
    with pytest.raises(Unavailable):
        await keeper.consume(RECORDS)
    assert len(store.calls) == 1
