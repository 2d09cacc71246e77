"""I7: what stands live is what a replay of the log makes, and what the domain's own `evolve` makes of it; shown on many events of payments.

Business time moves through five months meanwhile, so that what a projection must not do (read a clock, skip a type, lean on batches) shows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis import eventlog
from chassis.ids import new_id
from chassis.privacy.sealing import EventSealer
from chassis.records import Record
from chassis.transaction import Meta
from contracts.events.participants import ProtectionRefused, RefusalReason
from contracts.values import ParticipantId
from services.payments.app import SERVICE
from services.payments.commands.bills import IssueBill, IssueBills
from services.payments.commands.inquire import Inquire
from services.payments.commands.pay import Pay
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import Limits
from services.payments.domain.snap.requests import Inquiry, Payment, VirtualAccount
from services.payments.parameters import Fixed
from services.payments.queries import deciding
from services.payments.timers import EXPIRE
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.stories.facts import wrong
from tests.integration.payments.people import SCOPE, Somebody, registered
from tests.integration.payments.test_counts import call
from tests.support.service import Harness, harness
from tests.support.stack import Stack

PRICE, PER_BATCH, MONTHS = 36_800, 500, 5
FIRST_LOOK = 4_000
"""Events."""
TYPES = {
    "PayerAdded",
    "ContributionBilled",
    "ContributionPaid",
    "BillExpired",
    "BillCancelled",
    "ContributionReversed",
    "PaymentUnmatched",
}


@pytest.mark.timeout(7_200)
@pytest.mark.cell("model.replay", fault="replay", service="payments")
async def test_replay_and_evolve_give_what_stands_live(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    wanted: int = scale(test=20_000, long=1_000_000)
    chance = random.Random(seed)
    async with harness(SERVICE, stack) as h:
        for sought in (FIRST_LOOK, wanted):  # what is wrong of every event of a kind shows long before the last
            while (events := await _logged(h)) < sought:
                await _live(h, chance)
            await _compared(h, evidence)
        evidence.fired(events, of=events, unit="row")
        evidence.count(replayed_events=events)


async def _compared(h: Harness, evidence: Evidence) -> None:
    outcome = await h.replay()
    differences = [wrong(d.table, d.key, f"{d.column} as replayed", d.kind) for d in outcome.differences]
    kinds = await _kinds(h)
    missing = [wrong("event_log", kind, "at least one", 0) for kind in TYPES - kinds.keys()]
    evidence.holds("I7", checked=outcome.events, violations=[*differences, *missing])
    evidence.holds("I7", checked=len(kinds), violations=await _unlike_evolved(h))


async def _logged(h: Harness) -> int:
    async with h.app.read() as conn:
        return int((await conn.execute(sa.text("SELECT count(*) FROM event_log"))).scalar_one())


async def _live(h: Harness, chance: random.Random) -> None:
    """New people, and five months of their life: most pay, some late, some not; some bills are replaced, some money refused."""
    new, records = zip(*(registered(h) for _ in range(PER_BATCH)), strict=True)
    await h.deliver(*records)
    people: list[Somebody] = [*new]
    for month in range(MONTHS):
        await h.run(
            IssueBills(Fixed()),
            [IssueBill(w.participant_id, 2, Meta("officer-1", new_id())) for w in chance.sample(people, 50)],
        )
        await _asked(h, people)
        await _paid(h, chance.sample(people, len(people) * 7 // 10))
        if month == 0:
            await _refused(h, chance)
        h.pass_time(days=31)
        await h.due(EXPIRE)
    h.clock.move(timedelta(days=-31 * MONTHS))


async def _asked(h: Harness, people: list[Somebody]) -> None:
    """An inquiry each: it issues the bill of the month where none is open."""
    calls = [call(h, Inquiry(VirtualAccount("8100", w.code), f"INQ-{new_id()}"), 0) for w in people]
    await h.run(Inquire(Limits(), Fixed()), [replace(c, external_id=str(new_id())) for c in calls])


async def _paid(h: Harness, people: list[Somebody]) -> None:
    """Whoever has a bill of one month pays it; the others are refused, which is recorded nowhere."""
    calls = [
        call(h, Payment(VirtualAccount("8100", w.code), f"PAY-{new_id()}", PRICE, True, None, False), 0) for w in people
    ]
    await h.run(Pay(Limits(), Fixed()), [replace(c, external_id=str(new_id())) for c in calls])


async def _refused(h: Harness, chance: random.Random) -> None:
    """The protection of some who just paid is refused: their money goes to suspense."""
    query = sa.text("SELECT participant_id, payment_id FROM payments ORDER BY posted_at DESC, payment_id LIMIT 200")
    async with h.app.read() as conn:
        paid = (await conn.execute(query)).all()
    records: list[Record] = []
    for row in chance.sample(paid, 20):
        reason = chance.choice([RefusalReason.NIK_TAKEN, RefusalReason.REACTIVATED_MEANWHILE])
        told = ProtectionRefused(participant_id=row.participant_id, payment_id=row.payment_id, reason=reason)
        records.append(h.record(told, key=row.participant_id, scope=SCOPE))
    await h.deliver(*records)


async def _unlike_evolved(h: Harness) -> list[Violation]:
    """Payers whose rows, loaded, are not the fold of their events by the domain: `evolve` = projection + load."""
    async with h.app.read() as conn:
        keys = [row.participant_id for row in await conn.execute(sa.text("SELECT participant_id FROM payers"))]
    found: list[Violation] = []
    for start in range(0, len(keys), PER_BATCH):
        folded = await _folded(h, keys[start : start + PER_BATCH])
        wanted = {bill for payer in folded.values() for bill in payer.bills}
        async with h.app.read() as conn:
            kept = await deciding.payers_with_live_bills(conn, [*folded], h.clock.business(), wanted)
        found += [wrong("payers", k, "as evolved", "differs") for k, payer in folded.items() if kept[k].payer != payer]
    return found


async def _folded(h: Harness, keys: Sequence[UUID]) -> dict[ParticipantId, Payer]:
    """These payers as their events make them."""
    query = sa.text(
        f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE stream = 'contributions' AND key = ANY(:keys) ORDER BY position"
    )
    async with h.app.read() as conn:
        rows = (await conn.execute(query, {"keys": [str(key) for key in keys]})).all()
    folded: dict[ParticipantId, Payer] = {}
    for row in rows:
        sealer = EventSealer(row.event_id, h.app.keys.cache)
        event = SERVICE.catalogue.decode(row.type, row.version, bytes(row.payload), sealer)
        key = ParticipantId(UUID(row.key))
        payer = evolve(folded.get(key), event, row.occurred_at)
        assert payer is not None
        if key not in folded:  # whether an agent registered somebody is said by the envelope, by no event
            payer = payer._replace(by_agent=row.agent_id is not None)
        folded[key] = payer
    return folded


async def _kinds(h: Harness) -> dict[str, int]:
    """Event type → how many."""
    async with h.app.read() as conn:
        rows = await conn.execute(sa.text("SELECT type, count(*) AS n FROM event_log GROUP BY type"))
        return {row.type: row.n for row in rows}
