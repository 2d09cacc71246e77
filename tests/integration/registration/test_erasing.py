"""Erasure of a person: what stands against it is named and recorded, then key, copies and event go at once, and the NIK is acquired no more."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from chassis.clock import SystemClock
from contracts.events.contributions import BillKind
from contracts.events.erasure import (
    ErasureChecked,
    ErasureObstacle,
    ErasureRefused,
    ParticipantForgotten,
)
from contracts.events.participants import ParticipantRegistered, ProtectionRefused, ProtectionStarted
from contracts.values import WIB, ErasureId, ParticipantId
from services.registration.problems import COPY_OWED, ERASURE_OBSTACLES
from services.registration.timers import CALENDAR, ERASURE
from tests.integration.registration.world import World, nik_of
from tests.support.killed import killed_at

YEARS_10 = {"days": 3_653 + 150}
"""The grace of the last month, and the retention after it."""


async def ask(
    world: World, who: UUID, ground: str = "requested", roles: tuple[str, ...] = ("central",)
) -> httpx.Response:
    headers = world.h.token(roles=list(roles), branch_id=world.branch_id)
    return await world.h.client.post(f"/participants/{who}/erasure", json={"ground": ground}, headers=headers)


async def asked(world: World, who: UUID) -> UUID:
    answer = await ask(world, who)
    assert (answer.status_code, answer.json()["status"]) == (202, "REQUESTED"), answer.text
    return UUID(answer.json()["erasure_id"])


def checked(who: UUID, erasure_id: UUID, *obstacles: ErasureObstacle) -> ErasureChecked:
    return ErasureChecked(participant_id=ParticipantId(who), erasure_id=ErasureId(erasure_id), obstacles=obstacles)


async def erased(world: World, who: UUID) -> None:
    await world.tell(checked(who, await asked(world, who)))
    assert await world.h.due(ERASURE) == 1


async def expired(world: World, **changes: Any) -> UUID:
    who = await world.registered(**changes)
    world.h.pass_time(days=32)
    await world.h.due(CALENDAR)
    return who


async def lapsed(world: World, **changes: Any) -> UUID:
    who = await world.registered(**changes)
    await world.pay(who)
    world.h.pass_time(days=150)
    while await world.h.due(CALENDAR):
        pass
    return who


async def listed(world: World, who: UUID) -> dict[str, Any]:
    headers = world.h.token(roles=["auditor"])
    answer = await world.h.client.get("/erasures", params={"participant_id": str(who)}, headers=headers)
    (one,) = answer.json()["items"]
    return dict(one)


async def rows(world: World, query: str, **values: Any) -> list[Any]:
    async with world.h.app.read() as conn:
        return [*(await conn.execute(sa.text(query), values)).all()]


class TestErased:
    async def test_key_and_copies_are_gone_and_replay_says_the_same(self, world: World) -> None:
        who = await expired(world, name="Hilang Lenyap")
        await erased(world, who)
        assert await rows(world, "SELECT 1 FROM people WHERE participant_id = :who", who=who) == []
        ((wrapped,),) = await rows(world, "SELECT wrapped FROM person_keys WHERE subject = :who", who=who)
        assert wrapped is None
        shown = await world.seen(who)
        assert "name" not in shown and "nik" not in shown
        ((nik_hash, holds),) = await rows(
            world, "SELECT nik_hash, holds_nik FROM participants WHERE participant_id = :who", who=who
        )
        assert (nik_hash, holds) == (None, False)
        first = next(e for e in await world.h.events("participants") if e.envelope.key == str(who))
        assert isinstance(first.event, ParticipantRegistered) and first.event.person.value is None
        assert (await listed(world, who))["status"] == "FORGOTTEN"
        assert (await world.h.replay()).differences == []

    async def test_the_nik_registers_anew_as_nobodys_acquisition(self, world: World) -> None:
        nik = nik_of()
        who = await expired(world, nik=nik)
        await erased(world, who)
        told = (await world.h.events("participants"))[-1].event
        assert isinstance(told, ParticipantForgotten)
        assert told.nik_hash == world.h.app.vault.nik_hash(nik)
        again = await world.registered(nik=nik)
        assert again != who
        await world.pay(again)
        theirs = [e.event for e in await world.h.events("participants") if e.envelope.key == str(again)]
        assert isinstance(theirs[0], ParticipantRegistered) and not theirs[0].new_to_bpu
        assert isinstance(theirs[-1], ProtectionStarted) and not theirs[-1].acquisition
        assert (await world.h.replay()).differences == []

    async def test_after_the_years_of_retention_a_paid_participation_goes_with_the_office(self, world: World) -> None:
        await _drop(world)
        world.h.pass_time(**YEARS_10)
        while await world.h.due(CALENDAR):
            pass
        await erased(world, world.own_participant)
        ((name, phone),) = await rows(world, "SELECT name, phone FROM agents WHERE agent_id = :it", it=world.agent_id)
        assert (name, phone) == (None, None)
        keys = await rows(world, "SELECT wrapped FROM person_keys WHERE subject = :it", it=world.agent_id)
        assert [key.wrapped for key in keys] == [None]
        assert (await world.h.replay()).differences == []

    async def test_results_of_an_upload_find_the_person_no_more(self, world: World) -> None:
        who = await expired(world)
        ((nik_hash,),) = await rows(world, "SELECT nik_hash FROM participants WHERE participant_id = :who", who=who)
        async with world.h.app.engine.begin() as conn:  # lint: commit — a row as an upload leaves it
            await conn.execute(
                sa.text(
                    "INSERT INTO imports (import_id, actor, content_hash, form, uploader, branch_id, correlation_id, status, rows,"
                    " line, accepted, refused, uploaded_at) VALUES (:id, 'a', 'x', 'csv', '{}', :id, :id, 'DONE', 1, 2, 1, 0, now())"
                ),
                {"id": who},
            )
            await conn.execute(
                sa.text(
                    "INSERT INTO import_results (import_id, line, outcome, participant_id, warnings, nik_hash)"
                    " VALUES (:id, 2, 'accepted', :id, '[]', :hash)"
                ),
                {"id": who, "hash": nik_hash},
            )
        await erased(world, who)
        assert await rows(world, "SELECT 1 FROM import_results WHERE nik_hash IS NOT NULL") == []

    async def test_money_that_was_on_its_way_starts_nothing(self, world: World) -> None:
        who = await expired(world)
        await erased(world, who)
        await world.pay(who)
        last = (await world.h.events("participants"))[-1].event
        assert isinstance(last, ProtectionRefused) and last.reason == "participant_closed"
        assert (await world.h.replay()).differences == []

    async def test_it_is_corrected_closed_and_made_an_agent_no_more(self, world: World) -> None:
        who = await expired(world)
        await erased(world, who)
        h = world.h
        path = f"/participants/{who}"
        corrected = await h.client.post(f"{path}/correction", json={"income": 5}, headers=world.officer())
        closed = await h.client.post(f"{path}/closure", json={"died_on": "2025-10-20"}, headers=world.checker())
        profile = {"participant_id": str(who), "name": "Siti", "phone": "081234567899"}
        agent = await h.client.post("/agents", json=profile, headers=world.coordinator())
        assert (corrected.status_code, closed.status_code, agent.status_code) == (404, 404, 422)

    async def test_when_it_was_is_told_by_one_clock_wherever_a_copy_is_asked_for(self, world: World) -> None:
        """It really happened then, whatever month is being played."""
        who = await expired(world)
        world.h.clock.set(world.h.clock.business() + timedelta(days=40))
        await erased(world, who)
        path, headers = f"/participants/{who}/export", world.officer()
        asked, fetched = (
            await world.h.client.post(path, headers=headers),
            await world.h.client.get(path, headers=headers),
        )
        assert (asked.status_code, asked.json()) == (410, fetched.json())
        assert f"{world.h.clock.wall().astimezone(WIB):%d-%m-%Y}" in asked.json()["messages"]["id"]

    async def test_asking_again_changes_nothing(self, world: World) -> None:
        who = await expired(world)
        first = await asked(world, who)
        assert await asked(world, who) == first
        await world.tell(checked(who, first))
        await world.tell(checked(who, first))
        assert await world.h.due(ERASURE) == 1
        again = await ask(world, who)
        assert (again.status_code, again.json()["status"]) == (200, "FORGOTTEN")
        types = await world.types(who)
        assert types[2:] == ["ErasureRequested", "ErasureCleared", "ParticipantForgotten"]


class TestRefused:
    async def test_every_obstacle_of_ours_is_named_in_both_languages_and_recorded(self, world: World) -> None:
        unpaid, paid = await world.registered(), await world.registered()
        await world.pay(paid)
        for who, wanted in (
            (unpaid, ["registration_open"]),
            (paid, ["protected"]),
            (world.own_participant, ["protected", "agent_in_office"]),
        ):
            answer = await ask(world, who)
            told = answer.json()
            assert (answer.status_code, told["code"]) == (409, "erasure_refused")
            assert [error["code"] for error in told["errors"]] == wanted
            for error in told["errors"]:
                known = ERASURE_OBSTACLES[ErasureObstacle(error["code"])]
                assert error["messages"] == {"id": known.id, "en": known.en} and error["field"] == "participant_id"
            last = [e.event for e in await world.h.events("participants") if e.envelope.key == str(who)][-1]
            assert isinstance(last, ErasureRefused) and [*last.obstacles] == wanted
        assert (await world.h.replay()).differences == []

    async def test_retention_names_its_day_and_ends_on_it(self, world: World) -> None:
        who = await lapsed(world)
        answer = await ask(world, who)
        (error,) = answer.json()["errors"]
        assert error["code"] == "retention"
        # October 2025 paid, payable until January: the participation ended on 1 February 2026
        assert "2036-02-01" in error["messages"]["en"] and "2036-02-01" in error["messages"]["id"]
        assert (await listed(world, who))["retained_until"] == "2036-02-01"
        world.h.pass_time(days=(date(2036, 1, 31) - world.h.clock.business().date()).days)
        assert (await ask(world, who)).status_code == 409
        world.h.pass_time(days=1)
        assert (await ask(world, who)).status_code == 202

    async def test_what_payments_holds_refuses_and_may_be_asked_anew(self, world: World) -> None:
        who = await expired(world)
        first = await asked(world, who)
        await world.tell(checked(who, first, ErasureObstacle.UNRETURNED_MONEY, ErasureObstacle.CASH_IN_HAND))
        assert await world.h.due(ERASURE) == 0
        shown = await listed(world, who)
        assert shown["status"] == "REFUSED"
        assert [one["code"] for one in shown["obstacles"]] == ["unreturned_money", "cash_in_hand"]
        assert all(one["messages"]["id"] and one["messages"]["en"] for one in shown["obstacles"])
        second = await asked(world, who)
        assert second != first
        await world.tell(checked(who, first))  # a late answer to the first
        assert await world.h.due(ERASURE) == 0
        assert (await world.h.replay()).differences == []

    async def test_a_payment_between_answer_and_deed_refuses(self, world: World) -> None:
        who = await expired(world)
        await world.tell(checked(who, await asked(world, who)))
        await world.pay(who, kind=BillKind.FIRST)
        assert await world.h.due(ERASURE) == 1
        assert await world.h.due(ERASURE) == 0
        assert [one["code"] for one in (await listed(world, who))["obstacles"]] == ["protected"]
        assert (await world.seen(who))["name"]

    async def test_a_copy_that_is_owed_comes_first(self, world: World) -> None:
        """Whoever wants both asked for it; afterwards there would be nothing to give."""
        who = await expired(world)
        path = f"/participants/{who}/export"
        assert (await world.h.client.post(path, headers=world.officer())).status_code == 202
        answer = await ask(world, who)
        assert (answer.status_code, answer.json()["code"]) == (409, "erasure_refused")
        (error,) = answer.json()["errors"]
        told = {"code": COPY_OWED.code, "messages": {"id": COPY_OWED.id, "en": COPY_OWED.en}}
        assert error == told | {"field": "participant_id"}
        last = (await world.h.events("participants"))[-1].event
        assert isinstance(last, ErasureRefused) and (last.copy_owed, last.obstacles) == (True, ())
        shown = await listed(world, who)
        assert (shown["status"], shown["obstacles"]) == ("REFUSED", [told])
        assert (await world.h.client.get(path, headers=world.officer())).json()["tables"], "it can be given"
        assert (await world.h.client.post(f"{path}/given", headers=world.officer())).status_code == 200
        await erased(world, who)
        assert (await listed(world, who))["obstacles"] == []
        assert (await world.h.replay()).differences == []

    async def test_a_copy_that_is_asked_for_between_answer_and_deed_comes_first_too(self, world: World) -> None:
        who = await expired(world)
        await world.tell(checked(who, await asked(world, who)))
        assert (await world.h.client.post(f"/participants/{who}/export", headers=world.officer())).status_code == 202
        assert await world.h.due(ERASURE) == 1
        shown = await listed(world, who)
        assert (shown["status"], [one["code"] for one in shown["obstacles"]]) == ("REFUSED", ["copy_owed"])
        assert (await world.seen(who))["name"]
        assert (await world.h.replay()).differences == []

    async def test_only_the_central_office_asks(self, world: World) -> None:
        who = await expired(world)
        for role in ("agent", "officer", "checker", "coordinator", "participant", "auditor", "operator", "service"):
            assert (await ask(world, who, roles=(role,))).status_code == 403
        assert (await ask(world, UUID(int=1))).status_code == 404
        assert (await ask(world, who, ground="because")).status_code == 422


async def test_the_hours_of_the_duty_run_out_visibly(world: World) -> None:
    who = await expired(world)
    await asked(world, who)
    h = world.h

    async def waiting() -> tuple[int, int, int]:
        async with h.app.read() as conn:
            counts = {c.name: await c.count(conn, h.clock.business()) for c in h.app.composition.concerns}
        return (await listed(world, who))["hours_left"], counts["erasures_near_their_end"], counts["erasures_late"]

    assert await waiting() == (72, 0, 0)
    h.pass_time(hours=48)
    assert await waiting() == (24, 1, 0)
    h.pass_time(hours=25)
    assert await waiting() == (-1, 1, 1)
    await world.tell(checked(who, UUID((await listed(world, who))["erasure_id"])))
    await h.due(ERASURE)
    shown = await listed(world, who)
    assert (shown["status"], shown["hours_left"]) == ("FORGOTTEN", None)


@pytest.mark.parametrize(("point", "gone"), [("E1", False), ("E2", True)])
async def test_a_process_that_dies_on_the_way_leaves_nothing_half_erased(
    world: World, tmp_path: Path, point: str, gone: bool
) -> None:
    who = await expired(world)
    await world.tell(checked(who, await asked(world, who)))
    h = world.h
    offset = h.clock.business() - SystemClock().wall()
    await killed_at(h, point, tmp_path / "log", roles="timers", offset=offset, within_s=100)
    ((wrapped,),) = await rows(world, "SELECT wrapped FROM person_keys WHERE subject = :who", who=who)
    copies = await rows(world, "SELECT 1 FROM people WHERE participant_id = :who", who=who)
    assert (wrapped is None, copies == []) == (gone, gone)
    unsearched = await rows(world, "SELECT subject FROM forgotten WHERE letters_searched_at IS NULL")
    assert [row.subject for row in unsearched] == ([who] if gone else [])
    assert await h.due(ERASURE) == (0 if gone else 1)
    assert (await listed(world, who))["status"] == "FORGOTTEN"
    assert (await world.types(who)).count("ParticipantForgotten") == 1
    h.app.keys.cache.clear()  # this process was not there when the key went
    assert (await h.replay()).differences == []


async def _drop(world: World) -> None:
    path = f"/agents/{world.agent_id}/departure"
    asked_for = await world.h.client.post(path, json={"kind": "DROP", "reason": "no_result"}, headers=world.officer())
    assert asked_for.status_code == 200, asked_for.text
    decided = await world.h.client.post(f"{path}/approval", headers=world.checker())
    assert decided.status_code == 200, decided.text
