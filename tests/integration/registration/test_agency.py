"""Branches, Wadah, agents and outreach sessions through their doors."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from chassis.ids import new_id
from contracts.events.agency import AgreementRenewed, IncentiveScheme, WadahEngaged
from tests.integration.registration.test_protection import wib
from tests.integration.registration.world import World, form

SESSION = {
    "kind": "JOINT",
    "place": "Balai warga Cimone",
    "starts_at": "2025-10-06T08:00:00+07:00",
    "ends_at": "2025-10-06T12:00:00+07:00",
    "audience": ["MEMBERS", "FAMILIES", "PUBLIC"],
}


async def post(world: World, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
    answer = await world.h.client.post(path, json=body, headers=headers)
    return answer.status_code, answer.json()


class TestBranches:
    async def test_a_code_is_used_once(self, world: World) -> None:
        body = {"code": "J08", "name": "Cimone", "city": "Tangerang"}
        status, problem = await post(world, "/branches", world.h.token(roles=["central"]), body)
        assert (status, problem["code"]) == (409, "branch_code_taken")

    async def test_only_the_central_office_opens_one(self, world: World) -> None:
        status, _ = await post(world, "/branches", world.officer(), {"code": "J09", "name": "C", "city": "T"})
        assert status == 403

    async def test_anybody_signed_in_sees_them(self, world: World) -> None:
        answer = await world.h.client.get("/branches", headers=world.h.token(roles=["participant"]))
        assert [one["code"] for one in answer.json()["items"]] == ["J08"]


class TestWadah:
    async def test_an_agreement_number_is_used_once_in_a_branch(self, world: World) -> None:
        terms = {"name": "Lain", "agreement_number": "PKS-1", "term_from": "2025-10-01", "term_to": "2026-09-30"}
        status, problem = await post(world, "/wadah", world.officer(), terms)
        assert (status, problem["code"]) == (409, "agreement_number_taken")

    async def test_a_term_over_the_scheme_s_years_names_the_rules(self, world: World) -> None:
        terms = {"name": "Lain", "agreement_number": "PKS-2", "term_from": "2025-10-01", "term_to": "2026-10-01"}
        status, problem = await post(world, "/wadah", world.officer(), terms)
        assert (status, problem["code"], problem["field"]) == (422, "agreement_too_long", "term_to")
        assert problem["rules"] == "perisai-agency/2022-04"

    async def test_it_may_name_a_target_which_stands_beside_it(self, world: World) -> None:
        terms = {"name": "Lain", "agreement_number": "PKS-3", "term_from": "2025-10-01", "term_to": "2026-09-30"}
        status, made = await post(world, "/wadah", world.officer(), terms | {"monthly_target": 25})
        assert status == 201
        shown = (await world.h.client.get("/wadah", headers=world.officer())).json()["items"]
        targets = {one["wadah_id"]: one["monthly_target"] for one in shown}
        assert targets == {made["wadah_id"]: 25, str(world.wadah_id): None}
        (engaged,) = [r.event for r in await world.h.events("wadah") if r.envelope.key == made["wadah_id"]]
        assert isinstance(engaged, WadahEngaged) and engaged.monthly_target == 25
        for wrong in (0, -1, "25", 2.5):
            status, problem = await post(world, "/wadah", world.officer(), terms | {"monthly_target": wrong})
            assert (status, problem["field"]) == (422, "monthly_target")

    async def test_ended_it_stops_its_agents(self, world: World) -> None:
        body = {"ended_on": "2025-10-05", "reason": "target_missed"}
        status, _ = await post(world, f"/wadah/{world.wadah_id}/end", world.checker(), body)
        assert status == 200
        refused = await world.register(form())
        assert (refused.status_code, refused.json()["code"]) == (422, "agreement_not_in_force")

    async def test_another_branch_cannot_end_it(self, world: World) -> None:
        foreign = world.h.token(roles=["checker"], branch_id=new_id())
        status, _ = await post(
            world, f"/wadah/{world.wadah_id}/end", foreign, {"ended_on": "2025-10-05", "reason": "target_missed"}
        )
        assert status == 404


NEXT = {"agreement_number": "PKS-2", "term_from": "2026-01-15", "term_to": "2027-01-14", "monthly_target": 30}
"""The world's agreement, PKS-1, runs from 15 January 2025 through 14 January 2026."""


