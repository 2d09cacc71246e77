"""The load: people register at a fixed rate, whatever happens, and pay at the bank once they are billed.

A request without an answer is sent again under the same Idempotency-Key until it gets one, as a careful client does; every attempt and every
answer stands in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from deploy.local.trouble import Trouble
from tests.faults.journal import Journal
from tests.support.estate import Estate
from tests.system.town import Town

PAY_EVERY_S = 0.25
AT_ONCE = 32
"""Payments on their way at the bank."""
AGAIN_S = 0.3
ATTEMPTS = 400
DOUBLED_OF = 10
"""One payment round in so many is sent twice by the bank."""
PAYING = 0.6
"""Of those who register, so many come to the bank; the others let their bill expire."""


@dataclass
class Driver:
    """Seeded; one per estate. `people`: participant id → contribution code of everybody registered; `unpaid`: those still to pay."""

    estate: Estate
    journal: Journal
    chance: random.Random
    people: dict[str, str] = field(default_factory=dict)
    unpaid: dict[str, str] = field(default_factory=dict)
    sleepers: set[str] = field(default_factory=set)
    """Registered at the door, and never paying."""
    paid_for: set[str] = field(default_factory=set)
    """Of the sleepers, those whom a wallet or somebody else pays for after all."""
    imports: list[str] = field(default_factory=list)
    """Uploaded files whose people are not known yet."""
    asked: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    """Registrations that were refused for good, by status. None is expected: every form and every agent is a good one."""
    unanswered: int = 0
    """Registrations on their way."""
    told_to_wait: int = 0
    """Answers 429 or 503 that say when to come again."""
    sent_away: int = 0
    """Those that do not."""

    @property
    def town(self) -> Town:
        return self.estate.town

    @property
    def payers(self) -> set[str]:
        """Participants who pay, or have paid."""
        return self.people.keys() - self.sleepers

    async def register(self, count: int, *, per_s: float, paying: float = PAYING) -> None:
        """Registers so many people, each at its own scheduled moment; returns when the last has its answer.

        `paying`: the part of them that goes to the bank.
        """
        begins = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(max(0.0, begins + number / per_s - time.monotonic()))
                group.create_task(self._register_one(self.chance.random() < paying))

    async def pay_as_billed(self, stop: asyncio.Event) -> None:
        """Sends everybody to the bank as soon as there is a bill, until `stop`."""
        while not stop.is_set():
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError, Trouble):
                await self._pay_billed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAY_EVERY_S)

    async def pay_rest(self) -> None:
        """Those whose inquiry or payment the bank gave up, when a service was away for longer than it asks."""
        paid = await self.town.rows(
            "payments", "SELECT participant_id FROM payments WHERE participant_id = ANY($1::uuid[])", [*self.people]
        )
        done = {str(row["participant_id"]) for row in paid}
        codes = [self.people[person] for person in sorted(self.payers - done)]
        if codes:
            await self._at_the_bank({"customer_nos": codes, "concurrency": AT_ONCE, "wait": True})

    async def _register_one(self, pays: bool) -> None:
        self.asked += 1
        number, form = self.asked, self.town.form()
        self.journal.person(number, form)
        agent = self.chance.choice(self.town.cast.agents)
        key = f"fault-{UUID(int=self.chance.getrandbits(128))}"
        self.unanswered += 1
        answer = await self._insist("/participants", agent, form, key, number)
        self.unanswered -= 1
        if answer.status_code == httpx.codes.CREATED:
            found = answer.json()
            self.people[found["participant_id"]] = found["contribution_code"]
            if pays:
                self.unpaid[found["participant_id"]] = found["contribution_code"]
            else:
                self.sleepers.add(found["participant_id"])
        else:
            self.refused[answer.status_code] = self.refused.get(answer.status_code, 0) + 1

    async def _insist(self, path: str, who: Any, body: Any, key: str, number: int) -> httpx.Response:
        """The final answer: anything but an outage, an overload or silence."""
        url = self.estate.stack.url("registration") + path
        for _ in range(ATTEMPTS):
            request = str(UUID(int=self.chance.getrandbits(128)))
            try:
                token = await self.town.doors.token(who)
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "X-Correlation-Id": request}
                what = {"service": "registration", "path": path, "creates": "participants", "person": number}
                self.journal.sent(request, key=key, actor=who.subject, **what)
                answer = await self.estate.client.post(url, json=body, headers=headers, timeout=20)
            except (httpx.HTTPError, Trouble) as error:
                self.journal.lost(request, key, error)
            else:
                made = answer.json().get("participant_id") if answer.status_code == httpx.codes.CREATED else None
                self.journal.answered(request, key, answer, made)
                self._count(answer)
                if answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    return answer
            await asyncio.sleep(AGAIN_S * self.chance.uniform(0.5, 1.5))
        raise AssertionError(f"no answer to {path} in {ATTEMPTS} attempts")

    def _count(self, answer: httpx.Response) -> None:
        if answer.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
            self.told_to_wait += "retry-after" in answer.headers
            self.sent_away += "retry-after" not in answer.headers

    async def learn(self) -> None:
        """Who was registered from files that are worked off by now."""
        agent = self.town.cast.agents[0]
        for import_id in [*self.imports]:
            found = await self.town.doors.get("registration", f"/imports/{import_id}", agent)
            if found["status"] != "DONE":
                continue
            after: dict[str, Any] = {}
            while True:
                page = await self.town.doors.get("registration", f"/imports/{import_id}/results", agent, **after)
                new = {r["participant_id"]: r["contribution_code"] for r in page["items"] if r["participant_id"]}
                self.people |= new
                self.unpaid |= new
                if page["after"] is None:
                    break
                after = {"after": page["after"]}
            self.imports.remove(import_id)

    async def _pay_billed(self) -> None:
        if self.imports:
            await self.learn()
        if not self.unpaid:
            return
        found = await self.town.rows(
            "payments",
            "SELECT DISTINCT participant_id FROM bills WHERE status = 'OPEN' AND participant_id = ANY($1::uuid[])",
            [*self.unpaid],
        )
        ready = [str(row["participant_id"]) for row in found]
        codes = [self.unpaid[participant] for participant in ready if participant in self.unpaid]
        if not codes:
            return
        round_: dict[str, Any] = {"customer_nos": codes, "concurrency": AT_ONCE}
        if self.chance.randrange(DOUBLED_OF) == 0:
            round_["behaviour"] = {"double": self.chance.choice(["after", "at_once"])}
        await self._at_the_bank(round_)
        for participant in ready:
            self.unpaid.pop(participant, None)

    async def _at_the_bank(self, round_: dict[str, Any]) -> None:
        await self.town.doors.outside("bank", "POST", "/pay-many", round_)
