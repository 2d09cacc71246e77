"""The account of one subject for a hearing: the archive's events, the state that each service folds from its own log, and where both differ."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from chassis import eventlog
from chassis.ids import new_id
from chassis.records import Coordinates, Record
from deploy import account
from deploy.account import Told, as_text
from deploy.account_page import page
from services.audit.queries import accounts
from services.payments.app import SERVICE as PAYMENTS
from tests.integration.audit.test_search import refused
from tests.integration.audit.world import World
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import agent, bill
from tests.integration.payments.people import AGENT, Somebody, registered
from tests.support.counters import watched
from tests.support.service import Harness, harness
from tests.support.stack import Stack

_LOG = sa.text(f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE position > :after ORDER BY position")


class Estate:
    """Payments with a bank beside the archive that reads it."""

    def __init__(self, w: World, h: Harness) -> None:
        self.w, self.h, self.bank = w, h, Bank(h)
        self._archived = 0

    async def somebody(self) -> Somebody:
        """Registered: the archive and payments have read it."""
        who, record = registered(self.h)
        await self.h.deliver(record)
        await self.w.h.app.composition.keepers["participants"]([record])
        return who

    async def archive(self) -> None:
        """What payments wrote since the last time, as its relay would publish it."""
        async with self.h.app.read() as conn:
            rows = (await conn.execute(_LOG, {"after": self._archived})).all()
        for row in rows:
            envelope, topic = eventlog.envelope_of(row, "payments"), PAYMENTS.catalogue.topics[row.stream]
            at = Coordinates(f"perisai.{topic}", 0, 1_000_000 + row.position)
            record = Record(at, envelope.key.encode(), bytes(row.payload), tuple(envelope.to_headers()))
            await self.w.h.app.composition.keepers[topic]([record])
            self._archived = row.position

    def pass_(self, minutes: int) -> datetime:
        """Now, after which so many minutes pass on both services' clocks."""
        now = self.h.clock.wall()
        self.h.clock.move(timedelta(minutes=minutes))
        self.w.h.clock.move(timedelta(minutes=minutes))
        return now

    async def told(self, subject: str, id_: object, at: datetime) -> Told:
        """As `perisai audit as-of` does it; registration is not here."""
        w, h = self.w.h, self.h
        answer = await w.client.get(account.path_of(subject, str(id_), at), headers=w.token(roles=["auditor"]))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        answers = {}
        for service, wanted in account.questions(found).items():
            if service == "payments":
                said = await h.client.post("/ops/as-of", json=wanted, headers=h.token(roles=["auditor"]))
                answers[service] = said.json() if said.status_code == 200 else {}
                assert said.status_code == 200 or said.json()["code"] == "nothing_known", said.text
        return account.told(found, answers)


@pytest.fixture
async def estate(w: World, stack: Stack) -> AsyncIterator[Estate]:
    async with harness(PAYMENTS, stack) as h:
        estate = Estate(w, h)
        await estate.bank.enable()
        yield estate


def types(found: Told, stream: str = "contributions") -> list[str]:
    return [one["type"] for one in found.account["events"] if one["stream"] == stream]


