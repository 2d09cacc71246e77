"""An auditor asks the archive: what happened, who did it, when, under which rules, on which records."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from chassis.records import Record
from chassis.transaction import Scope
from contracts.envelope import Envelope
from services.audit.domain.leaves import Leaf
from services.audit.domain.merkle import leaf_hash
from tests.integration.audit.world import BRANCH, ORIGIN, World, again
from tests.support.counters import watched
from tests.unit.notifications import samples

AUDITOR = ["auditor"]


async def ask(w: World, path: str, *, roles: list[str] = AUDITOR, **query: Any) -> Any:
    answer = await w.h.client.get(path, params=query, headers=w.h.token(roles=roles))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(w: World, path: str, *, roles: list[str] = AUDITOR, **query: Any) -> tuple[int, str, set[str]]:
    """Status, code, and the fields that are named."""
    answer = await w.h.client.get(path, params=query, headers=w.h.token(roles=roles, branch_id=BRANCH))
    told = answer.json()
    assert told["messages"]["id"] != told["messages"]["en"]
    return answer.status_code, told["code"], {one["field"] for one in told.get("errors", ())}


def envelope_of(record: Record) -> Envelope:
    return Envelope.from_headers(record.headers)


def ids(page: Any) -> list[str]:
    return [one["event_id"] for one in page["items"]]


def registered(w: World) -> tuple[UUID, Record]:
    """A participant's own record, whose person is sealed in it."""
    who = new_id()
    w.h.person(who)
    event = samples.registered().model_copy(update={"participant_id": who})
    return who, w.h.record(event, key=who, scope=Scope(BRANCH, new_id(), new_id()))


class TestOneEvent:
    async def test_tells_who_when_and_which_rules_with_every_record_that_carried_it(self, w: World) -> None:
        record = w.branch()
        later = again(record)
        await w.keep(record, later)
        envelope = envelope_of(record)
        told = await ask(w, f"/events/{envelope.event_id}")
        assert (told["actor"], told["rules"], told["seq"], told["place"]) == ("tests", "tests/1", 1, 0)
        assert told["recorded_at"] == envelope.recorded_at.isoformat().replace("+00:00", "Z")
        assert told["occurred_at"] == envelope.occurred_at.isoformat().replace("+00:00", "Z")
        assert told["payload"] == json.loads(record.value or b"")
        leaf = Leaf("agency", record.key, record.value, record.headers).encode()
        assert told["leaf_hash"] == base64.b64encode(leaf_hash(leaf)).decode()
        assert told["intact"] is True
        carried = [(one["topic"], one["partition"], one["offset"], one["verdict"]) for one in told["records"]]
        assert carried == [("agency", 0, record.at.offset, "first"), ("agency", 0, later.at.offset, "repeat")]

    async def test_what_was_sealed_stays_sealed(self, w: World) -> None:
        who, record = registered(w)
        await w.h.app.composition.keepers["participants"]([record])
        told = await ask(w, f"/events/{envelope_of(record).event_id}")
        assert told["participant_id"] == str(who)
        assert told["payload"]["person"].keys() == {"sealed_for", "box"}
        for clear in samples.person().model_dump(mode="json").values():
            assert str(clear) not in json.dumps(told["payload"]["person"])

    async def test_other_bytes_under_its_id_are_shown_as_such(self, w: World) -> None:
        record = w.branch()
        await w.keep(record, again(record, value=(record.value or b"").replace(b"Cabang", b"Kantor")))
        told = await ask(w, f"/events/{envelope_of(record).event_id}")
        assert [one["verdict"] for one in told["records"]] == ["first", "altered"]
        assert len({one["hash"] for one in told["records"]}) == 2
        assert "Cabang" in told["payload"]["name"]

    async def test_a_row_that_was_edited_by_hand_says_so(self, w: World) -> None:
        record = w.branch()
        await w.keep(record)
        await w.tamper("UPDATE archive SET actor = 'nobody'")
        assert (await ask(w, f"/events/{envelope_of(record).event_id}"))["intact"] is False

    async def test_a_leaf_that_was_spoilt_by_hand_says_so(self, w: World) -> None:
        record = w.branch()
        await w.keep(record)
        await w.tamper("UPDATE archive SET leaf = substr(leaf, 1, 40)")
        told = await ask(w, f"/events/{envelope_of(record).event_id}")
        assert (told["intact"], told["payload"]) == (False, None)

    async def test_an_unknown_id_is_not_found(self, w: World) -> None:
        assert await refused(w, f"/events/{new_id()}") == (404, "not_found", set())
        assert (await refused(w, "/events/none"))[0] == 404


