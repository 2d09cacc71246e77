"""Load, decide, append, project on a real PostgreSQL: conflicts, poison, discipline, group commit, idempotency keys."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.batches import Broken, WroteWhileLoading
from chassis.database import Unavailable
from chassis.door import Door
from chassis.idempotency import Answer, Idempotent, Keyed
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.tables import person_keys
from chassis.transaction import Projection, Recorded, Scope, Tx
from contracts.sealed import Sealed
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, Counted, Note, count, count_after_writing, counters, toy


async def stored(h: Harness) -> dict[UUID, tuple[int, int]]:
    async with h.app.read() as conn:
        return {row.id: (row.total, row.events) for row in await conn.execute(sa.select(counters))}


async def test_items_of_one_batch_follow_one_another_on_their_key(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        one, other = new_id(), new_id()
        outcomes = await h.run(count, [Add(one, 1), Add(other, 5), Add(one, 2)])
        assert [o.body["seq"] for o in outcomes if isinstance(o, Accepted)] == [1, 1, 2]
        assert await stored(h) == {one: (3, 2), other: (5, 1)}
        assert (await h.replay()).equal


async def test_refusal_is_an_outcome_and_records_nothing(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        one = new_id()
        refused, accepted = await h.run(count, [Add(one, -1), Add(one, 2)])
        assert isinstance(refused, Rejected) and isinstance(accepted, Accepted)
        assert await stored(h) == {one: (2, 1)}


async def test_sixteen_writers_on_few_keys_leave_no_hole_and_no_double(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = [new_id() for _ in range(4)]
        await asyncio.gather(
            *(h.run(count, [Add(keys[(w + i) % 4], 1) for i in range(3)]) for w in range(16) for _ in range(4))
        )
        events = await h.events()
        for key in keys:
            assert [e.envelope.seq for e in events if e.envelope.key == str(key)] == list(range(1, 49))
        assert await stored(h) == dict.fromkeys(keys, (48, 48))


async def test_poison_item_ends_alone_and_its_neighbours_are_durable(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = [new_id() for _ in range(9)]
        outcomes = await h.run(count, [Add(key, 666 if n == 4 else 1) for n, key in enumerate(keys)])
        assert [isinstance(o, Broken) for o in outcomes] == [n == 4 for n in range(9)]
        assert set(await stored(h)) == set(keys) - {keys[4]}


async def test_a_row_wrongly_taken_for_new_is_tried_once_more_and_no_oftener(stack: Stack) -> None:
    def takes_all_for_new(vault: Vault) -> Projection:
        async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
            await rows.insert(conn, counters, [{"id": UUID(e.envelope.key), "total": 0, "events": 1} for e in events])

        return project

    runs: list[int] = []

    async def counted(tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
        runs.append(len(items))
        return await count(tx, items)

    async with toy(replace(COUNTING, projection=takes_all_for_new), stack) as h:
        known, new = new_id(), new_id()
        await h.run(count, [Add(known, 1)])
        broken, taken = await h.run(counted, [Add(known, 1), Add(new, 1)])
        assert isinstance(broken, Broken) and isinstance(broken.error, IntegrityError)
        assert isinstance(taken, Accepted)
        assert runs == [2, 2, 1, 1, 1], "the batch twice, the culprit twice, its neighbour once"


async def test_person_whose_key_is_not_at_hand_is_an_outage_and_breaks_nothing(stack: Stack) -> None:
    async def about_a_stranger(tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
        await tx.heads("counters", [item.counter_id for item in items])
        for item in items:
            event = Counted(counter_id=item.counter_id, by=1, note=Sealed(item.counter_id, Note(text="private")))
            tx.record(event, key=item.counter_id, meta=item.meta, scope=Scope(), rules="toy/1")
        return [Accepted({}) for _ in items]

    async with toy(COUNTING, stack) as h:
        with pytest.raises(Unavailable):
            await h.run(about_a_stranger, [Add(new_id(), 1), Add(new_id(), 1)])
        assert await h.events() == []


async def test_keys_of_new_persons_are_known_only_once_they_are_durable(stack: Stack) -> None:
    async def registers_then_breaks(tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
        outcomes = await count(tx, items)
        raise ArithmeticError("after the key was made") if outcomes else AssertionError

    async with toy(COUNTING, stack) as h:
        broken, kept = new_id(), new_id()
        await h.run(registers_then_breaks, [Add(broken, 1, note="private")])
        await h.run(count, [Add(kept, 1, note="private")])
        assert list(h.app.keys.cache) == [kept]
        async with h.app.read() as conn:
            stored = (await conn.execute(sa.select(person_keys.c.subject))).scalars().all()
        assert list(stored) == [kept]


async def test_use_case_that_writes_while_loading_is_caught(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        (outcome,) = await h.run(count_after_writing, [Add(new_id(), 1)])
        assert isinstance(outcome, Broken) and isinstance(outcome.error, WroteWhileLoading)
        assert await stored(h) == {}


@pytest.mark.parametrize("size", [1, 500])
async def test_a_batch_costs_the_same_statements_for_any_size(stack: Stack, size: int) -> None:
    async with toy(COUNTING, stack) as h:
        before, commits = h.app.counters.statements, h.app.counters.commits
        await h.run(count, [Add(new_id(), 1) for _ in range(size)])
        # heads, the check of the loading discipline, append, projection
        assert (h.app.counters.statements - before, h.app.counters.commits - commits) == (4, 1)


async def test_requests_that_wait_together_share_a_commit(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        door = Door(h.app.batches, count)
        commits = h.app.counters.commits
        outcomes = await asyncio.gather(*(door.submit(Add(new_id(), 1)) for _ in range(100)))
        assert all(isinstance(o, Accepted) for o in outcomes)
        assert h.app.counters.commits - commits <= 3


class TestIdempotencyKeys:
    def keyed(self, add: Add, key: str, content: bytes = b"a", actor: str = "agent-1") -> Keyed[Add]:
        return Keyed(actor, key, content, add.meta.correlation_id, add)

    async def test_repeat_gets_the_first_answer_and_does_nothing(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            add = Add(new_id(), 1)
            (first,) = await h.run(Idempotent(count), [self.keyed(add, "k")])
            (again,) = await h.run(Idempotent(count), [self.keyed(add, "k")])
            assert again == first == Answer(201, {"counter_id": str(add.counter_id), "seq": 1})
            assert await stored(h) == {add.counter_id: (1, 1)}

    async def test_repeat_in_the_same_batch_joins_the_first(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            add = Add(new_id(), 1)
            answers = await h.run(Idempotent(count), [self.keyed(add, "k"), self.keyed(add, "k")])
            assert answers[0] == answers[1]
            assert await stored(h) == {add.counter_id: (1, 1)}

    async def test_racing_repeats_take_effect_once(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            add = Add(new_id(), 1)
            answers = await asyncio.gather(*(h.run(Idempotent(count), [self.keyed(add, "k")]) for _ in range(8)))
            assert len({str(answer) for (answer,) in answers}) == 1
            assert await stored(h) == {add.counter_id: (1, 1)}

    async def test_other_body_under_the_same_key_is_refused(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            add = Add(new_id(), 1)
            await h.run(Idempotent(count), [self.keyed(add, "k")])
            (refused,) = await h.run(Idempotent(count), [self.keyed(add, "k", b"b")])
            assert isinstance(refused, Answer) and (refused.status, refused.body["code"]) == (422, "key_reused")

    async def test_business_refusal_is_repeated_too(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            refused = self.keyed(Add(new_id(), -1), "k")
            (first,) = await h.run(Idempotent(count), [refused])
            (again,) = await h.run(Idempotent(count), [refused])
            assert again == first and isinstance(first, Answer) and first.status == 422

    async def test_keys_of_other_actors_are_independent(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            add = Add(new_id(), 1)
            answers = await h.run(
                Idempotent(count), [self.keyed(add, "k"), self.keyed(add, "k", b"b", actor="agent-2")]
            )
            assert [a.status for a in answers if isinstance(a, Answer)] == [201, 201]
