"""The copy of a person who has been through everything holds every row, every encrypted cell and every sealed box of theirs, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import pytest

from contracts.values import WIB
from tests.integration.erasure.three import Three, three
from tests.integration.export.held import (
    Copy,
    boxes_about,
    cells_about,
    cells_in,
    events_about,
    is_whole,
    missing_boxes,
    rows_about,
    rows_in,
    rows_of_office,
)
from tests.integration.export.lives import Life, appointed, died, imported, lived, registered, somebody
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(600)
IMMENSE = {
    "registration": {"participants", "people", "agents", "reassignments", "exports", "erasures"},
    "payments": {
        "payers", "bills", "payments", "suspense", "transfers", "collective_lines", "proposals", "payee_accounts", "transfer_orders", "cases",
        "settlement_lines", "cash_received", "cash_lines", "managements", "incentive_lines", "incentive_disputes", "dispute_notes", "refunds",
        "inquiries",
    },
    "notifications": {"recipients", "notifications"},
}  # fmt: skip
"""What a life of everything leaves behind at least, between the two."""


async def copy_of(h: Harness, who: UUID, branch_id: UUID) -> Copy:
    headers = h.token(roles=["officer"], branch_id=branch_id)
    answer = await h.client.get(f"/participants/{who}/export", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return is_whole(answer.json())


async def missing(h: Harness, keeper: Harness, copy: Copy, who: UUID, office: UUID | None) -> set[str]:
    """What the database holds of the person and the copy does not."""
    rows = await rows_about(h, who)
    if office is not None and h.service.name == "payments":
        rows |= await rows_of_office(h, office)
    found = {f"row of {table}: {key}" for table, key in rows - rows_in(h, copy)}
    told = cells_in(h, copy)
    for place, text in (await cells_about(h, rows)).items():
        if told.get(place) != text:
            found.add(f"cell {place[0]}.{place[2]}")
    subjects = {who} | ({office} if office else set())
    found |= {f"box of event {one}" for one in missing_boxes(copy, await boxes_about(h, keeper, subjects))}
    events = {one["event_id"] for one in copy["events"]}
    return found | {f"event {one}" for one in await events_about(h, who) - events}


def foreign(copy: Copy, secrets: Iterable[str]) -> set[str]:
    text = json.dumps(copy, ensure_ascii=False)
    return {one for one in secrets if one in text}


async def test_nothing_is_missing_and_nothing_is_anybody_elses(stack: Stack) -> None:
    async with three(stack) as all_:
        world = all_.world
        own = await appointed(all_)
        one = await registered(all_, somebody("Sasmaya Prawirodirjo", 2), world.agent())
        other = await registered(all_, somebody("Kartawirya Mangkusubroto", 3), world.agent())
        gone = await registered(all_, somebody("Lenyap Tanpabekas", 4), world.agent())
        await lived(all_, one, other)
        await died(all_, one)
        line = await imported(all_)

        seen: dict[str, set[str]] = {h.service.name: set() for h in all_.all}
        wrong: set[str] = set()
        for life, office in ((one, None), (own, world.agent_id), (other, None)):
            others = {s for each in (one, own, other) if each is not life for s in each.secrets - life.secrets}
            for h in all_.all:
                copy = await copy_of(h, life.who, world.branch_id)
                wrong |= {f"{h.service.name}: {it}" for it in await missing(h, world.h, copy, life.who, office)}
                wrong |= {f"{h.service.name} tells: {it}" for it in foreign(copy, others)}
                seen[h.service.name] |= {table["name"] for table in copy["tables"]}
        assert wrong == set()
        assert {name: IMMENSE[name] - tables for name, tables in seen.items()} == {name: set() for name in IMMENSE}
        await _an_import_is_told(all_, line)
        await _a_store_that_is_left_out_is_missed(all_, one)
        await _who_was_erased_is_said_to_be(all_, gone)


async def _an_import_is_told(all_: Three, who: UUID) -> None:
    copy = await copy_of(all_.world.h, who, all_.world.branch_id)
    assert await missing(all_.world.h, all_.world.h, copy, who, None) == set()
    assert "import_results" in {table["name"] for table in copy["tables"]}


async def _a_store_that_is_left_out_is_missed(all_: Three, one: Life) -> None:
    """A comparison that finds nothing proves nothing: without any one of its tables, or its events, each copy is found wanting."""
    for h in all_.all:
        copy = await copy_of(h, one.who, all_.world.branch_id)
        for table in copy["tables"]:
            less = {**copy, "tables": [each for each in copy["tables"] if each["name"] != table["name"]]}
            assert await missing(h, all_.world.h, less, one.who, None), table["name"]
        assert await missing(h, all_.world.h, {**copy, "events": []}, one.who, None), h.service.name


async def _who_was_erased_is_said_to_be(all_: Three, gone: Life) -> None:
    """Said with the minute, by every service and where a copy is asked for; a person of nobody's branch is not found."""
    all_.clock.move(timedelta(days=150))
    await all_.work()
    await all_.erase(gone.who)
    query = {"participant_id": str(gone.who)}
    listed = await all_.world.h.client.get("/erasures", params=query, headers=all_.world.h.token(roles=["central"]))
    (erasure,) = listed.json()["items"]
    assert (erasure["status"], erasure["obstacles"]) == ("FORGOTTEN", [])
    erased_on = f"{all_.clock.wall().astimezone(WIB):%d-%m-%Y}"
    asked = await all_.world.h.client.post(f"/participants/{gone.who}/export", headers=all_.world.officer())
    answers = [asked]
    for h in all_.all:
        headers = h.token(roles=["officer"], branch_id=all_.world.branch_id)
        answers.append(await h.client.get(f"/participants/{gone.who}/export", headers=headers))
        nowhere = await h.client.get(f"/participants/{gone.who}/export", headers=h.token(roles=["officer"]))
        assert nowhere.status_code == 404
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (410, "person_erased"), answer.text
        assert all(erased_on in answer.json()["messages"][language] for language in ("id", "en"))