class TestAParticipant:
    async def test_is_told_as_known_then_with_who_and_which_rules(self, estate: Estate) -> None:
        who, other = await estate.somebody(), await estate.somebody()
        billed = estate.pass_(1)
        assert code(await estate.bank.buy(who.code)) == "2002500"
        assert code(await estate.bank.buy(other.code)) == "2002500"
        paid = estate.pass_(1)
        await estate.archive()
        then, now = [await estate.told("participant", who.participant_id, at) for at in (billed, paid)]
        assert types(then, "participants") == ["ParticipantRegistered"]
        assert "ContributionPaid" not in types(then) and "ContributionPaid" in types(now)
        assert [row["status"] for row in then.states["payments"]["bills"]] == ["OPEN"]
        assert [row["status"] for row in now.states["payments"]["bills"]] == ["PAID"]
        assert "payments" not in then.states["payments"]
        assert [row["amount"] for row in now.states["payments"]["payments"]] == [36_800]
        assert not then.differences and not now.differences
        for one in now.account["events"]:
            assert one["actor"] and one["rules"] and one["intact"] and one["records"]
        assert str(other.participant_id) not in str(now.as_json())

    async def test_of_many_who_share_a_bill_only_its_own_payment_is_told_and_the_bill_as_related(
        self, estate: Estate
    ) -> None:
        people = [await estate.somebody() for _ in range(3)]
        whole = await bill(estate.h, people)
        assert code(await estate.bank.pay(whole["code"], whole["amount"])) == "2002500"
        await estate.h.due("collective-posting")
        now = estate.pass_(1)
        await estate.archive()
        found = await estate.told("participant", people[0].participant_id, now)
        assert types(found).count("ContributionPaid") == 1
        assert {one["participant_id"] for one in found.account["events"]} == {str(people[0].participant_id)}
        assert {one["stream"] for one in found.account["related"]} >= {"collective-bills"}
        assert all(one["participant_id"] is None for one in found.account["related"])

    async def test_nothing_personal_is_shown(self, estate: Estate) -> None:
        who = await estate.somebody()
        now = estate.pass_(1)
        await estate.archive()
        found = await estate.told("participant", who.participant_id, now)
        for shown in (str(found.as_json()), as_text(found), page(found)):
            assert who.nik not in shown and "Contoh" not in shown and str(who.participant_id) in shown


async def test_a_bill_is_told_without_its_participants_others(estate: Estate) -> None:
    who = await estate.somebody()
    assert code(await estate.bank.buy(who.code)) == "2002500"
    own = {"Idempotency-Key": str(new_id()), **agent(estate.h)}
    second = await estate.h.client.post(
        "/bills", json={"participant_id": str(who.participant_id), "months": 1}, headers=own
    )
    assert second.status_code == 201, second.text
    now = estate.pass_(1)
    await estate.archive()
    found = await estate.told("bill", second.json()["bill_id"], now)
    assert types(found) == ["ContributionBilled"]
    assert [row["status"] for row in found.states["payments"]["bills"]] == ["OPEN"]
    assert "payments" not in found.states["payments"] and not found.differences


async def test_an_agent_is_told_by_what_is_his_own(estate: Estate) -> None:
    balance = (await estate.h.client.post("/agent-balances", headers=agent(estate.h))).json()
    assert code(await estate.bank.pay(balance["code"], 5_000)) == "2002500"
    now = estate.pass_(1)
    await estate.archive()
    found = await estate.told("agent", AGENT, now)
    assert types(found, "agent-balances") == ["AgentBalanceOpened", "AgentBalanceDeposited"]
    assert [row["balance"] for row in found.states["payments"]["agent_balances"]] == [5_000]


class TestDifferences:
    async def test_of_the_services_own_log_are_told_first(self, estate: Estate) -> None:
        who = await estate.somebody()
        assert code(await estate.bank.buy(who.code)) == "2002500"
        now = estate.pass_(1)
        await estate.archive()
        last = "SELECT max(seq) FROM event_log WHERE stream = 'contributions'"
        await tamper(estate, f"DELETE FROM event_log WHERE stream = 'contributions' AND seq = ({last})")
        found = await estate.told("participant", who.participant_id, now)
        (told,) = found.differences
        assert "the archive has" in told
        assert "WARNING" in as_text(found) and escaped(told) in page(found)

    async def test_of_one_payload_are_told(self, estate: Estate) -> None:
        who = await estate.somebody()
        now = estate.pass_(1)
        await estate.archive()
        changed = "convert_to(replace(convert_from(payload, 'UTF8'), 'SELF', 'DONOR'), 'UTF8')"
        await tamper(estate, f"UPDATE event_log SET payload = {changed} WHERE type = 'ContributionBilled'")
        (told,) = (await estate.told("participant", who.participant_id, now)).differences
        assert "ContributionBilled" in told and "is not the same" in told

    async def test_of_what_is_not_archived_yet_are_told(self, estate: Estate) -> None:
        who = await estate.somebody()
        await estate.archive()
        assert code(await estate.bank.buy(who.code)) == "2002500"
        found = await estate.told("participant", who.participant_id, estate.pass_(1))
        assert found.differences and all("not yet" in text for text in found.differences)


