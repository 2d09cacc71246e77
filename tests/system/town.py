"""A town to play in: the whole stack with its history, people who register and pay, and the question whether all adds up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.local.outreach import history
from deploy.local.outreach.doors import Doors
from deploy.local.stack import OUTSIDE, SERVICES, LocalStack
from deploy.topics import declared
from tests.support.eventually import eventually
from tests.support.topics import header, read_topic

PRICE = 36_800


@dataclass(frozen=True)
class Resident:
    participant_id: str
    code: str


@dataclass
class Town:
    """`doors` for what the play may do without refusal, `client` for what a test wants to see refused."""

    stack: LocalStack
    client: httpx.AsyncClient
    doors: Doors
    cast: history.Cast
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def form(self) -> dict[str, Any]:
        """The form of an invented person nobody has seen yet; NIK, name, phone and address are that person's alone."""
        n = next(self._numbers)
        district, serial = 7104 + (n - 1) // 9_999, (n - 1) % 9_999 + 1
        return {
            "nik": f"36{district}{1 + n % 28:02d}{1 + n % 12:02d}80{serial:04d}",
            "name": f"Warga Contoh {n:06d}",
            "birth_place": "Tangerang",
            "birth_date": f"1980-{1 + n % 12:02d}-{1 + n % 28:02d}",
            "sex": "M",
            "phone": f"0812{10_000_000 + n}",
            "address": f"Kp. Contoh No. {n:06d}, Kota Tangerang",
            "occupation": "Pedagang keliling",
            "sector": "OTHER",
            "work_place": "Kota Tangerang",
            "income": 1_000_000,
            "programmes": ["JKK", "JKM", "JHT"],
            "consent": {"given": True, "text_version": "2025-01"},
        }

    async def register(self, count: int) -> list[Resident]:
        """So many new people, registered by the first agent, each accepted."""
        forms = [self.form() for _ in range(count)]
        agent = self.cast.agents[0]
        answers = await asyncio.gather(
            *(self.doors.post("registration", "/participants", agent, form, key=form["nik"]) for form in forms)
        )
        return [Resident(answer["participant_id"], answer["contribution_code"]) for answer in answers]

    async def pay(self, people: Sequence[Resident]) -> dict[str, Any]:
        """Everybody pays at the bank; gives the bank's round."""
        codes = [person.code for person in people]
        found: dict[str, Any] = await self.doors.outside(
            "bank", "POST", "/pay-many", {"customer_nos": codes, "concurrency": 8, "wait": True}
        )
        return found

    async def rows(self, service: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows of a service's database, with its read-only role."""
        connection = await asyncpg.connect(self.stack.databases.url(service, "reader"))
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def billed(self, people: Sequence[Resident]) -> bool:
        found = await self.rows(
            "payments", "SELECT DISTINCT participant_id FROM bills WHERE participant_id = ANY($1::uuid[])", ids(people)
        )
        return len(found) == len(people)

    async def until_billed(self, people: Sequence[Resident], *, within_s: float = 60) -> None:
        await eventually(lambda: self.billed(people), within_s=within_s, what="everybody billed")

    async def protected(self, people: Sequence[Resident]) -> bool:
        found = await self.rows(
            "registration",
            "SELECT 1 FROM participants WHERE participant_id = ANY($1::uuid[]) AND standing = 'ACTIVE'",
            ids(people),
        )
        return len(found) == len(people)

    async def told(self, people: Sequence[Resident]) -> bool:
        """Welcome and receipt delivered to everybody."""
        found = await self.rows(
            "notifications",
            "SELECT 1 FROM notifications WHERE participant_id = ANY($1::uuid[]) AND state = 'DELIVERED'",
            ids(people),
        )
        return len(found) >= 2 * len(people)

    async def until_done(self, people: Sequence[Resident], *, within_s: float = 60) -> None:
        """Everybody protected and told; then every figure is checked, in databases and on topics."""
        await eventually(lambda: self.protected(people), within_s=within_s, what="everybody protected")
        await eventually(lambda: self.told(people), within_s=within_s, what="everybody told")
        await self.check(people)

    async def check(self, people: Sequence[Resident]) -> None:
        """No rupiah lost or doubled, one effect per event, seq without holes on the topics, the bank's books agree."""
        paid = await self.rows(
            "payments",
            "SELECT participant_id, amount FROM payments WHERE participant_id = ANY($1::uuid[])",
            ids(people),
        )
        assert sorted(str(row["participant_id"]) for row in paid) == sorted(ids(people)), "one payment each"
        assert {row["amount"] for row in paid} == {PRICE}
        notices = await self.rows(
            "notifications",
            "SELECT participant_id, cause FROM notifications WHERE participant_id = ANY($1::uuid[])",
            ids(people),
        )
        assert len(notices) == len(set(map(tuple, notices))) == 2 * len(people), "one notice per cause"
        balance = await self.doors.get("payments", "/ledger/trial-balance", history.CENTRAL)
        assert (balance["imbalance"], balance["suspense"]) == (0, 0)
        books = await self.doors.outside("bank", "GET", "/books")
        assert books["states"]["unknown"]["count"] == 0
        for service in self.stack.services:
            await eventually(partial(self.tells_all, service), what=f"the topics hold the log of {service}")

    async def tells_all(self, service: str) -> bool:
        """Whether every event of the log is on the topics, first occurrences in order, and nothing else is.

        Events of the calendar (the incentives of months before) come at any moment, so a caller asks again.
        """
        logged: dict[tuple[str, str], list[str]] = {}
        for row in await self.rows(service, "SELECT stream, key, event_id FROM event_log ORDER BY stream, key, seq"):
            logged.setdefault((row["stream"], row["key"]), []).append(str(row["event_id"]))
        seen: dict[tuple[str, str], list[str]] = {}
        topics = [topic.name for topic in declared(prefix=self.stack.topic_prefix)]
        for topic in topics:
            for record in [] if topic.endswith("dead-letters") else await read_topic(self.stack.kafka.bootstrap, topic):
                if header(record, "ce_source") != f"/perisai/{service}":
                    continue
                ids_ = seen.setdefault((header(record, "ce_stream"), header(record, "ce_subject")), [])
                if (event_id := header(record, "ce_id")) not in ids_:
                    ids_.append(event_id)
        return seen == logged


async def months_are_done(place: Town) -> None:
    """Returns when the incentives of all months that are closed by business time are computed: nothing falls due by itself after it."""
    query = (
        "SELECT count(*) FROM (SELECT occurred_at FROM event_log ORDER BY position DESC LIMIT 1) AS newest, incentive_runs"
        " WHERE completed_at IS NOT NULL AND month >= to_char("
        "newest.occurred_at AT TIME ZONE 'Asia/Jakarta' - interval '3 days' - interval '1 month', 'YYYY-MM')"
    )

    async def done() -> bool:
        return bool((await place.rows("payments", query))[0][0])

    await eventually(done, within_s=120, what="the incentives of months before are computed")


def ids(people: Sequence[Resident]) -> list[str]:
    return [person.participant_id for person in people]


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """The stack on free ports in a folder of its own, its history played, in the month of the day."""
    async with (
        LocalStack(folder, services=SERVICES, outside=OUTSIDE, environ={}, business_time=history.BEGINS) as stack,
        httpx.AsyncClient(timeout=60, trust_env=False) as client,
    ):
        doors = Doors(stack, client)
        cast = await history.happen(stack, doors, lambda text: None)
        await history.reach_the_day(doors)
        yield Town(stack, client, doors, cast)
