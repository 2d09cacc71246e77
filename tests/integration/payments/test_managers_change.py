"""An agent leaves in the middle of a month, his people come to the branch and then to another agent: registration decides, payments pays.

Both services run here on databases of their own; what one writes in its log is delivered to the other as Kafka would, byte for byte.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis import eventlog
from chassis.ids import new_id
from chassis.records import Coordinates, Record
from services.payments.app import SERVICE as PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from tests.integration.payments.agency import close_month
from tests.integration.payments.bank import Bank, at, code
from tests.integration.registration.test_departures import (
    DISMISSAL,
    DROP,
    another_agent,
    depart,
    reassign,
    reassigned,
)
from tests.integration.registration.world import World
from tests.support.service import Harness, harness
from tests.support.stack import Stack

_OFFSETS = itertools.count()
PRICE = 36_800
RATE = PRICE * 15 // 100
"""Of months 1 to 24 under one agent, scheme NEW."""


@dataclass
class Both:
    """`told`: up to which position each log was delivered."""

    registration: Harness
    payments: Harness
    told: dict[str, int] = field(default_factory=dict)

    async def settle(self) -> None:
        """What either wrote reaches the other, until nothing is new."""
        while await self._carry(self.registration, self.payments) + await self._carry(self.payments, self.registration):
            pass

    async def _carry(self, source: Harness, to: Harness) -> int:
        query = sa.text(
            f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE position > :after ORDER BY position"
        )
        async with source.app.read() as conn:
            rows = (await conn.execute(query, {"after": self.told.get(source.service.name, 0)})).all()
        to.app.keys.cache.update(source.app.keys.cache)
        for row in rows:
            self.told[source.service.name] = row.position
            envelope = eventlog.envelope_of(row, source.service.name)
            topic = source.service.catalogue.topics[envelope.stream]
            if topic in to.consumers:
                place = Coordinates(f"perisai.{topic}", 0, next(_OFFSETS))
                headers = tuple(envelope.to_headers())
                (outcome,) = await to.deliver(Record(place, envelope.key.encode(), bytes(row.payload), headers))
                assert type(outcome).__name__ == "Done", (envelope.type, outcome)
        return len(rows)

    async def statement(self, agent_id: UUID, month: str) -> Any:
        path = f"/incentives/agents/{agent_id}/statements/{month}"
        response = await self.payments.client.get(path, headers=self.payments.token(roles=["central"]))
        assert response.status_code == 200, response.text
        return response.json()

    async def close(self, year: int, month: int) -> None:
        """The run of the month before is worked off."""
        self.registration.clock.set(at(year, month, 5))
        await self.settle()
        await close_month(self.payments, at(year, month, 5))


@pytest.fixture
async def both(stack: Stack) -> AsyncIterator[Both]:
    async with harness(REGISTRATION, stack) as registration, harness(PAYMENTS, stack) as payments:
        yield Both(registration, payments)
        for one in (registration, payments):
            outcome = await one.replay()
            assert outcome.equal, outcome.differences


async def opened(both: Both) -> World:
    """A branch with a Wadah and an active agent, where everybody pays over SNAP."""
    bank = await Bank(both.payments).enable()

    class Paying(World):
        async def pay(self, participant_id: UUID, *months: str, **how: Any) -> Any:
            """What is owed now."""
            await both.settle()
            number = (await self.seen(participant_id))["contribution_code"]
            assert code(await bank.buy(number)) == "2002500"
            await both.settle()

    return await Paying.opened(both.registration)


async def test_the_months_after_the_decision_are_those_of_the_new_manager(both: Both) -> None:
    world = await opened(both)
    person, other = await world.registered(), await another_agent(world)
    await world.pay(person)
    both.registration.clock.set(at(2025, 10, 20))
    both.payments.clock.set(at(2025, 10, 20))
    await depart(world, DROP)
    assert await world.h.due("handover") >= 1
    await both.close(2025, 11)
    assert (await both.statement(world.agent_id, "2025-10"))["agent"] == RATE  # he managed October
    await world.pay(person)  # November is the branch's
    await reassign(world, [person], other)
    assert str((await reassigned(world))[-1].from_month) == "2025-12"
    await both.close(2025, 12)
    november = [(await both.statement(agent, "2025-11"))["agent"] for agent in (world.agent_id, other)]
    assert november == [0, 0]
    await world.pay(person)  # December is the other agent's
    await both.close(2026, 1)
    december = [(await both.statement(agent, "2025-12"))["agent"] for agent in (world.agent_id, other)]
    assert december == [0, RATE]


async def test_an_agent_who_was_dismissed_is_paid_nothing_that_was_unpaid(both: Both) -> None:
    world = await opened(both)
    person = await world.registered()
    await world.pay(person)
    await both.close(2025, 11)
    assert (await both.statement(world.agent_id, "2025-10"))["payable"] == RATE
    await world.pay(person)  # November, which he manages to its end
    await depart(world, DISMISSAL)
    await both.close(2025, 12)
    november = await both.statement(world.agent_id, "2025-11")
    assert (november["received"], november["payable"], november["adjustments"]) == (0, 0, [])


class TestSight:
    """Who manages a participant sees and bills him in payments, from the decision on; who no longer does, does not."""

    async def test_what_the_agent_saw_is_seen_by_the_branch_and_then_by_the_next_agent(self, both: Both) -> None:
        world = await opened(both)
        person, other = await world.registered(), await another_agent(world)
        await world.pay(person)
        await both.settle()
        first, second = (
            both.payments.token(roles=["agent"], agent_id=one, wadah_id=world.wadah_id, branch_id=world.branch_id)
            for one in (world.agent_id, other)
        )
        (paid,) = (await both.payments.client.get(f"/payments?participant_id={person}", headers=first)).json()
        assert await doors(both, person, paid["payment_id"], first) == OPEN
        assert await doors(both, person, paid["payment_id"], second) == SHUT
        await reassign(world, [person], None)
        await both.settle()
        for agent in (first, second):
            assert await doors(both, person, paid["payment_id"], agent) == SHUT
        officer = both.payments.token(roles=["officer"], branch_id=world.branch_id)
        assert await doors(both, person, paid["payment_id"], officer) == OPEN
        await reassign(world, [person], other)
        await both.settle()
        assert await doors(both, person, paid["payment_id"], first) == SHUT
        assert await doors(both, person, paid["payment_id"], second) == OPEN
        both.payments.clock.set(at(2025, 11, 3))
        assert await bill(both, person, first) == 404
        assert await bill(both, person, second) == 201
        told = (await both.payments.client.get("/contributions/totals", headers=second)).json()
        assert (told["participants"], told["contributions"]) == (1, PRICE)
        assert await bill(both, person, second) == 200  # what he was billed changes nothing in who sees him

    async def test_a_board_bills_only_whom_its_own_agents_manage(self, both: Both) -> None:
        world = await opened(both)
        person = await world.registered()
        await both.settle()
        board: dict[str, Any] = {"roles": ["coordinator"], "wadah_id": world.wadah_id, "branch_id": world.branch_id}
        wanted = {"participants": [str(person)], "funding_source": "DONOR"}
        assert (
            await both.payments.client.post("/collective-bills", json=wanted, headers=both.payments.token(**board))
        ).status_code == 201
        await depart(world, DROP)
        assert await world.h.due("handover") >= 1
        await both.settle()
        refused = await both.payments.client.post(
            "/collective-bills", json=wanted, headers=both.payments.token(**board)
        )
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "participants.0"), refused.text


OPEN, SHUT = [200] * 4, [404] * 4


async def doors(both: Both, person: UUID, payment_id: str, headers: Any) -> list[int]:
    """Bills, payments, credit and the proof of one payment."""
    paths = (
        f"/bills?participant_id={person}",
        f"/payments?participant_id={person}",
        f"/credit?participant_id={person}",
        f"/payments/{payment_id}/proof-link",
    )
    return [(await both.payments.client.get(path, headers=headers)).status_code for path in paths]


async def bill(both: Both, person: UUID, headers: Any) -> int:
    wanted = {"participant_id": str(person)}
    again = {**headers, "Idempotency-Key": str(new_id())}
    return (await both.payments.client.post("/bills", json=wanted, headers=again)).status_code