class TestFinding:
    async def test_by_each_thing_that_an_event_is_about(self, w: World) -> None:
        correlation, wadah, agent = new_id(), new_id(), new_id()
        wanted = w.branch(correlation_id=correlation, scope=Scope(new_id(), wadah, agent))
        who, person = registered(w)
        await w.keep(*w.branches(3), wanted)
        await w.h.app.composition.keepers["participants"]([person])
        envelope = envelope_of(wanted)
        for name, value in {
            "correlation_id": correlation,
            "wadah_id": wadah,
            "agent_id": agent,
            "branch_id": envelope.branch_id,
        }.items():
            query: dict[str, Any] = {name: str(value)}
            assert ids(await ask(w, "/events", **query)) == [str(envelope.event_id)], name
        assert ids(await ask(w, "/events", stream="branches", key=envelope.key)) == [str(envelope.event_id)]
        assert ids(await ask(w, "/events", participant_id=str(who))) == [str(envelope_of(person).event_id)]
        assert ids(await ask(w, "/events", type="ParticipantRegistered")) == [str(envelope_of(person).event_id)]
        assert len(ids(await ask(w, "/events", actor="tests"))) == 5
        assert ids(await ask(w, "/events", actor="tests", type="BranchOpened", wadah_id=str(wadah))) == [
            str(envelope.event_id)
        ]
        assert ids(await ask(w, "/events", actor="nobody")) == []

    @pytest.mark.parametrize("order", ["newest", "oldest"])
    async def test_pages_meet_without_a_gap_or_a_repeat(self, w: World, order: str) -> None:
        """Recorded in one order, archived in another, and many at the same moment."""
        batch = w.branches(7)
        w.h.clock.move(timedelta(seconds=1))
        later = w.branches(6)
        await w.keep(*later, *batch)
        expected = [*(await ask(w, "/events", order=order, limit=200))["items"]]
        assert len(expected) == 13
        times = [one["recorded_at"] for one in expected]
        assert times == sorted(times, reverse=order == "newest")
        seen: list[str] = []
        query: dict[str, Any] = {"order": order, "limit": 4}
        while True:
            page = await ask(w, "/events", **query)
            seen += ids(page)
            if page["after"] is None:
                break
            query["after"] = page["after"]
        assert seen == [one["event_id"] for one in expected]

    async def test_by_time_the_end_not_included_by_either_clock(self, w: World) -> None:
        first = w.branch()
        w.h.clock.move(timedelta(hours=1))
        second = w.branch()
        await w.keep(first, second)
        for clock, at in (("recorded", envelope_of(second).recorded_at), ("occurred", envelope_of(second).occurred_at)):
            before = await ask(w, "/events", clock=clock, until=at.isoformat())
            since = await ask(w, "/events", clock=clock, since=at.isoformat())
            assert ids(before) == [str(envelope_of(first).event_id)]
            assert ids(since) == [str(envelope_of(second).event_id)]

    async def test_what_cannot_be_meant_is_refused_by_its_field(self, w: World) -> None:
        at = "2025-10-06T02:00:00Z"
        assert await refused(w, "/events", since=at, until=at) == (422, "invalid", {"query.until"})
        soon = (w.h.clock.wall() + timedelta(days=1)).isoformat()
        for clock in ("recorded", "occurred"):
            assert await refused(w, "/events", since=soon, clock=clock) == (422, "time_to_come", set())
            assert ids(await ask(w, "/events", until=soon, clock=clock)) == []
        assert await refused(w, "/events", stream="branches") == (422, "invalid", {"query.key"})
        assert await refused(w, "/events", key="x") == (422, "invalid", {"query.stream"})
        assert await refused(w, "/events", since="2025-10-06T02:00:00") == (422, "invalid", {"query.since"})
        assert await refused(w, "/events", since="0001-01-01T00:00:00+14:00") == (422, "invalid", {"query.since"})
        assert await refused(w, "/events", participant_id="3671", limit=0) == (
            422,
            "invalid",
            {"query.participant_id", "query.limit"},
        )


@pytest.mark.parametrize(
    "path", ["/events", "/events/01980000-0000-7000-8000-000000000001", "/oddities", "/checkpoints/newest"]
)
async def test_nobody_but_an_auditor_may_ask(w: World, path: str) -> None:
    for role in ("agent", "coordinator", "officer", "checker", "participant", "central", "operator", "service"):
        assert (await refused(w, path, roles=[role]))[:2] == (403, "forbidden"), role
    assert (await w.h.client.get(path)).status_code == 401