async def renew(world: World, headers: dict[str, str] | None = None, **changes: Any) -> tuple[int, Any]:
    return await post(world, f"/wadah/{world.wadah_id}/agreements", headers or world.officer(), NEXT | changes)


class TestRenewal:
    async def test_the_next_agreement_is_concluded_ahead_and_both_are_shown(self, world: World) -> None:
        status, made = await renew(world)
        assert (status, made) == (201, {"wadah_id": str(world.wadah_id), "agreement": 2})
        (shown,) = (await world.h.client.get("/wadah", headers=world.officer())).json()["items"]
        assert (shown["agreement_number"], shown["term_to"]) == ("PKS-1", "2026-01-14")
        told = [(one["agreement"], one["agreement_number"], one["term_from"]) for one in shown["agreements"]]
        assert told == [(1, "PKS-1", "2025-01-15"), (2, "PKS-2", "2026-01-15")]
        world.h.clock.set(wib("2026-01-15 00:00:00"))
        (shown,) = (await world.h.client.get("/wadah", headers=world.officer())).json()["items"]
        assert (shown["agreement_number"], shown["monthly_target"]) == ("PKS-2", 30)
        (renewed,) = [r.event for r in await world.h.events("wadah") if isinstance(r.event, AgreementRenewed)]
        assert (renewed.agreement, renewed.follows_on, renewed.scheme) == (2, date(2026, 1, 14), IncentiveScheme.NEW)

    @pytest.mark.parametrize("renewed", [True, False])
    async def test_agents_work_on_under_it_without_a_day_between(self, world: World, renewed: bool) -> None:
        if renewed:
            assert (await renew(world))[0] == 201
        world.h.clock.set(wib("2026-01-15 00:00:00"))
        answer = await world.register(form())
        assert (answer.status_code == 422 and answer.json()["code"] == "agreement_not_in_force") is not renewed

    @pytest.mark.parametrize(
        ("changes", "code", "field"),
        [
            ({"term_from": "2026-01-14", "term_to": "2027-01-13"}, "agreement_overlaps", "term_from"),
            ({"term_to": "2026-01-14"}, "agreement_dates", "term_to"),
            ({"term_to": "2027-01-15"}, "agreement_too_long", "term_to"),
            ({"agreement_number": "PKS-1"}, "agreement_number_taken", "agreement_number"),
            ({"term_from": "besok"}, "invalid_fields", "term_from"),
            ({"monthly_target": 0}, "invalid_fields", "monthly_target"),
        ],
    )
    async def test_what_cannot_be_is_refused_and_names_the_field(
        self, world: World, changes: dict[str, Any], code: str, field: str
    ) -> None:
        status, problem = await renew(world, **changes)
        assert status in (409, 422)
        assert problem["field"] == field
        if code == "agreement_overlaps":
            assert "PKS-1" in problem["messages"]["id"] and "2026-01-14" in problem["messages"]["en"]
        if code != "invalid_fields":
            assert problem["code"] == code
        assert (await renew(world))[0] == 201

    async def test_who_is_of_another_branch_or_no_officer_renews_nothing(self, world: World) -> None:
        foreign = world.h.token(roles=["officer"], branch_id=new_id())
        assert (await renew(world, foreign))[0] == 404
        for headers in (world.coordinator(), world.h.token(roles=["central"]), world.agent()):
            assert (await renew(world, headers))[0] == 403
        status, _ = await post(world, f"/wadah/{new_id()}/agreements", world.officer(), NEXT)
        assert status == 404

    @pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
    async def test_a_term_that_nobody_means_is_refused_by_its_fields(self, world: World, day: str) -> None:
        terms: dict[str, Any] = {"term_from": day, "term_to": day}
        first = await post(world, "/wadah", world.officer(), NEXT | terms | {"name": "Koperasi"})
        for status, problem in (await renew(world, **terms), first):
            assert status == 422
            told = [(one["field"], one["code"]) for one in problem["errors"]]
            assert told == [("term_from", "date_out_of_range"), ("term_to", "date_out_of_range")]

    async def test_two_at_once_give_one_agreement(self, world: World) -> None:
        """The stream of the Wadah arbitrates: the loser is judged again, after the winner."""
        found = await asyncio.gather(*(renew(world, agreement_number=f"PKS-{n}") for n in (2, 3, 4)))
        assert sorted(status for status, _ in found) == [201, 409, 409]
        assert {problem["code"] for status, problem in found if status == 409} == {"agreement_overlaps"}

    async def test_a_number_that_two_wadah_want_at_once_is_given_once(self, world: World) -> None:
        terms = {"name": "Lain", "term_from": "2025-10-01", "term_to": "2026-09-30", "agreement_number": "PKS-2"}
        found = await asyncio.gather(renew(world), post(world, "/wadah", world.officer(), terms))
        assert sorted(status for status, _ in found) == [201, 409]

    async def test_a_wadah_that_was_ended_may_be_bound_again(self, world: World) -> None:
        body = {"ended_on": "2025-10-05", "reason": "target_missed"}
        assert (await post(world, f"/wadah/{world.wadah_id}/end", world.checker(), body))[0] == 200
        assert (await world.register(form())).status_code == 422
        assert (await renew(world, term_from="2025-10-06", term_to="2026-10-05"))[0] == 201
        assert (await world.register(form())).status_code == 201
        status, problem = await post(world, f"/wadah/{world.wadah_id}/end", world.checker(), body)
        assert (status, problem["code"], problem["field"]) == (422, "wadah_end_date", "ended_on")


