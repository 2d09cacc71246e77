"""Bad input on Kafka that is an event of ours: what each must lead to at a running reader, and that its neighbours flow.

What a newer writer says is shown with payments' reader; what handlers do, with the toy reader, whose numbers decide about it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from chassis.ids import new_id
from chassis.records import Outcome, Received, Record
from chassis.transaction import Tx
from contracts.events.participants import GraceEntered
from contracts.values import ParticipantId
from tests.faults.evidence import Evidence, Scale
from tests.faults.inputs.kafka import Reading, of_totals
from tests.faults.inputs.refusals import unlike
from tests.faults.stories.facts import wrong
from tests.integration.payments.people import registered
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import Counted, Following, Totalled, running
from tests.unit.notifications.samples import OCTOBER

pytestmark = pytest.mark.timeout(900)
NEIGHBOURS = 24
ATTEMPTS = 5
UNKNOWN: Sequence[tuple[str, Callable[[Record], Record]]] = (
    ("unknown_version", lambda one: told(one, ce_dataschema="perisai:schemas/ParticipantRegistered/99")),
    ("unknown_type", lambda one: told(one, ce_type="Mystery", ce_dataschema="perisai:schemas/Mystery/1")),
    ("invalid", lambda one: replace(one, value=b'{"participant_id": 5}')),
    ("invalid", lambda one: replace(one, value=(one.value or b"").replace(b'"OTHER"', b'"NONE"'))),
)


def told(one: Record, **headers: str) -> Record:
    """The record with other headers."""
    return replace(one, headers=tuple((n, headers[n].encode() if n in headers else v) for n, v in one.headers))


def unhandled(h: Harness, key: UUID) -> Record:
    """An event of a type that payments knows and has no handler for."""
    return h.record(GraceEntered(participant_id=ParticipantId(key), paid_through=OCTOBER), key=key)


def counted(h: Harness, key: UUID, by: int, *, seq: int | None = None) -> Record:
    return h.record(Counted(counter_id=key, by=by), key=key, seq=seq)


async def applied(h: Harness) -> dict[str, list[int]]:
    """Counter → the numbers that took effect, in order."""
    found: dict[str, list[int]] = {}
    for one in await h.events("totals"):
        assert isinstance(one.event, Totalled)
        found.setdefault(one.envelope.key, []).append(one.event.by)
    return found


async def stands_at(h: Harness, key: UUID) -> int | None:
    """The seq at which the reader stands with this key."""
    async with h.app.read() as conn:
        return (await conn.execute(sa.text("SELECT seq FROM progress WHERE key = :key"), {"key": str(key)})).scalar()


async def parks(reading: Reading, key: UUID, reason: str | None) -> None:
    """Returns when the key is parked for this reason, or is not parked any more."""

    async def so() -> bool:
        return (await reading.parked()).get(str(key), (None, 0))[0] == reason

    await eventually(so, within_s=60, what=f"parked: {reason}")


@pytest.mark.cell("input.kafka.unknown", fault="inputs", service="payments")
async def test_what_a_newer_writer_says_parks_its_key_and_what_nobody_handles_moves_on(
    reading: Reading, evidence: Evidence, scale: Scale
) -> None:
    rounds = scale(test=1, long=25)
    h, expected, records = reading.h, dict[str, tuple[str, int]](), list[Record]()
    for reason, spoil in list(UNKNOWN) * rounds:
        who, record = registered(h)
        records += [spoil(record), unhandled(h, who.participant_id)]
        records += [registered(h)[1] for _ in range(NEIGHBOURS)]
        expected[str(who.participant_id)] = (reason, 2)
    who, first = registered(h)
    await reading.put([*records, first, unhandled(h, who.participant_id)])
    await reading.dealt_with(within_s=scale(test=60, long=600))
    events = await h.events("contributions")
    payers, own = Counter(e.event.type for e in events)["PayerAdded"], str(who.participant_id)
    found = unlike(
        ("parked", expected, await reading.parked()),
        ("letters", 0, len(await reading.letters())),
        ("neighbours applied", NEIGHBOURS * len(expected) + 1, payers),
        ("progress of the unhandled", 2, await stands_at(h, who.participant_id)),
        ("effects of the unhandled", 2, len([e for e in events if e.envelope.key == own])),
    )
    evidence.fired(len(expected) + 1, of=len(UNKNOWN) * rounds + 1, unit="record")
    evidence.holds("I9", checked=reading.written, violations=found)


class Tried(Following):
    """The toy reader; `tried` counts how often each event was before it."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: Counter[str] = Counter()

    async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        self.tried.update(item.envelope.key for item in items if len(items) == 1)
        return await super().__call__(tx, items)


