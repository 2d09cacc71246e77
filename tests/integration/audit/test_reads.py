"""Who looked at this person? One question to the archive, however many others were shown in the same answer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from chassis.records import Record
from chassis.transaction import Scope
from contracts.reads import Opened, PersonalDataRead
from tests.integration.audit.test_commands import typed
from tests.integration.audit.test_search import ask, envelope_of, ids, registered
from tests.integration.audit.world import BRANCH, World
from tests.support.counters import watched


def read(
    w: World,
    *persons: UUID,
    actor: str = "officer-1",
    source: str = "registration",
    things: tuple[str, ...] = (),
    fields: tuple[str, ...] = ("name", "phone"),
) -> Record:
    """The record of an answer that showed these people to somebody."""
    opened = (Opened(kind="people", fields=fields, persons=persons, things=things),)
    event = PersonalDataRead(door="GET /participants", roles=("officer",), opened=opened)
    return w.h.record(event, key=f"{actor}:2025-10-06", scope=Scope(BRANCH), actor=actor, source=source)


async def keep(w: World, *records: Record, topic: str = "audit") -> None:
    await w.h.app.composition.keepers[topic](records)


class TestSearch:
    async def test_each_person_of_an_answer_finds_it_among_all_else_about_him(self, w: World) -> None:
        who, person = registered(w)
        other = new_id()
        await keep(w, person, topic="participants")
        w.h.clock.move(timedelta(seconds=1))
        both, one, none = read(w, who, other), read(w, who, source="payments"), read(w, other, actor="officer-2")
        await keep(w, both, one, none, read(w, things=("link",), actor="officer-3"))
        expected = [str(envelope_of(record).event_id) for record in (one, both, person)]
        assert ids(await ask(w, "/events", participant_id=str(who))) == expected
        assert ids(await ask(w, "/events", participant_id=str(who), type="PersonalDataRead")) == expected[:2]
        assert ids(await ask(w, "/events", participant_id=str(who), order="oldest")) == expected[::-1]
        assert len(ids(await ask(w, "/events", participant_id=str(other)))) == 2
        assert ids(await ask(w, "/events", participant_id=str(other), actor="officer-2")) == [
            str(envelope_of(none).event_id)
        ]
        told = (await ask(w, "/events", participant_id=str(who), type="PersonalDataRead"))["items"][0]
        assert (told["participant_id"], told["actor"], told["stream"]) == (None, "officer-1", "reads-payments")

    @pytest.mark.parametrize("order", ["newest", "oldest"])
    async def test_pages_meet_without_a_gap_or_a_repeat(self, w: World, order: str) -> None:
        who, person = registered(w)
        await keep(w, person, topic="participants")
        for turn in range(5):
            w.h.clock.move(timedelta(seconds=1))
            await keep(w, read(w, who, new_id()), read(w, new_id()), read(w, who, actor=f"officer-{turn}"))
        whole = ids(await ask(w, "/events", participant_id=str(who), order=order, limit=200))
        assert len(whole) == 11
        seen: list[str] = []
        query: dict[str, Any] = {"participant_id": str(who), "order": order, "limit": 3}
        while True:
            page = await ask(w, "/events", **query)
            seen += ids(page)
            if page["after"] is None:
                break
            query["after"] = page["after"]
        assert seen == whole

    async def test_by_time(self, w: World) -> None:
        who = new_id()
        first = read(w, who)
        w.h.clock.move(timedelta(hours=1))
        second = read(w, who)
        await keep(w, first, second)
        at = envelope_of(second).recorded_at.isoformat()
        for clock in ("recorded", "occurred"):
            query: dict[str, Any] = {"participant_id": str(who), "clock": clock}
            assert ids(await ask(w, "/events", until=at, **query)) == [str(envelope_of(first).event_id)]
            assert ids(await ask(w, "/events", since=at, **query)) == [str(envelope_of(second).event_id)]

    async def test_a_read_is_no_part_of_what_was_known_of_a_person(self, w: World) -> None:
        who, person = registered(w)
        await keep(w, person, topic="participants")
        await keep(w, read(w, who))
        w.h.clock.move(timedelta(seconds=1))
        at = w.h.clock.wall().isoformat()
        told = await ask(w, f"/accounts/participant/{who}", at=at)
        assert [one["type"] for one in told["events"]] == ["ParticipantRegistered"]


class TestArchiving:
    async def test_a_read_that_comes_again_or_says_nonsense_is_kept_as_it_is(self, w: World) -> None:
        who = new_id()
        record = read(w, who)
        await keep(w, record)
        await keep(w, record)
        assert await w.one("SELECT count(*) FROM shown") == 1
        for payload in (
            b'{"opened": 1}',
            b'{"opened": [1, {"persons": 2}, {"persons": ["x", 3, null]}]}',
            b'{"opened": [{"persons": ["%s", "%s"]}]}' % ((str(who).encode(),) * 2),
        ):
            strange = read(w, who, actor=f"a-{len(payload)}")
            await keep(w, Record(strange.at, strange.key, payload, strange.headers))
        assert await w.one("SELECT count(*) FROM shown") == 2
        assert await w.one("SELECT count(*) FROM archive") == 4


class TestVerifying:
    async def test_whose_data_was_shown_is_verified_with_its_event(self, w: World) -> None:
        people = [new_id() for _ in range(3)]
        await keep(w, read(w, *people), read(w, people[0], actor="officer-2"), w.branch(), topic="audit")
        await w.signer.sign()
        assert (await w.verify()).verified
        kept = "INSERT INTO shown SELECT * FROM kept"
        for hidden in (
            "DELETE FROM shown WHERE place = 0 AND participant_id = '%s'" % people[1],  # noqa: UP031
            "DELETE FROM shown WHERE place = 1",
            "UPDATE shown SET recorded_at = recorded_at + interval '1 day' WHERE place = 1",
            "INSERT INTO shown SELECT '%s', recorded_at, 1 FROM shown WHERE place = 1" % people[2],  # noqa: UP031
        ):
            await w.tamper("CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM shown")
            await w.tamper(hidden)
            found = await w.verify()
            assert [(one.kind, one.place) for one in found.findings] == [
                ("misfiled", 0 if "place = 0" in hidden else 1)
            ], hidden
            assert "shown" in found.findings[0].detail
            await w.tamper("TRUNCATE shown")
            await w.tamper(kept)
        assert (await w.verify()).verified

    async def test_the_services_own_role_can_neither_edit_nor_delete_it(self, w: World) -> None:
        await keep(w, read(w, new_id()))
        for statement in ("DELETE FROM shown", "UPDATE shown SET place = 7"):
            with pytest.raises(Exception, match="permission denied"):
                async with w.h.app.engine.begin() as conn:
                    await conn.exec_driver_sql(statement)


class TestCommand:
    async def test_tells_in_words_who_looked_at_a_person(self, w: World) -> None:
        who, other = new_id(), new_id()
        await keep(w, read(w, who, other))
        w.h.clock.move(timedelta(minutes=1))
        alone = read(w, who, actor="agent-7", source="payments", fields=("nik",))
        await keep(w, alone)
        found = await typed(w, "reads", "--participant", str(who))
        assert found.exit_code == 0, found.output
        first, kinds, where, second, *_ = found.stdout.splitlines()
        assert first.endswith("agent-7 (officer)  payments GET /participants  1 people / orang")
        assert kinds == "    people: nik" and str(envelope_of(alone).event_id) in where
        assert "officer-1 (officer)  registration" in second and "2 people / orang" in second
        assert found.stdout.splitlines()[-1] == "2 reads / pembacaan"
        told = json.loads((await typed(w, "reads", "--participant", str(other), "--json")).stdout)
        assert [(one["actor"], one["kinds"], one["persons"]) for one in told["reads"]] == [
            ("officer-1", ["people: name, phone"], 2)
        ]

    async def test_tells_what_somebody_looked_at_within_a_time(self, w: World) -> None:
        for actor in ("officer-1", "officer-2", "officer-1"):
            await keep(w, read(w, new_id(), actor=actor))
            w.h.clock.move(timedelta(minutes=1))
        told = json.loads((await typed(w, "reads", "--actor", "officer-1", "--json")).stdout)
        assert [one["actor"] for one in told["reads"]] == ["officer-1", "officer-1"]
        newest = told["reads"][0]["at"]
        before = json.loads((await typed(w, "reads", "--actor", "officer-1", "--until", newest, "--json")).stdout)
        since = json.loads((await typed(w, "reads", "--actor", "officer-1", "--since", newest, "--json")).stdout)
        assert [one["at"] for one in before["reads"]] == [told["reads"][1]["at"]]
        assert [one["at"] for one in since["reads"]] == [newest]
        some = await typed(w, "reads", "--actor", "officer-1", "--most", "1")
        assert f"--until {newest}" in some.stdout
        none = await typed(w, "reads", "--actor", "nobody")
        assert (none.exit_code, none.stdout) == (0, "0 reads / pembacaan\n")

    async def test_what_cannot_be_answered_is_one_sentence(self, w: World) -> None:
        for words, said in (
            ((), "--participant"),
            (("--participant", "x"), "--participant"),
            (("--actor", "a", "--since", "x"), "bukan waktu"),
            (("--actor", "a", "--since", "2025-02-02", "--until", "2025-02-01"), "--until: write a time that is after"),
            (("--actor", "a", "--since", "9999-01-01"), "--since: that time has not come yet / waktu itu belum tiba"),
        ):
            refused = await typed(w, "reads", *words)
            assert refused.exit_code == 1, words
            assert said in refused.output and len(refused.output.splitlines()) == 1, words


READS, SHOWN_IN_ONE, PEOPLE, PAGE = 20_000, 5, 1_000, 20
FILLED = f"""
INSERT INTO archive SELECT n, gen_random_uuid(), 'audit', 'registration', 'reads-registration', n::text, 1, 'PersonalDataRead', 1, 'tests/1',
 timestamptz '2025-01-01Z' + n * interval '1 second', timestamptz '2025-01-01Z' + n * interval '1 second', 'officer-' || n % 50,
 gen_random_uuid(), NULL, NULL, NULL, NULL, NULL, ''::bytea FROM generate_series(0, {READS} - 1) AS n;
