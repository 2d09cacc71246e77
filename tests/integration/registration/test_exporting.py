"""A copy is asked for within one's scope, owed for 3 × 24 hours that count down in sight, and closed by who hands it over."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx

from chassis.attention import counted
from contracts.events.exports import ExportGiven, ExportRequested
from services.registration.concerns import CONCERNS
from tests.integration.registration.world import Headers, World


async def ask(world: World, who: UUID, headers: Headers | None = None) -> httpx.Response:
    return await world.h.client.post(f"/participants/{who}/export", headers=headers or world.agent())


async def give(world: World, who: UUID, headers: Headers | None = None) -> httpx.Response:
    return await world.h.client.post(f"/participants/{who}/export/given", headers=headers or world.officer())


async def listed(world: World, headers: Headers | None = None, **query: str) -> list[dict[str, Any]]:
    answer = await world.h.client.get("/exports", params=query, headers=headers or world.officer())
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def waiting(world: World) -> tuple[int, int]:
    """Near their end, and late."""
    async with world.h.app.read() as conn:
        found = await counted(conn, CONCERNS, world.h.clock.business())
    return found["exports_near_their_end"], found["exports_late"]


async def test_the_hours_count_down_until_the_copy_is_given(world: World) -> None:
    who = await world.registered()
    asked = await ask(world, who)
    assert (asked.status_code, asked.json()["status"]) == (202, "REQUESTED")
    again = await ask(world, who, world.officer())
    assert again.json() == asked.json(), "one request is open at a time"
    (one,) = await listed(world)
    assert (one["status"], one["hours_left"], one["requested_by"]) == ("REQUESTED", 72, "agent-1")
    assert await waiting(world) == (0, 0)
    world.h.pass_time(hours=48)
    assert (await listed(world))[0]["hours_left"] == 24
    assert await waiting(world) == (1, 0)
    world.h.pass_time(hours=25)
    assert (await listed(world))[0]["hours_left"] == -1
    assert await waiting(world) == (1, 1)
    given = await give(world, who)
    assert (given.status_code, given.json()["status"]) == (200, "GIVEN")
    assert given.json()["export_id"] == asked.json()["export_id"]
    (one,) = await listed(world)
    assert (one["status"], one["hours_left"], one["given_by"]) == ("GIVEN", None, "officer-1")
    assert await waiting(world) == (0, 0)
    assert await listed(world, open="true") == []
    later = await ask(world, who)
    assert later.json()["export_id"] != asked.json()["export_id"], "a person may ask again"
    events = await world.h.events("exports")
    assert [type(one.event) for one in events] == [ExportRequested, ExportGiven, ExportRequested]
    assert [one.envelope.actor for one in events] == ["agent-1", "officer-1", "agent-1"]
    assert (await world.h.replay()).differences == []


async def test_nothing_is_given_that_nobody_asked_for(world: World) -> None:
    who = await world.registered()
    told = await give(world, who)
    assert (told.status_code, told.json()["code"]) == (409, "export_not_asked")
    await ask(world, who)
    assert (await give(world, who)).status_code == 200
    assert (await give(world, who)).status_code == 409


async def test_each_asks_and_sees_within_the_own_scope(world: World) -> None:
    who = await world.registered()
    elsewhere = world.h.token(roles=["officer"], branch_id=world.wadah_id)
    other_agent = world.h.token(roles=["agent"], agent_id=who, wadah_id=world.wadah_id, branch_id=world.branch_id)
    somebody = world.h.token(roles=["participant"], participant_id=world.own_participant)
    for headers in (elsewhere, other_agent, somebody):
        assert (await ask(world, who, dict(headers))).status_code == 404
        assert await listed(world, dict(headers)) == []
    for roles in (["central"], ["checker"], ["coordinator"], ["auditor"], ["operator"]):
        headers = world.h.token(roles=roles, branch_id=world.branch_id, wadah_id=world.wadah_id)
        assert (await ask(world, who, headers)).status_code == 403
    own = world.h.token(roles=["participant"], subject="who", participant_id=who)
    assert (await ask(world, who, dict(own))).status_code == 202
    assert len(await listed(world, dict(own))) == 1
    path = f"/participants/{who}/export"
    for roles in (["agent"], ["central"], ["auditor"], ["operator"], ["coordinator"], ["service"]):
        claims: dict[str, Any] = {
            "branch_id": world.branch_id,
            "wadah_id": world.wadah_id,
            "agent_id": world.agent_id,
        }
        answer = await world.h.client.get(path, headers=world.h.token(roles=roles, **claims))
        assert answer.status_code == 403, roles
    assert (await world.h.client.get(path, headers=dict(elsewhere))).status_code == 404
    found = await world.h.client.get(path, headers=dict(own))
    (people,) = (table["rows"] for table in found.json()["tables"] if table["name"] == "people")
    assert people[0]["name"] == "Siti Rahayu"


async def test_what_the_law_has_kept_is_said_in_both_languages(world: World) -> None:
    who = await world.registered()
    await world.pay(who)
    headers = world.checker()
    told = (await world.h.client.get(f"/participants/{who}/export", headers=headers)).json()["told"]
    assert any("masih aktif" in one["id"] and "active or in grace" in one["en"] for one in told)
    await ask(world, who)
    assert (await world.h.client.get(f"/participants/{who}/export", headers=headers)).json()["told"] == told, (
        "the copy itself is no reason to keep anything"
    )


async def test_who_is_owed_no_copy_any_more_is_no_alarm(world: World) -> None:
    who = await world.registered()
    await ask(world, who)
    world.h.pass_time(**{"hours": 73})
    assert await waiting(world) == (1, 1)
    async with world.h.app.engine.begin() as conn:  # lint: commit — as ParticipantForgotten leaves it
        await conn.exec_driver_sql("UPDATE participants SET forgotten = true")
    assert await waiting(world) == (0, 0)
    assert (await listed(world))[0]["status"] == "ERASED"
