"""Who sees what: pages, masks, search, and the sweep of every path by strangers (domain.md section 2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from tests.integration.registration.files import row, table, worked
from tests.integration.registration.world import Headers, World, form


async def get(world: World, path: str, headers: Headers, **query: Any) -> Any:
    answer = await world.h.client.get(path, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestList:
    async def test_an_agent_lists_the_own_participants_by_status(self, world: World) -> None:
        unpaid, protected = await world.registered(), await world.registered()
        await world.pay(protected)
        await world.register(form(), world.officer())
        everything = await get(world, "/participants", world.agent())
        assert [one["participant_id"] for one in everything["items"]] == [str(protected), str(unpaid)]
        (first,) = (await get(world, "/participants", world.agent(), status="unpaid"))["items"]
        assert (first["participant_id"], first["status"], first["pay_until"]) == (str(unpaid), "unpaid", "2025-11-05")
        (second,) = (await get(world, "/participants", world.agent(), status="protected"))["items"]
        assert (second["protected_until"], second["message_failed"]) == ("2025-10-31", False)
        assert second["name"] == "Siti Rahayu"

    async def test_pages_hold_everybody_once(self, world: World) -> None:
        people = {str(await world.registered()) for _ in range(7)}
        seen, cursor = [], None
        while True:
            query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = await get(world, "/participants", world.agent(), **query)
            seen += [one["participant_id"] for one in page["items"]]
            if (cursor := page["cursor"]) is None:
                break
        assert len(seen) == 7
        assert set(seen) == people

    @pytest.mark.parametrize("query", [{"status": "perhaps"}, {"limit": "0"}, {"limit": "201"}, {"cursor": "x"}])
    async def test_a_bad_query_is_422(self, world: World, query: dict[str, str]) -> None:
        answer = await world.h.client.get("/participants", headers=world.agent(), params=query)
        assert (answer.status_code, [e["field"].split(".")[-1] for e in answer.json()["errors"]]) == (422, list(query))

    async def test_the_board_gets_counts_and_nothing_else(self, world: World) -> None:
        await world.pay(await world.registered())
        await world.registered()
        counts = await get(world, "/participants/counts", world.coordinator())
        assert (counts["unpaid"], counts["protected"]) == (1, 1)
        person = await world.registered()
        for path in ("/participants", f"/participants/{person}"):
            assert (await world.h.client.get(path, headers=world.coordinator())).status_code == 403


class TestOne:
    async def test_the_branch_sees_all_the_agent_a_masked_nik_others_numbers_only(self, world: World) -> None:
        person = form()
        participant_id = UUID((await world.register(person)).json()["participant_id"])
        path = f"/participants/{participant_id}"
        assert (await get(world, path, world.officer()))["nik"] == person["nik"]
        masked = await get(world, path, world.agent())
        assert masked["nik"] == "*" * 12 + person["nik"][-4:]
        assert masked["phone"] == "+6281234567890"
        own = world.h.token(roles=["participant"], participant_id=participant_id)
        assert (await get(world, path, own))["nik"] == person["nik"]
        for role in ("central", "auditor", "operator", "service"):
            numbers = await get(world, path, world.h.token(roles=[role]))
            assert not {"nik", "name", "phone", "address", "birth_date", "email"} & set(numbers)

    async def test_it_tells_form_consent_and_spells(self, world: World) -> None:
        participant_id = await world.registered(email="siti@example.id", working_hours="08.00-17.00")
        await world.pay(participant_id, "2025-10", "2025-11")
        seen = await world.seen(participant_id)
        assert (seen["programmes"], seen["income"], seen["email"]) == (
            ["JHT", "JKK", "JKM"],
            1_000_000,
            "siti@example.id",
        )
        assert seen["consent"]["text_version"] == "2025-01"
        assert [(s["spell"], s["paid_through"], s["ended"], s["payments"]) for s in seen["spells"]] == [
            (1, "2025-11", None, 1)
        ]


class TestSearch:
    async def test_an_officer_finds_a_person_by_nik(self, world: World) -> None:
        person = form()
        participant_id = (await world.register(person)).json()["participant_id"]
        answer = await world.h.client.post("/participants/search", json={"nik": person["nik"]}, headers=world.officer())
        assert [one["participant_id"] for one in answer.json()["items"]] == [participant_id]

    async def test_another_branch_finds_nobody_and_other_roles_do_not_search(self, world: World) -> None:
        person = form()
        await world.register(person)
        body, foreign = {"nik": person["nik"]}, world.h.token(roles=["officer"], branch_id=new_id())
        assert (await world.h.client.post("/participants/search", json=body, headers=foreign)).json()["items"] == []
        for headers in (world.agent(), world.coordinator()):
            assert (await world.h.client.post("/participants/search", json=body, headers=headers)).status_code == 403


async def test_a_stranger_reaches_nothing_of_another_branch_or_wadah(world: World) -> None:
    """Every path that names a thing, tried by every role of another tenant: 403 or 404, and nothing has changed."""
    other = await World.opened(world.h, code="J09")
    participant_id = await world.registered()
    done = await worked(world, table(row()))
    session = await world.h.client.post(
        "/outreach",
        json={
            "wadah_id": str(world.wadah_id),
            "kind": "JOINT",
            "place": "Cimone",
            "starts_at": "2025-10-06T08:00:00+07:00",
            "ends_at": "2025-10-06T10:00:00+07:00",
            "audience": ["PUBLIC"],
            "agents": [str(world.agent_id)],
        },
        headers=world.agent(),
    )
    reassignment = await world.h.client.post(
        "/reassignments",
        json={"participants": [str(participant_id)], "agent_id": None, "reason": "on_request"},
        headers=world.officer(),
    )
    ids = {
        "participant_id": str(participant_id),
        "agent_id": str(world.agent_id),
        "wadah_id": str(world.wadah_id),
        "outreach_id": session.json()["outreach_id"],
        "import_id": done.summary["import_id"],
        "reassignment_id": reassignment.json()["reassignment_id"],
    }
    bodies: dict[str, Any] = {
        "closure": {"died_on": "2025-10-06"},
        "correction": {"income": 2_000_000},
        "certification": {"certificate_number": "S-9", "certified_on": "2025-10-01"},
        "suspension": {"reason": "under_review"},
        "end": {"ended_on": "2025-10-06", "reason": "target_missed"},
        "join": {"officers": ["officer-2"]},
        "held": {"head_count": 1},
        "cancellation": {"reason": "x"},
        "departure": {"kind": "DROP", "reason": "no_acquisition"},
        "refusal": {"reason": "not_proven"},
        "agreements": {"agreement_number": "PKS-9", "term_from": "2027-10-01", "term_to": "2029-09-30"},
    }
    strangers = [other.agent, other.officer, other.checker, other.coordinator]
    person = world.h.token(roles=["participant"], participant_id=new_id())
    tried, before = 0, len(await world.h.events())
    for path, methods in world.h.asgi.openapi()["paths"].items():
        if "{" not in path or path.startswith("/ops"):
            continue
        for method in methods:
            for headers in (*(made() for made in strangers), person):
                body = bodies.get(path.rpartition("/")[2])
                headers = {**headers, "Idempotency-Key": str(new_id())}
                answer = await world.h.client.request(method, path.format(**ids), json=body, headers=headers)
                assert answer.status_code in (403, 404), (method, path, answer.status_code, answer.text)
                tried += 1
    assert tried > 50
    assert len(await world.h.events()) == before


async def test_lists_show_each_tenant_its_own(world: World) -> None:
    other = await World.opened(world.h, code="J09")
    await world.registered()
    await worked(world, table(row()))
    for made in (other.agent, other.officer, other.coordinator):
        assert (await get(world, "/imports", made()))["items"] == []
    assert (await get(world, "/participants", other.agent()))["items"] == []
    assert [one["wadah_id"] for one in (await get(world, "/wadah", other.agent()))["items"]] == [str(other.wadah_id)]
    assert [one["agent_id"] for one in (await get(world, "/agents", other.officer()))["items"]] == [str(other.agent_id)]
    assert (await get(world, "/outreach", other.coordinator()))["items"] == []
