"""Registration over HTTP: what is answered, what is stored, and every row of bad input of the HTTP door."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from stdnum import luhn

from chassis.ids import new_id
from tests.integration.registration.world import World, form, nik_of
from tests.support.counters import holds


async def refused(world: World, headers: dict[str, str] | None = None, **changes: Any) -> tuple[int, str, str | None]:
    answer = await world.register(form(**changes), headers)
    body = answer.json()
    return answer.status_code, body["code"], body.get("field")


async def count(world: World, table: str) -> int:
    async with world.h.app.read() as conn:
        return int((await conn.execute(sa.text(f"SELECT count(*) FROM {table}"))).scalar_one())


class TestAccepted:
    async def test_the_answer_holds_the_code_to_hand_over(self, world: World) -> None:
        answer = await world.register(form())
        body = answer.json()
        assert answer.status_code == 201
        assert luhn.is_valid(body["contribution_code"])
        assert (len(body["contribution_code"]), body["payable"], body["warnings"]) == (13, "pending", [])
        assert set(body) == {"participant_id", "contribution_code", "payable", "warnings"}

    async def test_the_event_names_branch_wadah_and_agent_and_seals_the_person(self, world: World) -> None:
        participant_id = await world.registered()
        (recorded,) = [r for r in await world.h.events("participants") if r.envelope.key == str(participant_id)]
        assert (recorded.envelope.branch_id, recorded.envelope.wadah_id) == (world.branch_id, world.wadah_id)
        assert (recorded.envelope.agent_id, recorded.envelope.actor) == (world.agent_id, "agent-1")
        assert recorded.envelope.rules == "bpu-registration/2022-07"

    async def test_a_birth_date_and_sex_that_differ_from_the_nik_are_warned_of(self, world: World) -> None:
        answer = await world.register(form(birth_date="1990-03-05", sex="F"))
        assert (answer.status_code, answer.json()["warnings"]) == (201, ["nik_birth_date_differs", "nik_sex_differs"])

    async def test_an_agent_in_grace_is_warned(self, world: World) -> None:
        world.h.pass_time(days=26)
        answer = await world.register(form())
        assert (answer.status_code, answer.json()["warnings"]) == (201, ["agent_in_grace"])

    async def test_an_officer_registers_for_the_branch(self, world: World) -> None:
        answer = await world.register(form(), world.officer())
        seen = await world.seen(UUID(answer.json()["participant_id"]))
        assert (seen["branch_id"], seen["wadah_id"], seen["agent_id"]) == (str(world.branch_id), None, None)

    async def test_a_person_registers_with_a_branch_of_choice(self, world: World) -> None:
        person = world.h.token(roles=["participant"], subject="person-1")
        assert (await world.register(form(branch_id=str(world.branch_id)), person)).status_code == 201

    async def test_women_and_people_born_after_2000_are_accepted_without_warning(self, world: World) -> None:
        from datetime import date

        born = date(2005, 3, 4)
        answer = await world.register(form(nik=nik_of(born, female=True), birth_date="2005-03-04", sex="F"))
        assert (answer.status_code, answer.json()["warnings"]) == (201, [])


class TestAgentsStanding:
    async def test_an_agent_whose_own_participation_lapsed(self, world: World) -> None:
        world.h.clock.set(world.h.clock.business().replace(year=2026, month=2, day=2))
        headers = world.agent()
        assert (await refused(world, headers))[1] in ("agent_participation_ended", "agreement_not_in_force")

    async def test_nothing_of_a_refusal_is_stored(self, world: World) -> None:
        before = [await count(world, table) for table in ("participants", "people", "person_keys", "event_log")]
        await refused(world, nik="1")
        assert [await count(world, t) for t in ("participants", "people", "person_keys", "event_log")] == before


class TestDuplicates:
    async def test_the_same_form_again_gets_the_first_result(self, world: World) -> None:
        person = form()
        first = await world.register(person)
        again = await world.register(person)
        assert (again.status_code, again.json()) == (200, first.json())

    async def test_another_agent_or_other_data_is_409_and_shows_nothing(self, world: World) -> None:
        person = form()
        first = (await world.register(person)).json()
        for headers, changed in ((world.officer(), person), (world.agent(), {**person, "income": 2_000_000})):
            answer = await world.register(changed, headers)
            assert (answer.status_code, answer.json()["code"]) == (409, "nik_registered")
            assert first["contribution_code"] not in answer.text
            assert first["participant_id"] not in answer.text

    async def test_once_paid_the_same_form_is_409(self, world: World) -> None:
        person = form()
        participant_id = UUID((await world.register(person)).json()["participant_id"])
        await world.pay(participant_id)
        assert (await world.register(person)).status_code == 409

    async def test_after_expiry_the_nik_is_free(self, world: World) -> None:
        person = form()
        first = (await world.register(person)).json()
        await world.pay(world.own_participant, "2025-11")
        world.h.pass_time(days=31)
        assert await world.h.due("calendar") >= 1
        again = await world.register(person)
        assert again.status_code == 201
        assert again.json()["participant_id"] != first["participant_id"]

    async def test_lapsed_is_offered_reactivation_and_closed_is_refused(self, world: World) -> None:
        lapsed, closed = form(), form()
        ids = [UUID((await world.register(one)).json()["participant_id"]) for one in (lapsed, closed)]
        for participant_id in ids:
            await world.pay(participant_id)
        died = {"died_on": "2025-10-06"}
        closing = await world.h.client.post(f"/participants/{ids[1]}/closure", json=died, headers=world.checker())
        assert closing.status_code == 200, closing.text
        world.h.clock.set(world.h.clock.business().replace(year=2026, month=2, day=1))
        await world.h.due("calendar")
        assert (await world.register(lapsed, world.officer())).json()["code"] == "reactivation_offered"
        assert (await world.register(closed, world.officer())).json()["code"] == "registration_not_possible"

    async def test_of_two_at_the_same_moment_exactly_one_wins(self, world: World) -> None:
        """Through one process's door, and through doors of their own as two processes have."""
        from chassis.http import Principal
        from chassis.problems import Rejected
        from chassis.transaction import Meta
        from contracts.events.participants import Entry
        from services.registration.api.participants import bringer
        from services.registration.commands.registering import Registering, RegisterParticipant
        from services.registration.forms import RegistrationForm

        person = form()
        answers = await asyncio.gather(
            *(world.register(person, world.officer(subject=f"officer-{n}")) for n in range(5))
        )
        assert sorted(a.status_code for a in answers) == [201, 409, 409, 409, 409]
        other = RegistrationForm.model_validate_json(json.dumps(form())).to_domain()
        registering = Registering(world.h.app.vault, world.h.app.numbers)

        async def alone(n: int) -> object:
            officer = Principal(f"officer-{n}", frozenset({"officer"}), branch_id=world.branch_id)
            command = RegisterParticipant(other, bringer(officer, Entry.ONLINE, None), Meta(officer.subject, new_id()))
            (outcome,) = await world.h.run(registering, [command])
            return outcome

        outcomes = await asyncio.gather(*(alone(n) for n in range(6)))
        assert sum(not isinstance(outcome, Rejected) for outcome in outcomes) == 1