@pytest.mark.cell("input.kafka.failing", fault="inputs", service="chassis")
async def test_business_failure_parks_at_once_and_an_exception_after_five_attempts(
    stack: Stack, evidence: Evidence, scale: Scale
) -> None:
    rounds, handler = scale(test=3, long=60), Tried()
    async with of_totals(stack, handler) as reading, running(reading.process):
        h, flowing = reading.h, [new_id() for _ in range(5)]
        refused, raising = ([new_id() for _ in range(rounds)] for _ in range(2))
        for no, yes in zip(refused, raising, strict=True):
            await reading.put([counted(h, no, 98)])
            await reading.dealt_with()  # alone in its batch, so its attempts can be counted
            await reading.put([counted(h, yes, 97), *(counted(h, key, 1) for key in flowing * 10)])
            await reading.dealt_with()
        parked = await reading.parked()
        expected = {str(k): ("unlucky_number", 1) for k in refused} | {str(k): ("failed", 1) for k in raising}
        tries = {str(k): 1 for k in refused} | {str(k): ATTEMPTS for k in raising}
        found = unlike(
            ("parked", expected, parked),
            ("attempts", tries, {key: handler.tried[key] for key in tries}),
            ("neighbours", {str(key): [1] * 10 * rounds for key in flowing}, await applied(h)),
            ("retried by themselves", [None], [*{one.retry_at for one in await h.parked()}]),
        )
    evidence.fired(len(parked), of=2 * rounds, unit="record")
    evidence.holds("I9", checked=reading.written, violations=found)


@pytest.mark.cell("input.kafka.person_keys", fault="inputs", service="payments")
async def test_forgotten_person_is_applied_with_blanks_and_a_key_out_of_reach_is_waited_for(
    reading: Reading, evidence: Evidence
) -> None:
    h = reading.h
    forgotten, record = registered(h)
    h.forget(forgotten.participant_id)
    await reading.put([record])
    await reading.dealt_with()
    async with h.app.read() as conn:
        rows = (await conn.execute(sa.text("SELECT name, nik_hash FROM payers"))).all()
    names = [(h.app.vault.open("payers", "name", forgotten.participant_id, r.name), r.nik_hash) for r in rows]
    blanks = unlike(("forgotten", [(None, None)], names), ("parked", {}, await reading.parked()))
    waiting, late = registered(h)
    key = h.app.keys.cache.pop(waiting.participant_id)
    await reading.put([late])
    await eventually(lambda: reading.consumer.waiting_because is not None, within_s=60)
    blanks += unlike(("offset", 1, await reading.committed()), ("parked meanwhile", {}, await reading.parked()))
    h.app.keys.cache[waiting.participant_id] = key
    await reading.dealt_with()
    payers = Counter(e.event.type for e in await h.events("contributions"))["PayerAdded"]
    blanks += unlike(("applied", 2, payers), ("letters", 0, len(await reading.letters())))
    evidence.fired(2, of=2, unit="record")
    evidence.holds("I9", checked=2, violations=blanks)


