"""One town: a trace through everything, and what users see while parts fail. Each test leaves the town whole, and checks that it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.outreach.history import OPERATOR
from tests.support.eventually import eventually
from tests.support.stack import open_folder
from tests.system.town import Resident, Town, months_are_done, town

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

KAFKA_AWAY_S = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Town]:
    with open_folder() as folder:
        async with town(folder) as found:
            await months_are_done(found)
            yield found


async def test_one_trace_leads_from_the_request_to_the_last_effect(place: Town) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    form = place.form()
    headers = {
        "Authorization": f"Bearer {await place.doors.token(place.cast.agents[0])}",
        "Idempotency-Key": form["nik"],
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
    }
    answer = await place.client.post(place.stack.url("registration") + "/participants", json=form, headers=headers)
    person = Resident(answer.json()["participant_id"], answer.json()["contribution_code"])
    await place.until_billed([person])
    await place.pay([person])
    await place.until_done([person])
    query = "SELECT type, correlation_id::text, traceparent FROM event_log WHERE traceparent LIKE $1"
    found = {
        row["type"]: row["correlation_id"]
        for service in ("registration", "payments", "notifications")
        for row in await place.rows(service, query, f"00-{trace}-%")
    }
    # the payment is a request of the bank's own, with a trace of its own
    assert set(found) >= {
        "ParticipantRegistered",
        "PayerAdded",
        "ContributionBilled",
        "RecipientAdded",
        "NotificationQueued",
    }
    assert set(found.values()) == {answer.headers["X-Correlation-Id"]}


async def test_registrations_and_payments_go_on_without_kafka_and_catch_up(place: Town) -> None:
    billed = await place.register(10)
    await place.until_billed(billed)
    await place.stack.stop("kafka")
    began = time.monotonic()
    round_ = await place.pay(billed)
    assert round_["states"]["done"]["count"] == len(billed), "the bank was answered without Kafka"
    late = await place.register(20)
    await eventually(lambda: time.monotonic() - began >= KAFKA_AWAY_S, what="Kafka away long enough")
    late += await place.register(5)
    await place.stack.restart("kafka")
    await place.until_billed(late)
    await place.pay(late)
    await place.until_done([*billed, *late])


async def test_database_away_is_503_and_heals_by_itself(place: Town) -> None:
    people = await place.register(5)
    await place.until_billed(people)
    await place.stack.kill("postgres")
    form = place.form()
    headers = {
        "Authorization": f"Bearer {await place.doors.token(place.cast.agents[0])}",
        "Idempotency-Key": form["nik"],
    }
    url = place.stack.url("registration") + "/participants"
    refused = await place.client.post(url, json=form, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    await place.stack.restart("postgres")

    async def accepted() -> bool:
        return (await place.client.post(url, json=form, headers=headers)).status_code == 201

    await eventually(accepted, what="registration heals")
    answer = (await place.client.post(url, json=form, headers=headers)).json()
    everybody = [*people, Resident(answer["participant_id"], answer["contribution_code"])]
    await place.until_billed(everybody)
    await place.pay(everybody)
    await place.until_done(everybody)


async def test_service_killed_in_mid_batch_repeats_nothing(place: Town) -> None:
    place.stack.more["payments"] = {"PERISAI_ENVIRONMENT": "test", "FAULT_AT": "appended", "FAULT_HIT": "1"}
    await place.stack.restart("payments")
    people = await place.register(30)
    await eventually(lambda: not place.stack.running("payments"), what="payments died in its batch")
    place.stack.more.clear()
    await place.stack.restart("payments")
    people += await place.register(5)
    await place.until_billed(people)
    await asyncio.gather(place.pay(people), _kill_soon(place, "registration"))
    await place.pay(people)
    await place.until_done(people)


async def _kill_soon(place: Town, name: str) -> None:
    """Kills a service once the payments of this moment have begun to reach it, and starts it again."""
    before = (await place.rows(name, "SELECT count(*) FROM event_log"))[0][0]

    async def moved() -> bool:
        return bool((await place.rows(name, "SELECT count(*) FROM event_log"))[0][0] > before)

    await eventually(moved, what="payments reach registration")
    await place.stack.kill(name)
    await place.stack.restart(name)


async def test_event_that_fails_parks_its_key_alone_until_it_is_retried(place: Town) -> None:
    """A constraint nobody expects makes payments' work on one person raise."""
    owner = await asyncpg.connect(place.stack.databases.url("payments", "owner"))
    try:
        await owner.execute("ALTER TABLE bills ADD CONSTRAINT trap CHECK (participant_id IS NULL) NOT VALID")
        (victim,) = await place.register(1)
        await eventually(lambda: _parked(place, victim), what="the victim's key parks")
    finally:
        await owner.execute("ALTER TABLE bills DROP CONSTRAINT trap")
        await owner.close()
    neighbours = await place.register(5)
    await place.until_billed(neighbours)
    assert not await place.billed([victim])
    await place.doors.post("payments", f"/ops/parked/participants/{victim.participant_id}/retry", OPERATOR)
    await place.until_billed([victim])
    assert await place.doors.get("payments", "/ops/parked", OPERATOR) == []
    await place.pay([victim, *neighbours])
    await place.until_done([victim, *neighbours])


async def _parked(place: Town, victim: Resident) -> bool:
    found = await place.doors.get("payments", "/ops/parked", OPERATOR)
    return [(key["key"], key["reason"]) for key in found] == [(victim.participant_id, "failed")]
