"""Payments, reversals, the calendar and message receipts, as consumed events and due rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.timers import Due
from chassis.transaction import Meta
from contracts.events.contributions import BillKind
from contracts.events.notifications import NotificationDelivered, NotificationFailed
from contracts.events.participants import (
    ParticipationLapsed,
    ProtectionCorrected,
    ProtectionRefused,
    ProtectionStarted,
    Standing,
)
from contracts.values import WIB, NotificationId, ParticipantId
from services.registration.commands.protection import WorkingTheCalendar
from services.registration.domain import participant as participants
from services.registration.domain.participant import Participant
from services.registration.queries import deciding
from tests.integration.registration.world import World, form
from tests.support.counters import holds


def at(world: World, text: str) -> None:
    """Business time becomes this WIB time."""
    world.h.clock.set(wib(text))


def wib(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WIB).astimezone(UTC)


async def only(world: World, kind: type) -> Any:
    (found,) = [r.event for r in await world.h.events("participants") if isinstance(r.event, kind)]
    return found


class TestFirstPayment:
    async def test_it_starts_protection_with_a_kpj(self, world: World) -> None:
        participant_id = await world.registered()
        paid = await world.pay(participant_id)
        seen = await world.seen(participant_id)
        assert (seen["status"], seen["protected_until"], len(seen["kpj"])) == ("protected", "2025-10-31", 11)
        (started,) = [
            r
            for r in await world.h.events("participants")
            if isinstance(r.event, ProtectionStarted) and r.envelope.key == str(participant_id)
        ]
        assert isinstance(started.event, ProtectionStarted)
        assert (started.event.payment_id, started.event.acquisition, started.event.agent) == (
            paid.payment_id,
            True,
            world.agent_id,
        )
        assert (started.envelope.branch_id, started.envelope.agent_id) == (world.branch_id, world.agent_id)
        assert started.envelope.causation_id is not None

    async def test_the_same_record_twice_takes_effect_once(self, world: World) -> None:
        participant_id = await world.registered()
        record = world.h.record(world.paid(participant_id), key=participant_id)
        await world.h.deliver(record)
        await world.h.deliver(record)
        assert await world.types(participant_id) == ["ParticipantRegistered", "ProtectionStarted"]

    async def test_two_payments_in_one_batch_are_seen_one_after_the_other(self, world: World) -> None:
        participant_id = await world.registered()
        events = [
            world.paid(participant_id, "2025-10"),
            world.paid(participant_id, "2025-11", "2025-12", kind=BillKind.STANDARD),
        ]
        await world.h.deliver(*(world.h.record(event, key=participant_id) for event in events))
        assert await world.types(participant_id) == ["ParticipantRegistered", "ProtectionStarted", "ProtectionExtended"]
        assert (await world.seen(participant_id))["protected_until"] == "2025-12-31"

    async def test_an_agent_suspended_meanwhile_acquires_nobody(self, world: World) -> None:
        participant_id = await world.registered()
        path = f"/agents/{world.agent_id}/suspension"
        await world.h.client.post(path, json={"reason": "under_review"}, headers=world.checker())
        await world.pay(participant_id)
        (event,) = [
            r.event
            for r in await world.h.events("participants")
            if isinstance(r.event, ProtectionStarted) and r.event.participant_id == participant_id
        ]
        assert event.acquisition is False

    async def test_who_turned_66_meanwhile_is_refused(self, world: World) -> None:
        participant_id = await world.registered(birth_date="1959-10-10")
        at(world, "2025-10-10 00:00:00")
        await world.pay(participant_id)
        assert (await only(world, ProtectionRefused)).reason == "entry_age_exceeded"
        assert (await world.seen(participant_id))["status"] == "unpaid"

    async def test_a_payment_for_nobody_we_know_waits(self, world: World) -> None:
        nobody = new_id()
        record = world.h.record(world.paid(nobody), key=nobody)
        await world.h.deliver(record)
        (parked,) = await world.h.parked()
        assert "participant" in str(parked)


class TestCalendar:
    async def test_grace_and_lapse_come_at_the_table_s_instants(self, world: World) -> None:
        participant_id = await world.registered()
        await world.pay(participant_id)
        at(world, "2025-11-15 12:00:00")
        await world.h.due("calendar")
        seen = await world.seen(participant_id)
        assert (seen["status"], seen["protected_until"]) == ("grace", "2025-10-31")
        at(world, "2026-02-03 12:00:00")
        await world.h.due("calendar")
        assert (await world.seen(participant_id))["status"] == "lapsed"
        lapses = [r for r in await world.h.events("participants") if isinstance(r.event, ParticipationLapsed)]
        assert {one.envelope.occurred_at for one in lapses} == {wib("2026-02-01 00:00:00")}

    async def test_unpaid_registrations_expire_after_thirty_days(self, world: World) -> None:
        participant_id = await world.registered()
        at(world, "2025-11-05 23:59:59")
        await world.h.due("calendar")
        assert (await world.seen(participant_id))["status"] == "unpaid"
        at(world, "2025-11-06 00:00:00")
        await world.h.due("calendar")
        assert (await world.seen(participant_id))["status"] == "expired"
        assert await world.h.due("calendar") == 0

    async def test_a_batch_of_due_rows_takes_as_many_statements_for_many_as_for_one(self, world: World) -> None:
        people = [await world.registered() for _ in range(41)]
        at(world, "2025-11-06 00:00:00")
        meta = Meta(actor="registration.calendar", correlation_id=new_id())
        taken = []
        for part in (people[:1], people[1:]):
            before = await world.h.statements()
            rows = [Due(str(one), meta, world.h.clock.business()) for one in part]
            await world.h.run(WorkingTheCalendar(world.h.app.vault), rows)
            after = await world.h.statements()
            taken.append((after[0] - before[0], after[1] - before[1]))
        assert taken[0] == taken[1]
        holds("registration.timer_batch.statements", taken[0][0])
        assert (await world.seen(people[40]))["status"] == "expired"


class TestLatePayments:
    async def expired(self, world: World) -> tuple[dict[str, Any], UUID]:
        person = form()
        participant_id = UUID((await world.register(person)).json()["participant_id"])
        await world.pay(world.own_participant, "2025-11")
        at(world, "2025-11-06 08:00:00")
        await world.h.due("calendar")
        return person, participant_id

    async def test_money_for_an_expired_registration_revives_it_while_the_nik_is_free(self, world: World) -> None:
        person, participant_id = await self.expired(world)
        await world.pay(participant_id, at=wib("2025-11-05 23:00:00"))
        assert (await world.seen(participant_id))["status"] in ("protected", "grace")
        assert (await world.register(person)).json()["code"] == "nik_registered"

    async def test_it_loses_against_a_registration_in_between(self, world: World) -> None:
        person, participant_id = await self.expired(world)
        assert (await world.register(person)).status_code == 201
        await world.pay(participant_id, at=wib("2025-11-05 23:00:00"))
        assert (await only(world, ProtectionRefused)).reason == "nik_taken"
        assert (await world.seen(participant_id))["status"] == "expired"

    async def test_of_two_expired_registrations_paid_in_one_batch_one_lives(self, world: World) -> None:
        person, first = await self.expired(world)
        second = UUID((await world.register(person)).json()["participant_id"])
        at(world, "2025-12-10 08:00:00")
        await world.h.due("calendar")
        records = [world.h.record(world.paid(one), key=one) for one in (first, second)]
        await world.h.deliver(*records)
        assert sorted([(await world.seen(one))["status"] for one in (first, second)]) == ["expired", "protected"]

    async def test_a_lapse_is_undone_by_money_of_before_it(self, world: World) -> None:
        participant_id = await world.registered()
        await world.pay(participant_id)
        at(world, "2026-02-02 08:00:00")
        await world.h.due("calendar")
        await world.pay(
            participant_id, "2025-11", "2025-12", "2026-01", kind=BillKind.STANDARD, at=wib("2026-01-31 23:59:59")
        )
        assert (await world.types(participant_id))[-3:] == [
            "ParticipationLapsed",
            "ProtectionCorrected",
            "ProtectionExtended",
        ]
        seen = await world.seen(participant_id)
        assert (seen["status"], seen["protected_until"], len(seen["spells"])) == ("protected", "2026-01-31", 1)

    async def test_a_reactivation_in_between_stands(self, world: World) -> None:
        participant_id = await world.registered()
        await world.pay(participant_id)
        at(world, "2026-02-02 08:00:00")
        await world.h.due("calendar")
        await world.pay(participant_id, kind=BillKind.REACTIVATION)
        await world.pay(participant_id, "2025-11", kind=BillKind.STANDARD, at=wib("2026-01-31 23:59:59"))
        assert (await only(world, ProtectionRefused)).reason == "reactivated_meanwhile"
        seen = await world.seen(participant_id)
        assert [spell["spell"] for spell in seen["spells"]] == [1, 2]
        assert seen["status"] == "protected"

    async def test_nothing_starts_after_a_death(self, world: World) -> None:
        participant_id = await world.registered()
        died = {"died_on": "2025-10-06"}
        await world.h.client.post(f"/participants/{participant_id}/closure", json=died, headers=world.checker())
        await world.pay(participant_id)
        assert (await only(world, ProtectionRefused)).reason == "participant_closed"


class TestReversals:
    async def test_a_voided_first_payment_leaves_an_unpaid_registration(self, world: World) -> None:
        participant_id = await world.registered()
        paid = await world.pay(participant_id)
        await world.tell(world.reversed(paid))
        event = await only(world, ProtectionCorrected)
        assert (event.paid_through, event.standing) == (None, Standing.REGISTERED)
        seen = await world.seen(participant_id)
        assert (seen["status"], seen["protected_until"]) == ("unpaid", None)

    async def test_money_we_refused_ourselves_needs_no_correction(self, world: World) -> None:
        participant_id = await world.registered()
        paid = await world.pay(participant_id)
        await world.tell(world.reversed(paid, "protection_refused"))
        assert await world.types(participant_id) == ["ParticipantRegistered", "ProtectionStarted"]


class TestReachability:
    def failed(self, participant_id: UUID, reason: str = "undeliverable") -> NotificationFailed:
        return NotificationFailed(
            notification_id=NotificationId(new_id()),
            participant_id=ParticipantId(participant_id),
            reason=reason,
            attempts=1,
        )

    async def tell(self, world: World, event: NotificationFailed | NotificationDelivered) -> None:
        await world.h.deliver(world.h.record(event, key=event.notification_id))

    async def test_a_failed_message_is_shown_until_a_later_one_arrives(self, world: World) -> None:
        participant_id = await world.registered()
        await self.tell(world, self.failed(participant_id))
        await self.tell(world, self.failed(participant_id))
        listed = await world.h.client.get("/participants?status=unreachable", headers=world.agent())
        assert [one["participant_id"] for one in listed.json()["items"]] == [str(participant_id)]
        assert listed.json()["items"][0]["message_failed"] is True
        delivered = NotificationDelivered(
            notification_id=NotificationId(new_id()),
            participant_id=ParticipantId(participant_id),
            delivered_at=world.h.clock.business(),
        )
        await self.tell(world, delivered)
        assert (await world.seen(participant_id))["message_failed"] is False
        assert await world.types(participant_id) == [
            "ParticipantRegistered",
            "ParticipantUnreachable",
            "ParticipantReachable",
        ]

    async def test_a_message_held_back_for_its_time_limit_says_nothing_of_the_phone(self, world: World) -> None:
        participant_id = await world.registered()
        await self.tell(world, self.failed(participant_id, "too_late"))
        assert (await world.seen(participant_id))["message_failed"] is False


async def history(world: World) -> list[UUID]:
    """People with every kind of past."""
    people = [await world.registered() for _ in range(4)]
    paid = await world.pay(people[0])
    await world.pay(people[1], "2025-10", "2025-11")
    await world.pay(people[2])
    await world.tell(world.reversed(paid))
    at(world, "2026-02-02 08:00:00")
    await world.h.due("calendar")
    await world.pay(people[1], kind=BillKind.REACTIVATION)
    await world.pay(people[2], "2025-11", kind=BillKind.STANDARD, at=wib("2026-01-31 12:00:00"))
    await world.pay(people[3])
    return people


async def test_replay_equals_live(world: World) -> None:
    await history(world)
    outcome = await world.h.replay()
    assert outcome.equal, outcome.differences


async def test_evolve_equals_projection_and_load(world: World) -> None:
    people = [ParticipantId(one) for one in await history(world)]
    folded: dict[str, Participant | None] = {}
    for one in await world.h.events("participants"):
        key = one.envelope.key
        folded[key] = participants.evolve(folded.get(key), one.envelope, one.event)
    async with world.h.app.read() as conn:
        loaded = await deciding.participants_by_id(conn, people)
    assert {one: folded[str(one)] for one in people} == loaded


async def test_a_consumer_batch_takes_as_many_statements_for_many_as_for_one(world: World) -> None:
    taken = []
    for number in (1, 60):
        people = [await world.registered() for _ in range(number)]
        records = [world.h.record(world.paid(one), key=one) for one in people]
        before = await world.h.statements()
        await world.h.deliver(*records)
        after = await world.h.statements()
        taken.append((after[0] - before[0], after[1] - before[1]))
    assert taken[0] == taken[1]
    holds("registration.consumer_batch.statements", taken[0][0])
    assert taken[0][1] == 1


async def test_the_branch_head_of_another_branch_closes_nobody(world: World) -> None:
    participant_id = await world.registered()
    foreign = world.h.token(roles=["checker"], branch_id=new_id())
    path = f"/participants/{participant_id}/closure"
    answer = await world.h.client.post(path, json={"died_on": "2025-10-06"}, headers=foreign)
    assert answer.status_code == 404