class TestAgents:
    async def test_a_code_is_issued_and_the_person_sealed(self, world: World) -> None:
        assert world.agent_code.startswith("PRS")
        assert len(world.agent_code) == 11
        (proposed,) = [one for one in await world.h.events("agents") if one.envelope.type == "AgentProposed"]
        assert "Budi" not in repr(proposed.event)

    async def test_one_person_is_an_agent_once(self, world: World) -> None:
        body = {"participant_id": str(world.own_participant), "name": "Budi", "phone": "081234567891"}
        status, problem = await post(world, "/agents", world.coordinator(), body)
        assert (status, problem["code"]) == (409, "already_agent")

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"participant_id": str(new_id())}, "participant_unknown"),
            ({"phone": "0215551234"}, "phone_not_mobile"),
            ({"phone": "+6591234567"}, "phone_foreign"),
        ],
    )
    async def test_a_bad_proposal(self, world: World, changes: dict[str, str], code: str) -> None:
        person = await world.registered()
        body = {"participant_id": str(person), "name": "Budi", "phone": "081234567891", **changes}
        status, problem = await post(world, "/agents", world.coordinator(), body)
        assert (status, problem["code"]) == (422, code)

    async def test_a_board_cannot_name_a_person_of_another_branch_or_wadah(self, world: World) -> None:
        """Nor learn that there is such a person: the answer is that for nobody."""
        elsewhere = await World.opened(world.h, code="J09")
        rival = World(world.h, world.branch_id, await world.engaged("PKS-RIVAL"))
        for board in (elsewhere, rival):
            told = []
            for person in (await world.registered(), new_id()):
                body = {"participant_id": str(person), "name": "Budi", "phone": "081234567891"}
                told.append(await post(board, "/agents", board.coordinator(), body))
            assert told[0] == told[1]
            assert (told[0][0], told[0][1]["code"]) == (422, "participant_unknown")

    async def test_activation_needs_certificate_active_participation_and_another_person(self, world: World) -> None:
        person = await world.registered()
        agent_id, _ = await world.proposed(person)
        path = f"/agents/{agent_id}"
        assert (await post(world, f"{path}/activation", world.checker()))[1]["code"] == "agent_step"
        certificate = {"certificate_number": "S-2", "certified_on": "2025-10-07"}
        status, problem = await post(world, f"{path}/certification", world.officer(), certificate)
        assert (status, problem["code"]) == (422, "certificate_date")
        certificate["certified_on"] = "2025-10-06"
        assert (await post(world, f"{path}/certification", world.officer(), certificate))[0] == 200
        same = world.checker(subject="officer-1")
        assert (await post(world, f"{path}/activation", same))[1]["code"] == "checker_is_maker"
        assert (await post(world, f"{path}/activation", world.checker()))[1]["code"] == "agent_participation_not_active"
        await world.pay(person)
        status, body = await post(world, f"{path}/activation", world.checker())
        assert (status, body["status"]) == (200, "ACTIVE")

    async def test_a_suspended_agent_registers_nobody_until_reinstated(self, world: World) -> None:
        path = f"/agents/{world.agent_id}"
        assert (await post(world, f"{path}/suspension", world.checker(), {"reason": "under_review"}))[0] == 200
        refused = (await world.register(form())).json()
        assert (refused["code"], refused["rules"]) == ("agent_not_active", "bpu-registration/2022-07")
        assert (await post(world, f"{path}/reinstatement", world.checker()))[0] == 200
        assert (await world.register(form())).status_code == 201

    async def test_the_board_sees_its_agents_and_another_board_none(self, world: World) -> None:
        own = await world.h.client.get("/agents", headers=world.coordinator())
        assert [one["name"] for one in own.json()["items"]] == ["Budi Santoso"]
        other = world.h.token(roles=["coordinator"], wadah_id=new_id())
        assert (await world.h.client.get("/agents", headers=other)).json()["items"] == []
        assert (await world.h.client.get(f"/agents/{world.agent_id}", headers=other)).status_code == 404


