"""Agents who are dropped or dismissed, and participants who pass from one manager to another: decided by two people (domain.md section 2)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from tests.integration.registration.test_agency import post
from tests.integration.registration.world import World, form

HANDOVER = "handover"
DROP = {"kind": "DROP", "reason": "no_acquisition"}
DISMISSAL = {"kind": "DISMISSAL", "reason": "fraud"}


async def depart(world: World, wanted: dict[str, str] = DROP) -> None:
    path = f"/agents/{world.agent_id}/departure"
    assert (await post(world, path, world.coordinator(), wanted))[0] == 200
    assert (await post(world, f"{path}/approval", world.checker()))[0] == 200


async def another_agent(world: World, name: str = "Dewi") -> UUID:
    person = UUID((await world.register(form(name=name), world.officer())).json()["participant_id"])
    await world.pay(person)
    agent_id, _ = await world.proposed(person)
    await world.activated(agent_id)
    return agent_id


async def propose(world: World, people: list[UUID], agent_id: UUID | None, headers: Any = None) -> tuple[int, Any]:
    wanted = {
        "participants": [str(one) for one in people],
        "agent_id": None if agent_id is None else str(agent_id),
        "reason": "on_request",
    }
    return await post(world, "/reassignments", headers or world.officer(), wanted)


async def reassign(world: World, people: list[UUID], agent_id: UUID | None) -> None:
    status, proposed = await propose(world, people, agent_id)
    assert status == 201, proposed
    path = f"/reassignments/{proposed['reassignment_id']}/approval"
    assert (await post(world, path, world.checker()))[1]["status"] == "APPROVED"


async def reassigned(world: World) -> list[Any]:
    events = await world.h.events("participants")
    return [one.event for one in events if one.envelope.type == "ParticipantReassigned"]


class TestDepartures:
    async def test_two_people_drop_an_agent_and_he_registers_nobody_any_more(self, world: World) -> None:
        path = f"/agents/{world.agent_id}/departure"
        assert (await post(world, f"{path}/approval", world.checker()))[1]["code"] == "no_departure_proposed"
        status, body = await post(world, path, world.officer(), DROP)
        assert (status, body["status"]) == (200, "ACTIVE")
        assert (await world.register(form())).status_code == 201  # nothing is decided yet
        status, problem = await post(world, f"{path}/approval", world.checker(subject="officer-1"))
        assert (status, problem["code"]) == (409, "same_person")
        assert (await post(world, f"{path}/approval", world.checker()))[1]["status"] == "DROPPED"
        refused = (await world.register(form())).json()
        assert refused["code"] == "agent_not_active"
        assert (await post(world, path, world.officer(), DROP))[1]["code"] == "agent_step"

    async def test_a_refused_departure_changes_nothing(self, world: World) -> None:
        path = f"/agents/{world.agent_id}/departure"
        await post(world, path, world.coordinator(), DISMISSAL)
        seen = await world.h.client.get(f"/agents/{world.agent_id}", headers=world.checker())
        assert seen.json()["departure_proposed"] == "DISMISSAL"
        assert (await post(world, f"{path}/refusal", world.checker(), {"reason": "not_proven"}))[0] == 200
        assert (await post(world, f"{path}/approval", world.checker()))[1]["code"] == "no_departure_proposed"
        assert (await world.register(form())).status_code == 201

    async def test_who_was_dropped_comes_back_after_six_months_if_he_is_fit(self, world: World) -> None:
        await depart(world)
        back = f"/agents/{world.agent_id}/reinstatement"
        world.h.pass_time(days=170)
        await world.pay(world.own_participant, *[f"2025-{n}" for n in (11, 12)], "2026-01", "2026-02", "2026-03")
        assert (await post(world, back, world.checker()))[1]["code"] == "agent_return_too_early"
        world.h.pass_time(days=15)
        await world.pay(world.own_participant, "2026-04")
        told = await post(world, back, world.checker())
        assert told[1]["code"] == "agreement_not_in_force"  # as fit as on the first day; the agreement ended in between

    async def test_who_was_dismissed_never_comes_back(self, world: World) -> None:
        await depart(world, DISMISSAL)
        told = await post(world, f"/agents/{world.agent_id}/reinstatement", world.checker())
        assert told[1]["code"] == "agent_step"

    async def test_foreign_branches_and_boards_see_no_such_agent(self, world: World) -> None:
        path = f"/agents/{world.agent_id}/departure"
        for headers in (
            world.h.token(roles=["officer"], branch_id=new_id()),
            world.h.token(roles=["coordinator"], wadah_id=new_id()),
        ):
            assert (await post(world, path, headers, DROP))[0] == 404
        assert (await post(world, path, world.agent(), DROP))[0] == 403
        assert (await post(world, path, world.officer(), {"kind": "GONE", "reason": "x"}))[0] == 422


class TestHandover:
    async def test_the_people_of_an_agent_who_left_come_to_the_branch_from_the_next_month_on(
        self, world: World
    ) -> None:
        people = [await world.registered(), await world.registered()]
        await world.pay(people[0])
        before = await world.seen(people[0])
        await depart(world)
        await asyncio.gather(*(world.h.due(HANDOVER) for _ in range(2)))
        told = await reassigned(world)
        assert sorted(one.participant_id for one in told) == sorted(people)
        assert {(one.agent, one.wadah, str(one.from_month), one.reason) for one in told} == {
            (None, None, "2025-11", "agent_dropped")
        }
        after = await world.seen(people[0])
        assert (after["agent_id"], after["protected_until"]) == (None, before["protected_until"])
        assert await world.h.due(HANDOVER) == 0

    async def test_the_month_is_that_after_the_departure_however_late_the_sweep_comes(self, world: World) -> None:
        await world.registered()
        await depart(world, DISMISSAL)
        world.h.pass_time(days=62)
        await world.h.due(HANDOVER)
        (told,) = await reassigned(world)
        assert (str(told.from_month), told.reason) == ("2025-11", "agent_dismissed")


class TestReassignments:
    async def test_two_people_pass_participants_to_another_agent(self, world: World) -> None:
        people, other = [await world.registered(), await world.registered()], await another_agent(world)
        status, proposed = await propose(world, people, other, world.agent())
        assert (status, proposed["status"]) == (201, "PENDING")
        assert await reassigned(world) == []
        path = f"/reassignments/{proposed['reassignment_id']}/approval"
        assert (await post(world, path, world.checker(subject="agent-1")))[1]["code"] == "same_person"
        assert (await post(world, path, world.checker()))[1]["status"] == "APPROVED"
        assert (await post(world, path, world.checker()))[1]["code"] == "reassignment_decided"
        told = await reassigned(world)
        assert [(one.participant_id, one.agent, one.wadah, str(one.from_month)) for one in told] == [
            (one, other, world.wadah_id, "2025-11") for one in people
        ]
        assert (await world.seen(people[0]))["agent_id"] == str(other)
        listed = (await world.h.client.get("/reassignments", headers=world.officer())).json()["items"]
        assert [(one["status"], one["agent_id"], one["from_month"]) for one in listed] == [
            ("APPROVED", str(other), "2025-11")
        ]
        assert (await world.h.client.get(f"/participants/{people[0]}", headers=world.agent())).status_code == 404

    async def test_the_last_of_two_decisions_side_by_side_holds(self, world: World) -> None:
        person, other = await world.registered(), await another_agent(world)
        made = [(await propose(world, [person], to))[1] for to in (None, other)]
        paths = [f"/reassignments/{one['reassignment_id']}/approval" for one in made]
        await asyncio.gather(*(post(world, path, world.checker()) for path in paths))
        told = await reassigned(world)
        assert len(told) == 2
        assert (await world.seen(person))["agent_id"] == (None if told[-1].agent is None else str(told[-1].agent))

    @pytest.mark.parametrize("fault", ["foreign", "unknown", "twice", "no_agent", "suspended"])
    async def test_a_bad_wish_names_its_field(self, world: World, fault: str) -> None:
        person, other = await world.registered(), await another_agent(world)
        people, to, field = [person], other, "agent_id"
        match fault:
            case "foreign":
                elsewhere = await World.opened(world.h, code="J09")
                people, field = [person, await elsewhere.registered()], "participants.1"
            case "unknown":
                people, field = [person, new_id()], "participants.1"
            case "twice":
                people, field = [person, person], "participants"
            case "no_agent":
                to = new_id()
            case "suspended":
                await post(world, f"/agents/{other}/suspension", world.checker(), {"reason": "review"})
        status, problem = await propose(world, people, to)
        assert (status, problem["field"]) == (422, field)

    async def test_who_is_dropped_before_the_decision_takes_nobody_over(self, world: World) -> None:
        person, other = await world.registered(), await another_agent(world)
        _, proposed = await propose(world, [person], other)
        path = f"/agents/{other}/departure"
        await post(world, path, world.officer(), DROP)
        await post(world, f"{path}/approval", world.checker())
        told = await post(world, f"/reassignments/{proposed['reassignment_id']}/approval", world.checker())
        assert told[1]["code"] == "not_a_manager"
        refusal = f"/reassignments/{proposed['reassignment_id']}/refusal"
        assert (await post(world, refusal, world.checker(), {"reason": "agent_left"}))[1]["status"] == "REFUSED"

    async def test_a_repeated_command_proposes_once_and_a_foreign_one_is_404(self, world: World) -> None:
        person, headers = await world.registered(), world.officer()
        first, again = [await propose(world, [person], None, headers) for _ in range(2)]
        assert first == again
        elsewhere = World(world.h, new_id())
        path = f"/reassignments/{first[1]['reassignment_id']}"
        assert (await post(world, f"{path}/approval", elsewhere.checker()))[0] == 404
        assert (await post(world, f"{path}/refusal", elsewhere.checker(), {"reason": "x"}))[0] == 404
        assert (await world.h.client.get("/reassignments", headers=elsewhere.checker())).json()["items"] == []


async def test_replay_equals_live(world: World) -> None:
    await TestReassignments().test_two_people_pass_participants_to_another_agent(world)
    await world.registered()
    await depart(world)
    assert await world.h.due(HANDOVER) == 1
    await post(world, f"/agents/{await another_agent(world)}/departure", world.officer(), DROP)
    outcome = await world.h.replay()
    assert outcome.equal, outcome.differences
