"""The door: what arrives together is one batch, and every caller gets a durable answer or a clear refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chassis.database import Unavailable
from chassis.door import MAX_WAITING, Door
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Refusal, Rejected
from chassis.service import App
from chassis.transaction import Tx
from tests.support.clock import FakeClock
from tests.support.eventually import eventually
from tests.support.service import Harness, settings_for
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, Counted, count, toy

Outcome = Accepted | Rejected


class Held:
    """Counts, but not before it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0
        self.sizes: list[int] = []

    async def __call__(self, tx: Tx, items: Sequence[Add], /) -> list[Outcome]:
        self.begun += 1
        await self.go.wait()
        self.sizes.append(len(items))
        return await count(tx, items)


async def added(h: Harness) -> list[int]:
    return [e.event.by for e in await h.events() if isinstance(e.event, Counted)]


async def test_what_waits_meanwhile_is_the_next_batch_in_order_of_arrival(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        held, key = Held(), new_id()
        door: Door[Add, Outcome] = Door(h.app.batches, held, max_batch=8)
        waiting = [asyncio.create_task(door.submit(Add(key, n))) for n in range(20)]
        await eventually(lambda: held.begun == 1)
        held.go.set()
        answers = await asyncio.gather(*waiting)
        assert held.sizes == [8, 8, 4]
        assert [a.body["seq"] for a in answers if isinstance(a, Accepted)] == list(range(1, 21))
        assert await added(h) == list(range(20))


async def test_who_asks_again_together_shares_one_transaction(stack: Stack) -> None:
    """The first to ask again does not run ahead in a transaction of its own: its neighbours are a turn of the loop behind."""
    async with toy(COUNTING, stack) as h:
        held = Held()
        held.go.set()
        door: Door[Add, Outcome] = Door(h.app.batches, held)

        async def twice(turns: int) -> None:
            for _ in range(2):
                for _ in range(turns):
                    await asyncio.sleep(0)
                await door.submit(Add(new_id(), 1))

        await asyncio.gather(*(twice(turns) for turns in range(32)))
        assert held.sizes == [32, 32]


async def test_who_asks_again_a_little_later_shares_it_too(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over sockets. A batch waits for as many as the last had, and not for ever: the last of all comes alone."""
    async with toy(COUNTING, stack) as h:
        monkeypatch.setattr("chassis.door.LINGER_S", 60)  # a busy machine may stop us for longer than a door waits
        held = Held()
        held.go.set()
        door: Door[Add, Outcome] = Door(h.app.batches, held)
        together = [door.submit(Add(new_id(), 1)) for _ in range(8)]
        await asyncio.gather(*together)

        async def after(pause_s: float) -> None:
            await asyncio.sleep(pause_s)
            await door.submit(Add(new_id(), 1))

        await asyncio.gather(*(after(0.0002 * n) for n in range(8)))
        monkeypatch.undo()
        await door.submit(Add(new_id(), 1))
        assert held.sizes == [8, 8, 1]


async def test_full_queue_refuses_at_once_and_loses_nobody_who_waits(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        held, key = Held(), new_id()
        door: Door[Add, Outcome] = Door(h.app.batches, held)
        first = asyncio.create_task(door.submit(Add(key, 1)))
        await eventually(lambda: held.begun == 1)
        waiting = [asyncio.create_task(door.submit(Add(key, 1))) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await door.submit(Add(key, 1))
        assert (refused.value.rejected.problem.status, refused.value.rejected.problem.code) == (429, "overloaded")
        held.go.set()
        answers = await asyncio.gather(first, *waiting)
        assert len(answers) == MAX_WAITING + 1 and all(isinstance(a, Accepted) for a in answers)


async def test_caller_who_hangs_up_before_the_batch_begins_is_passed_over(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        held = Held()
        door: Door[Add, Outcome] = Door(h.app.batches, held)
        first = asyncio.create_task(door.submit(Add(new_id(), 1)))
        await eventually(lambda: held.begun == 1)
        gone, stays = (asyncio.create_task(door.submit(Add(new_id(), n))) for n in (2, 3))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        held.go.set()
        await asyncio.gather(first, stays)
        assert await added(h) == [1, 3]


async def test_caller_who_hangs_up_while_it_is_decided_harms_nobody_and_what_was_committed_stays(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        held = Held()
        door: Door[Add, Outcome] = Door(h.app.batches, held)
        gone, stays = (asyncio.create_task(door.submit(Add(new_id(), n))) for n in (1, 2))
        await eventually(lambda: held.begun == 1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        held.go.set()
        assert isinstance(await stays, Accepted)
        assert await added(h) == [1, 2]


async def test_item_that_breaks_gets_its_own_error_and_its_neighbours_their_answers(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        door: Door[Add, Outcome] = Door(h.app.batches, count)
        answers = await asyncio.gather(*(door.submit(Add(new_id(), by)) for by in (1, 666, 2)), return_exceptions=True)
        assert [type(a).__name__ for a in answers] == ["Accepted", "ArithmeticError", "Accepted"]


async def test_outage_is_told_to_everybody_who_waits_and_the_door_works_again_afterwards(stack: Stack) -> None:
    class Away(Held):
        async def __call__(self, tx: Tx, items: Sequence[Add], /) -> list[Outcome]:
            outcomes = await super().__call__(tx, items)
            if self.begun == 1:
                raise ConnectionResetError
            return outcomes

    async with toy(COUNTING, stack) as h:
        away = Away()
        away.go.set()
        door: Door[Add, Outcome] = Door(h.app.batches, away)
        answers = await asyncio.gather(*(door.submit(Add(new_id(), 1)) for _ in range(10)), return_exceptions=True)
        assert [type(a) for a in answers] == [Unavailable] * 10
        assert isinstance(await door.submit(Add(new_id(), 1)), Accepted)
        assert await added(h) == [1]


async def test_outage_is_503_with_retry_after_over_http_and_stores_nothing() -> None:
    clock = FakeClock()
    app = App(COUNTING, settings_for(COUNTING, "postgresql://nobody@127.0.0.1:1/none"), clock=clock)
    h = Harness(COUNTING, app, clock)
    answers = await asyncio.gather(
        *(
            h.client.post("/counters", json={"counter_id": str(new_id()), "by": 1}, headers=h.token(roles=["officer"]))
            for _ in range(5)
        )
    )
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(503, "unavailable")] * 5
    assert all(a.headers["retry-after"] for a in answers)
    await h.client.aclose()
    await app.close()


async def test_same_key_twice_over_http_gives_the_first_answer(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        headers = h.token(roles=["officer"])
        form = {"counter_id": str(new_id()), "by": 1}
        answers = await asyncio.gather(*(h.client.post("/counters", json=form, headers=headers) for _ in range(5)))
        assert {(a.status_code, a.content) for a in answers} == {(201, answers[0].content)}
        assert await added(h) == [1]
        other = await h.client.post("/counters", json=form | {"by": 2}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")
        elsewhere = await h.client.post("/counters?times=2", json=form, headers=headers)
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "key_reused"), (
            "a query is part of what is asked"
        )
        missing = await h.client.post("/counters", json=form, headers={"Authorization": headers["Authorization"]})
        assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")