class TestOutreach:
    def wanted(self, world: World, **changes: Any) -> dict[str, Any]:
        return {**SESSION, "wadah_id": str(world.wadah_id), "agents": [str(world.agent_id)], **changes}

    async def test_a_joint_session_from_plan_to_the_registrations_it_brought(self, world: World) -> None:
        status, planned = await post(world, "/outreach", world.agent(), self.wanted(world))
        assert (status, planned["status"]) == (201, "JOINT_REQUESTED")
        path = f"/outreach/{planned['outreach_id']}"
        status, problem = await post(world, f"{path}/held", world.agent(), {"head_count": 80})
        assert (status, problem["code"]) == (409, "outreach_step")
        assert (await post(world, f"{path}/join", world.officer(), {"officers": []}))[1]["code"] == "outreach_officers"
        status, joined = await post(world, f"{path}/join", world.officer(), {"officers": ["officer-1"]})
        assert (status, joined["status"]) == (200, "JOINT_CONFIRMED")
        assert (await world.register(form(outreach_id=planned["outreach_id"]))).status_code == 201
        assert (await post(world, f"{path}/held", world.agent(), {"head_count": 80}))[1]["status"] == "HELD"
        seen = await world.h.client.get(path, headers=world.coordinator())
        assert (seen.json()["head_count"], seen.json()["officers"]) == (80, ["officer-1"])

    async def test_a_session_of_another_wadah_cannot_be_named(self, world: World) -> None:
        refused = (await world.register(form(outreach_id=str(new_id())))).json()
        assert (refused["code"], refused["field"]) == ("outreach_unknown", "outreach_id")

    async def test_a_registration_names_a_session_up_to_thirty_days_after_it(self, world: World) -> None:
        _, planned = await post(world, "/outreach", world.coordinator(), self.wanted(world, kind="AGENT"))
        await world.pay(world.own_participant, "2025-11")
        world.h.pass_time(days=31)
        refused = (await world.register(form(outreach_id=planned["outreach_id"]))).json()
        assert refused["code"] == "outreach_too_old"

    async def test_a_cancelled_session_is_not_held(self, world: World) -> None:
        _, planned = await post(world, "/outreach", world.officer(), self.wanted(world, kind="AGENT"))
        path = f"/outreach/{planned['outreach_id']}"
        status, problem = await post(world, f"{path}/cancellation", world.officer(), {"reason": "NIK 3671040403909999"})
        assert (status, problem["errors"][0]["code"]) == (422, "long_number")
        assert (await post(world, f"{path}/cancellation", world.officer(), {"reason": "hujan"}))[0] == 200
        assert (await post(world, f"{path}/held", world.officer(), {"head_count": 1}))[1]["code"] == "outreach_step"

    async def test_foreign_agents_and_boards_cannot_plan_it(self, world: World) -> None:
        other = world.h.token(roles=["coordinator"], wadah_id=new_id())
        assert (await post(world, "/outreach", other, self.wanted(world)))[1]["code"] == "wadah_unknown"
        stranger = self.wanted(world, agents=[str(new_id())])
        assert (await post(world, "/outreach", world.coordinator(), stranger))[1]["code"] == "outreach_agents"


async def test_replay_equals_live(world: World) -> None:
    await TestOutreach().test_a_joint_session_from_plan_to_the_registrations_it_brought(world)
    await TestAgents().test_a_suspended_agent_registers_nobody_until_reinstated(world)
    assert (await renew(world))[0] == 201
    outcome = await world.h.replay()
    assert outcome.equal, outcome.differences
    assert {name for name, rows in outcome.rows.items() if rows} == {
        "agreement_numbers",
        "branches",
        "wadah",
        "agents",
        "outreach",
        "participants",
        "people",
    }