@pytest.mark.cell("input.kafka.order", fault="inputs", service="chassis")
async def test_repeats_are_skipped_and_gaps_park_until_they_are_filled(
    totalling: Reading, evidence: Evidence, dice: random.Random, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    number = scale(test=20, long=400)
    h, keys = totalling.h, [new_id() for _ in range(number)]
    made = [[counted(h, key, n, seq=n) for n in range(1, 5)] for key in keys]
    first = [one[0] for one in made]
    await totalling.put([*first, *dice.choices(first, k=number), *first])
    holes = {str(key): ("gap", 2) for key in keys}
    await totalling.put([record for one in made for record in (one[2], one[3], one[2])])
    await totalling.dealt_with()
    found = unlike(
        ("parked", holes, await totalling.parked()),
        ("applied before the gap", {str(key): [1] for key in keys}, await applied(h)),
    )
    async with h.app.engine.begin() as conn:
        await conn.execute(sa.text("UPDATE progress SET parked_at = parked_at - interval '2 minutes'"))
    said: list[str] = []

    def alarmed() -> bool:
        said.append(capsys.readouterr().out)
        return any("gap_not_filled" in one for one in said)

    await eventually(alarmed, within_s=30, what="the alarm of a gap older than a minute")
    await totalling.put([one[1] for one in made])
    for key in keys:
        await parks(totalling, key, None)
    await totalling.put([record for one in made for record in one])
    await totalling.dealt_with()
    found += unlike(
        ("parked", {}, await totalling.parked()),
        ("applied once, in order", {str(key): [1, 2, 3, 4] for key in keys}, await applied(h)),
    )
    evidence.fired(number, of=number, unit="record")
    evidence.holds("I6", checked=totalling.written, violations=found)


@pytest.mark.cell("input.kafka.not_yet", fault="inputs", service="chassis")
async def test_event_that_needs_a_fact_is_tried_again_by_itself_until_it_is_here(
    stack: Stack, evidence: Evidence, scale: Scale
) -> None:
    handler, number = Following(), scale(test=5, long=100)
    async with of_totals(stack, handler) as reading, running(reading.process):
        h, keys, other = reading.h, [new_id() for _ in range(number)], new_id()
        handler.patience |= {*keys}
        await reading.put([record for key in keys for record in (counted(h, key, 99), counted(h, key, 2))])
        await reading.put([counted(h, other, 1)])
        await reading.dealt_with()
        found = unlike(
            ("parked", {str(key): ("not_yet", 2) for key in keys}, await reading.parked()),
            ("neighbour", {str(other): [1]}, await applied(h)),
        )
        handler.patience.clear()
        for key in keys:
            await parks(reading, key, None)
        expected = {str(key): [99, 2] for key in keys} | {str(other): [1]}
        found += unlike(("applied in order", expected, await applied(h)))
    evidence.fired(number, of=number, unit="record")
    evidence.holds("I6", checked=reading.written, violations=found)


@pytest.mark.cell("input.kafka.conflicting", fault="inputs", service="chassis")
async def test_other_event_at_the_last_known_seq_parks_its_key_and_is_an_alarm(
    totalling: Reading, evidence: Evidence, scale: Scale
) -> None:
    number = scale(test=5, long=19)  # twenty in a row are for the fuse
    h, keys, other = totalling.h, [new_id() for _ in range(number)], new_id()
    before = conflicts()
    await totalling.put([counted(h, key, 1, seq=1) for key in keys])
    await totalling.put([counted(h, key, 7, seq=1) for key in keys])
    await totalling.put([record for key in keys for record in (counted(h, key, 2, seq=2), counted(h, other, 1))])
    await totalling.dealt_with()
    found = unlike(
        ("parked", {str(key): ("conflicting_event", 2) for key in keys}, await totalling.parked()),
        ("applied", {str(key): [1] for key in keys} | {str(other): [1] * number}, await applied(h)),
    )
    found += [] if conflicts() - before >= number else [wrong("metric", "", number, conflicts() - before)]
    evidence.fired(number, of=number, unit="record")
    evidence.holds("I6", checked=totalling.written, violations=found)


def conflicts() -> float:
    return REGISTRY.get_sample_value("perisai_conflicting_events_total", {"stream": "counters"}) or 0.0