class TestTheLog:
    async def test_names_what_is_missing_doubled_or_early(self, w: World) -> None:
        whole, gap, early = (w.branch() for _ in range(3))
        key = envelope_of(gap).key
        after, first = w.branch(key=key, seq=4), w.branch(key=(own := new_id()), seq=2)
        await w.keep(
            whole, gap, after, first, early, w.branch(key=own, seq=1), w.branch(key=envelope_of(early).key, seq=1)
        )
        told = (await ask(w, "/oddities"))["items"]
        assert {(one["oddity"], one["key"], one["seq"], one["until"]) for one in told} == {
            ("gap", key, 2, 3),
            ("double", envelope_of(early).key, 1, 1),
            ("early", str(own), 2, 2),
        } | {("early", one["key"], one["seq"], one["until"]) for one in told if one["key"] == str(own)}
        of_one = await ask(w, "/oddities", stream="branches", key=key)
        assert [(one["oddity"], one["key"]) for one in of_one["items"]] == [("gap", key)]
        assert (await ask(w, "/oddities", limit=1))["more"] is True
        assert (await ask(w, "/oddities", stream="branches", key=envelope_of(whole).key)) == {
            "items": [],
            "more": False,
        }

    async def test_names_strangers_and_altered_records_by_where_they_lie(self, w: World) -> None:
        one, other = w.branch(), w.branch()
        forged = again(one, value=(one.value or b"").replace(b"Cabang", b"Kantor"))
        misplaced = replace(w.branch(), key=b"Siti")
        nonsense = replace(w.branch(), value=b"Siti Aminah", headers=())
        await w.keep(one, other, again(other), forged, misplaced, nonsense)
        envelope = envelope_of(one)
        told = (await ask(w, "/oddities"))["items"]
        assert [(o["oddity"], o["event_id"], o["key"], o["seq"], o["record"]["offset"]) for o in told[:1]] == [
            ("altered", str(envelope.event_id), envelope.key, 1, forged.at.offset)
        ]
        assert {(o["oddity"], o["reason"], o["key"], o["record"]["offset"]) for o in told[1:]} == {
            ("stranger", "key_is_not_subject", None, misplaced.at.offset),
            ("stranger", "bad_envelope: ce_specversion is missing", None, nonsense.at.offset),
        }
        leaf = Leaf("agency", forged.key, forged.value, forged.headers).encode()
        assert told[0]["record"]["hash"] == base64.b64encode(leaf_hash(leaf)).decode()
        assert "Siti" not in json.dumps(told) and "Kantor" not in json.dumps(told)
        of_one = await ask(w, "/oddities", stream="branches", key=envelope.key)
        assert [o["oddity"] for o in of_one["items"]] == ["altered"]
        strangers = await ask(w, "/oddities", oddity="stranger", limit=1)
        assert ([o["oddity"] for o in strangers["items"]], strangers["more"]) == (["stranger"], True)
        assert (await ask(w, "/oddities", oddity="gap")) == {"items": [], "more": False}

    async def test_gives_the_newest_checkpoint_as_it_was_signed(self, w: World) -> None:
        assert await refused(w, "/checkpoints/newest") == (404, "not_found", set())
        await w.filled(3, 2)
        told = await ask(w, "/checkpoints/newest")
        assert (told["log"], told["size"], told["before"]) == (ORIGIN, 5, 3)
        assert (w.folder / "checkpoint").read_text(encoding="utf-8") == told["note"]


EVENTS, PEOPLE, PAGE = 60_000, 6_000, 50
FILLED = f"""
INSERT INTO archive SELECT n, gen_random_uuid(), 'participants', 'registration', 'participants', (n % {PEOPLE})::text, n / {PEOPLE} + 1,
 'Type' || n % 40, 1, 'tests/1', timestamptz '2025-01-01Z' + n * interval '1 second', timestamptz '2025-01-01Z' + n * interval '1 second',
 'agent-' || n % 500, gen_random_uuid(), NULL, md5('b' || n % 20)::uuid, md5('w' || n % 100)::uuid, md5('a' || n % 500)::uuid,
 md5('p' || n % {PEOPLE})::uuid, ''::bytea FROM generate_series(0, {EVENTS} - 1) AS n
"""


@pytest.mark.timeout(300)
async def test_a_page_reads_its_own_rows_however_many_there_are(w: World) -> None:
    """By what PostgreSQL says it did: the same for sixty thousand events as for a million."""
    await w.tamper(
        "ALTER TABLE archive SET (autovacuum_enabled = false)"
    )  # nor a sample that the server takes meanwhile
    await w.tamper(FILLED)
    await w.tamper("VACUUM archive")
    await w.tamper("SET default_statistics_target = 1000; ANALYZE archive")  # of every row: no sample decides the plans
    ((*values,),) = await w.rows(
        "SELECT participant_id, agent_id, wadah_id, branch_id, type, actor, correlation_id FROM archive WHERE place = 7"
    )
    ways = {name: str(value) for name, value in zip(WAYS, values, strict=True)}
    half = {"since": "2025-01-01T08:00:00Z", "until": "2025-01-01T10:00:00Z"}
    asked: list[dict[str, Any]] = [{name: value} for name, value in ways.items()]
    asked += [{**half, name: value} for name, value in ways.items()]
    asked += [{}, half, {"after": EVENTS // 2}, {"clock": "occurred", **half, "until": "2025-01-01T08:00:40Z"}]
    wrong = {}
    for query in asked:
        for order in ("newest", "oldest"):
            async with watched(w.h.app) as seen:
                page = await ask(w, "/events", order=order, limit=PAGE, **query)
            assert page["items"] or "correlation_id" in query or "participant_id" in query
            handled = max((await seen.rows_handled()).values())
            most = 2 * MOST_HANDLED if "participant_id" in query else MOST_HANDLED  # looked for in two ways
            if handled > most or await seen.sequential_scans({"archive"}):
                wrong[order, *query] = handled
    assert wrong == {}


WAYS = ("participant_id", "agent_id", "wadah_id", "branch_id", "type", "actor", "correlation_id")
MOST_HANDLED = 4 * (PAGE + 1)
"""Over all nodes of one plan: the page, taken from the index, perhaps sorted, cut, and one row to begin after."""
