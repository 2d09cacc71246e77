"""Whoever is shown a person's data leaves a trail of it, before the answer is sent (decision 238)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from contracts.reads import PersonalDataRead
from deploy.local.postgres import databases
from services.registration.tables import PERSONAL
from tests.integration.registration.world import Headers, World, form
from tests.support.service import Harness
from tests.support.stack import Stack

STREAM = "reads-registration"


async def trail(h: Harness) -> list[tuple[Any, PersonalDataRead]]:
    """Envelope and event of every read so far."""
    found = await h.events(STREAM)
    return [(one.envelope, one.event) for one in found if isinstance(one.event, PersonalDataRead)]


async def get(world: World, path: str, headers: Headers) -> Any:
    answer = await world.h.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_list_is_one_read_of_everybody_on_it(world: World) -> None:
    people = sorted([await world.registered() for _ in range(3)])
    answer = await get(world, "/participants", world.agent(subject="agent-7"))
    ((envelope, event),) = await trail(world.h)
    (opened,) = event.opened
    assert (opened.kind, opened.fields, opened.persons, opened.things) == ("people", ("name", "phone"), (*people,), ())
    assert (event.door, event.roles) == ("GET /participants", ("agent",))
    assert (envelope.actor, envelope.branch_id, envelope.agent_id) == ("agent-7", world.branch_id, world.agent_id)
    assert str(envelope.correlation_id) == answer.headers["X-Correlation-Id"]
    day = world.h.clock.wall().date().isoformat()
    assert (envelope.stream, envelope.key, envelope.seq) == (STREAM, f"agent-7:{day}", 1)


async def test_one_person_in_full_is_a_read_of_every_field(world: World) -> None:
    who = await world.registered()
    for headers in (world.officer(), world.h.token(roles=["participant"], participant_id=who)):
        await get(world, f"/participants/{who}", headers)
    (_, first), (_, own) = await trail(world.h)
    assert [one.fields for one in first.opened] == [tuple(sorted(set(PERSONAL["people"]) - {"email"}))]
    assert (first.door, own.roles) == ("GET /participants/{participant_id}", ("participant",))
    assert [one.persons for one in own.opened] == [(who,)]


async def test_who_is_found_by_nik_is_read_and_who_is_not_is_not(world: World) -> None:
    filled = form()
    who = UUID((await world.register(filled)).json()["participant_id"])
    for nik in (filled["nik"], form()["nik"]):
        answer = await world.h.client.post("/participants/search", json={"nik": nik}, headers=world.officer())
        assert answer.status_code == 200
    ((_, event),) = await trail(world.h)
    assert (event.door, [one.persons for one in event.opened]) == ("POST /participants/search", [(who,)])


async def test_an_agent_is_read_as_the_participant_he_is(world: World) -> None:
    await get(world, "/agents", world.coordinator())
    await get(world, f"/agents/{world.agent_id}", world.officer())
    for _, event in await trail(world.h):
        (opened,) = event.opened
        assert (opened.kind, opened.fields) == ("agents", ("name", "phone"))
        assert (opened.persons, opened.things) == ((world.own_participant,), (str(world.agent_id),))
    assert len(await trail(world.h)) == 2


async def test_numbers_refusals_and_commands_are_no_reads(world: World) -> None:
    who = await world.registered()
    await get(world, f"/participants/{who}", world.h.token(roles=["auditor"]))
    await get(world, "/agents", world.h.token(roles=["central"]))
    await get(world, "/participants/counts", world.coordinator())
    strange = world.h.token(roles=["officer"], branch_id=world.wadah_id)
    assert (await world.h.client.get(f"/participants/{who}", headers=strange)).status_code == 404
    assert (await world.h.client.get(f"/participants/{who}", headers=world.coordinator())).status_code == 403
    assert (await world.register(form(nik="1"))).status_code == 422
    assert await trail(world.h) == []


async def test_what_an_auditor_has_folded_as_of_then_is_no_read(world: World) -> None:
    """Agents are opened to be folded on, and shown to nobody."""
    world.h.pass_time(hours=1)
    wanted = {"at": world.h.clock.wall().isoformat(), "keys": [{"stream": "agents", "key": str(world.agent_id)}]}
    answer = await world.h.client.post("/ops/as-of", json=wanted, headers=world.h.token(roles=["auditor"]))
    assert answer.status_code == 200, answer.text
    assert await trail(world.h) == []


async def test_reads_that_come_together_share_a_transaction(world: World) -> None:
    who = await world.registered()
    _, before = await world.h.statements()
    await asyncio.gather(*(get(world, f"/participants/{who}", world.officer(subject=f"o-{n % 3}")) for n in range(40)))
    _, after = await world.h.statements()
    read = await trail(world.h)
    assert len(read) == 40 and {envelope.seq for envelope, _ in read} == {*range(1, 15)}
    assert after - before <= 5, "one batch, or a few"
    assert (await world.h.replay()).equal


async def test_what_cannot_be_recorded_is_not_shown(world: World, stack: Stack) -> None:
    """The database is read, and takes no writes: a standby, or a full disk."""
    who = await world.registered()
    name = world.h.app.settings.database_url.rpartition("/")[2]
    operator = await asyncpg.connect(stack.admin_url)
    try:
        await operator.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await world.h.app.engine.dispose()
        answer = await world.h.client.get(f"/participants/{who}", headers=world.officer())
        counts = await world.h.client.get("/participants/counts", headers=world.officer())
        await operator.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    finally:
        await operator.close()
    await world.h.app.engine.dispose()
    assert (answer.status_code, answer.json()["code"], counts.status_code) == (503, "not_recorded", 200)
    assert "dicatat" in answer.json()["messages"]["id"] and "Siti" not in answer.text
    assert await trail(world.h) == []
    await get(world, f"/participants/{who}", world.officer())


async def test_nothing_is_shown_where_the_right_to_record_was_taken_away(world: World, stack: Stack) -> None:
    who = await world.registered()
    writer = databases.role_name("registration", "writer")
    operator = await asyncpg.connect(stack.admin_of(world.h.app.settings.database_url))
    try:
        await operator.execute(f'REVOKE INSERT ON event_log FROM "{writer}"')
        answer = await world.h.client.get(f"/participants/{who}", headers=world.officer())
        counts = await world.h.client.get("/participants/counts", headers=world.officer())
    finally:
        await operator.execute(f'GRANT INSERT ON event_log TO "{writer}"')
        await operator.close()
    assert (answer.status_code, answer.json()["code"], counts.status_code) == (503, "not_recorded", 200)
    assert await trail(world.h) == []
    await get(world, f"/participants/{who}", world.officer())


async def test_nothing_of_a_person_stands_in_the_trail(world: World) -> None:
    filled = form(name="Kenari Langka", email="kenari@contoh.example")
    await world.register(filled)
    await get(world, "/participants", world.officer())
    await world.h.client.post("/participants/search", json={"nik": filled["nik"]}, headers=world.officer())
    async with world.h.app.read() as conn:
        raw = await conn.exec_driver_sql(f"SELECT payload FROM event_log WHERE stream = '{STREAM}'")
        told = b"".join(bytes(payload) for payload in raw.scalars())
    assert told and not any(str(value).encode() in told for value in (filled["nik"], filled["name"], filled["email"]))