class TestRefused:
    async def test_a_time_to_come_an_unknown_id_and_a_kind_there_is_not(self, estate: Estate) -> None:
        who = await estate.somebody()
        now = estate.h.clock.wall()
        w, path = estate.w, f"/accounts/participant/{who.participant_id}"
        later = (now + timedelta(seconds=1)).isoformat()
        assert await refused(w, path, at=later) == (422, "time_to_come", set())
        assert await refused(w, path) == (422, "invalid", {"query.at"})
        assert await refused(w, path, at=(now - timedelta(days=1)).isoformat()) == (404, "nothing_known", set())
        for subject in ("participant", "agent", "wadah", "bill"):
            assert (await refused(w, f"/accounts/{subject}/{new_id()}", at=now.isoformat()))[1] == "nothing_known"
        assert (await refused(w, f"/accounts/claim/{new_id()}", at=now.isoformat()))[0] == 404
        assert (await refused(w, path, roles=["officer"], at=now.isoformat()))[0] == 403

    async def test_more_than_can_be_told(self, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
        who = await estate.somebody()
        await estate.archive()
        monkeypatch.setattr(accounts, "MOST_EVENTS", 1)
        monkeypatch.setattr("services.audit.api.accounts.MOST_EVENTS", 1)
        at = estate.h.clock.wall().isoformat()
        path = f"/accounts/participant/{who.participant_id}"
        assert await refused(estate.w, path, at=at) == (422, "too_many_events", set())


async def tamper(estate: Estate, sql: str) -> None:
    """As an insider with superuser rights would, in the database of payments."""
    name = estate.h.app.settings.database_url.rpartition("/")[2]
    connection = await asyncpg.connect(f"{estate.w.admin_url.rpartition('/')[0]}/{name}")
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def escaped(text: str) -> str:
    from html import escape

    return escape(text)


EVENTS, PEOPLE = 60_000, 6_000
_FILLED = f"""
INSERT INTO archive SELECT n, gen_random_uuid(), 'contributions', 'payments', 'contributions', md5('p' || n % {PEOPLE})::uuid::text,
 n / {PEOPLE} + 1, 'ContributionPaid', 1, 'tests/1', timestamptz '2025-01-01Z' + n * interval '1 second',
 timestamptz '2025-01-01Z' + n * interval '1 second', 'agent', md5('c' || n % 60)::uuid, NULL, NULL, NULL, NULL,
 md5('p' || n % {PEOPLE})::uuid, ''::bytea, md5('b' || n)::uuid FROM generate_series(0, {EVENTS} - 1) AS n
"""


@pytest.mark.timeout(300)
async def test_an_account_reads_what_it_holds_however_many_events_there_are(w: World) -> None:
    """A thousand events are of one chain, as those of one import are."""
    await w.tamper(_FILLED)
    await w.tamper("VACUUM ANALYZE archive")
    ((participant, one_bill),) = await w.rows("SELECT participant_id, bill_id FROM archive WHERE place = 7")
    most: dict[str, int] = {}
    for subject, id_ in {"participant": participant, "bill": one_bill}.items():
        async with watched(w.h.app) as seen:
            path = account.path_of(subject, str(id_), w.h.clock.wall())
            assert (await w.h.client.get(path, headers=w.h.token(roles=["auditor"]))).status_code == 200
        assert await seen.sequential_scans({"archive"}) == []
        most[subject] = max((await seen.rows_handled()).values())
    assert most["participant"] <= 8 * EVENTS // PEOPLE and most["bill"] <= 20, most


async def test_an_agent_of_nobody_is_not_looked_for_from_end_to_end(w: World) -> None:
    await w.tamper(_FILLED)
    await w.tamper("VACUUM ANALYZE archive")
    async with watched(w.h.app) as seen:
        path = account.path_of("agent", str(UUID(int=1)), w.h.clock.wall())
        assert (await w.h.client.get(path, headers=w.h.token(roles=["auditor"]))).status_code == 404
    assert await seen.sequential_scans({"archive"}) == []