INSERT INTO shown SELECT md5('p' || (n * 7 + k * 131) % {PEOPLE})::uuid, timestamptz '2025-01-01Z' + n * interval '1 second', n
 FROM generate_series(0, {READS} - 1) AS n, generate_series(0, {SHOWN_IN_ONE} - 1) AS k;
"""


async def test_a_page_costs_its_own_rows_however_often_everybody_was_looked_at(w: World) -> None:
    """By what PostgreSQL says it did; each person was looked at a hundred times, by everybody."""
    await w.tamper(FILLED)
    await w.tamper("VACUUM archive")
    await w.tamper("VACUUM shown")
    await w.tamper("SET default_statistics_target = 1000; ANALYZE archive, shown")
    who = await w.one("SELECT participant_id FROM shown WHERE place = 7 LIMIT 1")
    asked: list[dict[str, Any]] = [
        {},
        {"type": "PersonalDataRead"},
        {"since": "2025-01-01T02:00:00Z", "order": "oldest"},
    ]
    for more in asked:
        async with watched(w.h.app) as seen:
            assert len(ids(await ask(w, "/events", participant_id=str(who), limit=PAGE, **more))) == PAGE
        handled = max((await seen.rows_handled()).values())
        assert handled <= 10 * (PAGE + 1), more
        assert await seen.sequential_scans({"archive", "shown"}) == []
