"""Corrections over HTTP: what the contribution follows from changes, within the caller's scope, and is told once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx

from chassis.ids import new_id
from contracts.events.participants import ParticipantCorrected
from tests.integration.registration.world import Headers, World


async def correct(world: World, who: UUID, headers: Headers | None = None, **wanted: Any) -> httpx.Response:
    path = f"/participants/{who}/correction"
    asked_anew = {"Idempotency-Key": str(new_id())}
    return await world.h.client.post(path, json=wanted, headers={**(headers or world.agent()), **asked_anew})


async def test_a_correction_is_told_with_every_value_as_it_now_stands(world: World) -> None:
    who = await world.registered()
    answer = await correct(world, who, income=3_000_000, occupation="pengemudi ojek", sector="TRANSPORT")
    assert (answer.status_code, answer.json()) == (200, {"participant_id": str(who)})
    told = (await world.h.events("participants"))[-1]
    assert isinstance(told.event, ParticipantCorrected)
    assert (told.event.income, told.event.sector, told.event.programmes) == (
        3_000_000,
        "TRANSPORT",
        ("JHT", "JKK", "JKM"),
    )
    shown = (await world.h.client.get(f"/participants/{who}", headers=world.agent())).json()
    assert (shown["income"], shown["occupation"], shown["sector"]) == (3_000_000, "pengemudi ojek", "TRANSPORT")


async def test_a_correction_that_changes_nothing_is_not_told(world: World) -> None:
    who = await world.registered()
    before = len(await world.h.events("participants"))
    assert (await correct(world, who, income=1_000_000)).status_code == 200
    assert (await correct(world, who)).status_code == 200
    assert len(await world.h.events("participants")) == before


async def test_agent_officer_and_the_person_may_and_strangers_meet_nothing(world: World) -> None:
    who = await world.registered()
    h, other = world.h, new_id()
    own = [world.agent(), world.officer(), h.token(roles=["participant"], participant_id=who)]
    for n, headers in enumerate(own):
        assert (await correct(world, who, headers, income=2_000_000 + n)).status_code == 200
    strangers = [
        h.token(roles=["agent"], agent_id=other, wadah_id=other, branch_id=other),
        h.token(roles=["officer"], branch_id=other),
        h.token(roles=["participant"], participant_id=other),
    ]
    for headers in strangers:
        assert (await correct(world, who, headers, income=9_000_000)).status_code == 404
        assert (await correct(world, other, headers, income=9_000_000)).status_code == 404
    for role in ("coordinator", "checker", "central", "auditor", "operator", "service"):
        headers = h.token(roles=[role], branch_id=world.branch_id, wadah_id=world.wadah_id)
        assert (await correct(world, who, headers, income=9_000_000)).status_code == 403


async def test_a_wrong_correction_names_its_fields(world: World) -> None:
    who = await world.registered()
    for wanted, status, field in (
        ({"income": 0}, 422, "income"),
        ({"income": -1}, 422, "income"),
        ({"income": 1.5}, 422, "income"),
        ({"programmes": ["JKK"]}, 422, "programmes"),
        ({"employs_others": True, "programmes": ["JKK", "JKM"]}, 422, "programmes"),
        ({"sector": "SEA"}, 422, "sector"),
        ({"surprise": 1}, 422, "surprise"),
    ):
        answer = await correct(world, who, **wanted)
        assert (answer.status_code, answer.json()["field"]) == (status, field), wanted


async def test_a_closed_participation_is_corrected_no_more(world: World) -> None:
    who = await world.registered()
    await world.pay(who)
    died = {"died_on": "2025-10-06"}
    closed = await world.h.client.post(f"/participants/{who}/closure", json=died, headers=world.checker())
    assert closed.status_code == 200
    answer = await correct(world, who, income=2_000_000)
    assert (answer.status_code, answer.json()["code"]) == (409, "correction_step")