class TestIdempotency:
    async def test_the_key_is_required(self, world: World) -> None:
        headers = {k: v for k, v in world.agent().items() if k != "Idempotency-Key"}
        answer = await world.register(form(), headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")

    async def test_the_same_key_gives_the_first_answer_refusals_included(self, world: World) -> None:
        for person in (form(), form(nik="1")):
            headers = world.agent()
            first, again = await world.register(person, headers), await world.register(person, headers)
            assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert await count(world, "participants") == 2

    async def test_another_body_under_the_key_is_refused(self, world: World) -> None:
        headers = world.agent()
        await world.register(form(), headers)
        answer = await world.register(form(), headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")

    async def test_a_repeat_in_flight_joins_the_first(self, world: World) -> None:
        headers, person = world.agent(), form()
        answers = await asyncio.gather(*(world.register(person, headers) for _ in range(4)))
        assert len({a.text for a in answers}) == 1
        assert await count(world, "participants") == 2

    async def test_another_actor_s_key_is_independent(self, world: World) -> None:
        headers = world.agent()
        other = {**world.officer(), "Idempotency-Key": headers["Idempotency-Key"]}
        assert (await world.register(form(), headers)).status_code == 201
        assert (await world.register(form(), other)).status_code == 201


async def test_a_batch_takes_as_many_statements_for_five_hundred_as_for_one(world: World) -> None:
    from chassis.http import Principal
    from chassis.idempotency import Idempotent, Keyed
    from chassis.transaction import Meta
    from contracts.events.participants import Entry
    from services.registration.api.participants import bringer
    from services.registration.commands.registering import Registering, RegisteringOnline, RegisterParticipant
    from services.registration.forms import RegistrationForm

    agent = Principal("agent-1", frozenset({"agent"}), wadah_id=world.wadah_id, agent_id=world.agent_id)
    use_case: Idempotent[RegisterParticipant] = Idempotent(
        RegisteringOnline(Registering(world.h.app.vault, world.h.app.numbers))
    )

    def commands(number: int) -> Sequence[Keyed[RegisterParticipant]]:
        by = bringer(agent, Entry.ONLINE, None)
        forms = [RegistrationForm.model_validate_json(json.dumps(form())).to_domain() for _ in range(number)]
        meta = Meta(agent.subject, new_id())
        return [
            Keyed(agent.subject, str(new_id()), b"h", new_id(), RegisterParticipant(one, by, meta)) for one in forms
        ]

    taken = []
    for number in (1, 500):
        before = await world.h.statements()
        outcomes = await world.h.run(use_case, commands(number))
        assert {getattr(outcome, "status", None) for outcome in outcomes} == {201}
        after = await world.h.statements()
        taken.append((after[0] - before[0], after[1] - before[1]))
    assert taken[0] == taken[1]
    holds("registration.command_batch.statements", taken[0][0])
    assert taken[0][1] == 1


async def test_replay_equals_live(world: World) -> None:
    for _ in range(5):
        await world.registered()
    outcome = await world.h.replay()
    assert outcome.equal, outcome.differences
