"""An agreement that ends without a renewal is told of once, some days before, and shown with what to do until somebody says what follows."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from chassis.ids import new_id
from contracts.events.agency import AgreementRenewalFellDue
from tests.integration.registration.test_agency import post, renew
from tests.integration.registration.test_protection import wib
from tests.integration.registration.world import World

CONCERN = "agreements_without_renewal"
"""The world's agreement, PKS-1, has its last day on 14 January 2026: 30 days before is 15 December, a week before 7 January."""


async def told(world: World) -> list[AgreementRenewalFellDue]:
    return [e for r in await world.h.events("wadah") if isinstance(e := r.event, AgreementRenewalFellDue)]


async def look(world: World, at: str) -> int:
    world.h.clock.set(wib(at))
    return await world.h.due("renewals")


async def shown(world: World, headers: dict[str, str] | None = None, **asked: Any) -> list[dict[str, Any]]:
    answer = await world.h.client.get("/wadah", params=asked, headers=headers or world.officer())
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def attention(world: World) -> int:
    answer = await world.h.client.get("/ops/status", headers=world.h.token(roles=["operator"]))
    found: int = answer.json()["attention"][CONCERN]
    return found


async def test_it_is_told_once_thirty_days_before_and_shown_with_the_days_left(world: World) -> None:
    assert await look(world, "2025-12-14 23:59:59") == 0
    assert [one["renewal_due"] for one in await shown(world)] == [None]
    assert await shown(world, renewal_due=True) == []
    assert await look(world, "2025-12-15 00:00:00") == 1
    assert await look(world, "2025-12-16 00:00:00") == 0
    (event,) = await told(world)
    assert (event.wadah_id, event.agreement, event.agreement_number) == (world.wadah_id, 1, "PKS-1")
    assert event.last_day == date(2026, 1, 14)
    for headers in (world.officer(), world.coordinator()):
        (one,) = await shown(world, headers, renewal_due=True)
        due = one["renewal_due"]
        assert (due["agreement_number"], due["last_day"], due["days_left"]) == ("PKS-1", "2026-01-14", 29)
        assert due["told_on"] == "2025-12-15"
        assert "POST /wadah/{wadah_id}/agreements" in due["what_to_do"]["id"] + due["what_to_do"]["en"]
    assert await shown(world, renewal_due=False) == []
    assert await shown(world, world.h.token(roles=["officer"], branch_id=new_id())) == []


async def test_a_renewal_that_is_agreed_in_time_means_no_reminder(world: World) -> None:
    assert (await renew(world))[0] == 201
    assert await look(world, "2026-01-10 12:00:00") == 0
    assert await told(world) == []
    assert await shown(world, renewal_due=True) == []
    assert await attention(world) == 0
    assert await look(world, "2026-12-16 00:00:00") == 1  # 29 days before the last day of the second
    assert [(e.agreement, e.agreement_number) for e in await told(world)] == [(2, "PKS-2")]
    assert (await world.h.replay()).differences == []


async def test_operators_hear_of_it_a_week_before_until_it_is_renewed(world: World) -> None:
    await look(world, "2026-01-06 23:59:59")
    assert await attention(world) == 0
    await look(world, "2026-01-07 00:00:00")
    assert await attention(world) == 1
    await look(world, "2026-01-20 00:00:00")
    assert [one["renewal_due"]["days_left"] for one in await shown(world)] == [-6]
    assert await attention(world) == 1
    assert (await renew(world))[0] == 201
    assert await attention(world) == 0
    assert [one["renewal_due"] for one in await shown(world)] == [None]
    assert len(await told(world)) == 1
    assert (await world.h.replay()).differences == []


async def test_who_says_that_none_follows_is_asked_no_more(world: World) -> None:
    await look(world, "2026-01-20 00:00:00")
    body = {"ended_on": "2026-01-14", "reason": "not_renewed"}
    assert (await post(world, f"/wadah/{world.wadah_id}/end", world.checker(), body))[0] == 200
    assert [one["renewal_due"] for one in await shown(world)] == [None]
    assert await attention(world) == 0


async def test_an_agreement_that_was_ended_early_is_never_told_of(world: World) -> None:
    assert (await renew(world))[0] == 201
    body = {"ended_on": "2025-12-01", "reason": "target_missed"}
    assert (await post(world, f"/wadah/{world.wadah_id}/end", world.checker(), body))[0] == 200
    assert await look(world, "2026-12-31 00:00:00") == 0
    assert await told(world) == []


async def test_two_looks_and_a_renewal_at_once_tell_it_at_most_once(world: World) -> None:
    world.h.clock.set(wib("2025-12-20 00:00:00"))
    await asyncio.gather(world.h.due("renewals"), renew(world), world.h.due("renewals"))
    assert len(await told(world)) <= 1
    assert (await world.h.replay()).differences == []
    assert await world.h.due("renewals") == 0
