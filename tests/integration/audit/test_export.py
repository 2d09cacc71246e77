"""Audit's part of a copy: the person learns when their data was shown, to which role and through which door, and nothing of anybody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.transaction import Scope
from contracts.events.erasure import ParticipantForgotten
from contracts.values import ErasureId, ParticipantId
from tests.integration.audit.cold_months import SEPTEMBER, months, written
from tests.integration.audit.test_commands import typed
from tests.integration.audit.test_reads import keep, read
from tests.integration.audit.test_search import envelope_of, registered
from tests.integration.audit.world import BRANCH, World


async def asked(w: World, who: UUID, *roles: str, **scope: Any) -> tuple[int, Any]:
    headers = w.h.token(roles=roles or ["officer"], **(scope or {"branch_id": BRANCH}))
    answer = await w.h.client.get(f"/participants/{who}/export", headers=headers)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def test_each_answer_that_showed_the_person_is_told_by_role_and_door_and_never_by_name(w: World) -> None:
    who, person = registered(w)
    other = new_id()
    await keep(w, person, topic="participants")
    many, alone = read(w, who, other), read(w, who, actor="agent-7", source="payments", fields=("nik",))
    await keep(w, many, read(w, other, actor="officer-2"))
    w.h.clock.move(timedelta(minutes=1))
    await keep(w, alone)
    status, told = await asked(w, who)
    (table,) = told["tables"]
    assert (status, told["service"], table["name"], told["events"]) == (200, "audit", "reads", [])
    at = [envelope_of(one).recorded_at.isoformat().replace("+00:00", "Z") for one in (many, alone)]
    ids = [str(envelope_of(one).event_id) for one in (many, alone)]
    same = {"roles": ["officer"], "door": "GET /participants"}
    assert table["rows"] == [
        {
            "at": at[0],
            "service": "registration",
            "kinds": ["people: name, phone"],
            "people": 2,
            "event_id": ids[0],
            **same,
        },
        {"at": at[1], "service": "payments", "kinds": ["people: nik"], "people": 1, "event_id": ids[1], **same},
    ]
    assert all(one["id"] and one["en"] for one in [table["title"], *told["told"]]) and told["told"]
    assert not {text for text in ("officer-1", "agent-7", "officer-2", str(other)) if text in str(told)}
    own_status, own = await asked(w, who, "participant", participant_id=who)
    assert (own_status, own["tables"]) == (200, told["tables"])


async def test_who_is_not_within_the_callers_scope_or_not_known_yet_is_not_found(w: World) -> None:
    who, person = registered(w)
    await keep(w, read(w, who))
    assert (await asked(w, who))[0] == 404, "nothing is recorded of the person yet"
    await keep(w, person, topic="participants")
    assert (await asked(w, who))[0] == 200
    assert (await asked(w, who, branch_id=new_id()))[0] == 404
    assert (await asked(w, who, "participant", participant_id=new_id()))[0] == 404
    assert (await asked(w, new_id()))[0] == 404
    assert (await asked(w, who, agent_id=new_id()))[0] == 404, "an officer whose token names no branch"
    for role, scope in (("auditor", {}), ("agent", {"agent_id": new_id()}), ("central", {})):
        assert (await asked(w, who, role, **{"branch_id": BRANCH, **scope}))[0] == 403, role


async def test_nobody_who_was_erased_has_a_copy(w: World) -> None:
    who, person = registered(w)
    gone = ParticipantForgotten(participant_id=ParticipantId(who), erasure_id=ErasureId(new_id()), nik_hash=None)
    await keep(w, person, w.h.record(gone, key=who, scope=Scope(BRANCH), seq=2), topic="participants")
    status, told = await asked(w, who)
    assert (status, told["code"]) == (410, "person_erased")


async def test_a_person_who_was_shown_to_nobody_has_no_table_and_a_dropped_month_still_tells(w: World) -> None:
    who, person = registered(w)
    w.h.clock.move(SEPTEMBER.starts_at - w.h.clock.wall() + timedelta(hours=1))
    await keep(w, person, topic="participants")
    assert (await asked(w, who))[1]["tables"] == []
    await keep(w, read(w, who))
    (before,) = (await asked(w, who))[1]["tables"]
    await months(w, 10)
    await written(w)
    owner = {"PERISAI_OWNER_DATABASE_URL": w.admin_url}
    assert (await typed(w, "cold", "drop", "--month", "2025-09", **owner)).exit_code == 0
    assert (await asked(w, who))[1]["tables"] == [before]
