"""Random histories through the doors of registration, payments and notifications: people, agents, bills, money, time, disputes, erasures.

A step that is refused is as good as any: only a server that breaks is wrong. Which people and bills a step is about, a number says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from tests.integration.erasure.three import Three
from tests.integration.registration.world import form
from tests.support.service import Harness

BROKEN = 500
MINUTE = timedelta(minutes=1)


@dataclass
class Person:
    participant_id: UUID
    code: str
    bills: list[str] = field(default_factory=list)


class History:
    """`erasures`: steps after which somebody was forgotten. `done`: what came of every step."""

    def __init__(self, all_: Three) -> None:
        self.all_ = all_
        self.people: list[Person] = []
        self.agents: list[UUID] = []
        self.steps = 0
        self.erasures: list[int] = []
        self.done: list[tuple[str, int]] = []

    async def play(self, act: str, number: int) -> None:
        """One step, and what follows from it everywhere; a minute passes."""
        answer = await ACTS[act](self, number)
        assert answer is None or answer.status_code < BROKEN, (act, answer.text)
        self.done.append((act, answer.status_code if answer else 0))
        await self.all_.carry()
        self.steps += 1

    def somebody(self, number: int) -> Person | None:
        return self.people[number % len(self.people)] if self.people else None

    async def post(self, h: Harness, path: str, body: Mapping[str, Any] | None, **token: Any) -> httpx.Response:
        headers = h.token(**{"branch_id": self.all_.world.branch_id, **token})
        return await h.client.post(path, json=body, headers=headers)

    # --- registration ---

    async def register(self, number: int) -> httpx.Response:
        """By an officer, or by an agent where there is one."""
        world = self.all_.world
        headers = world.officer()
        if self.agents and number % 2:
            headers = world.agent(agent_id=self.agents[number % len(self.agents)])
        more = {"income": 1_000_000 + 500_000 * (number % 5)}
        if number % 3 == 0:
            more["programmes"] = ["JKK", "JKM"]  # type: ignore[assignment]
        answer = await world.register(form(name=f"Orang {number}", **more), headers)
        if answer.status_code == httpx.codes.CREATED:
            told = answer.json()
            self.people.append(Person(UUID(told["participant_id"]), told["contribution_code"]))
        return answer

    async def correct(self, number: int) -> httpx.Response | None:
        if (who := self.somebody(number)) is None:
            return None
        wanted = {"income": 1_000_000 + 250_000 * (number % 7), "occupation": f"pedagang {number % 3}"}
        return await self.post(
            self.all_.world.h, f"/participants/{who.participant_id}/correction", wanted, roles=["officer"]
        )

    async def agent(self, number: int) -> httpx.Response | None:
        """Somebody becomes an agent of the Wadah, as far as he may."""
        world, who = self.all_.world, self.somebody(number)
        if who is None:
            return None
        if not self.agents:
            terms = {
                "name": "DPC",
                "agreement_number": f"PKS-{number}",
                "term_from": "2025-01-15",
                "term_to": "2035-01-14",
            }
            engaged = await self.post(world.h, "/wadah", terms, roles=["officer"])
            if engaged.status_code == httpx.codes.CREATED:
                world.wadah_id = UUID(engaged.json()["wadah_id"])
        profile = {"participant_id": str(who.participant_id), "name": "Orang Agen", "phone": "081234567891"}
        answer = await world.h.client.post("/agents", json=profile, headers=world.coordinator())
        if answer.status_code != httpx.codes.CREATED:
            return answer
        agent_id = UUID(answer.json()["agent_id"])
        certificate = {"certificate_number": f"S-{number}", "certified_on": "2025-10-01"}
        await self.post(world.h, f"/agents/{agent_id}/certification", certificate, roles=["officer"])
        answer = await self.post(world.h, f"/agents/{agent_id}/activation", None, roles=["checker"])
        if answer.status_code == httpx.codes.OK:
            self.agents.append(agent_id)
        return answer

    async def reassign(self, number: int) -> httpx.Response | None:
        who = self.somebody(number)
        if who is None or not self.agents:
            return None
        agent_id = None if number % 4 == 0 else str(self.agents[number % len(self.agents)])
        wanted = {"participants": [str(who.participant_id)], "agent_id": agent_id, "reason": "on_request"}
        h = self.all_.world.h
        proposed = await self.post(h, "/reassignments", wanted, roles=["officer"])
        if proposed.status_code != httpx.codes.CREATED:
            return proposed
        return await self.post(
            h, f"/reassignments/{proposed.json()['reassignment_id']}/approval", None, roles=["checker"]
        )

    async def erase(self, number: int) -> None:
        if (who := self.somebody(number)) is not None and await self.all_.erase(who.participant_id) == "FORGOTTEN":
            self.erasures.append(self.steps)

    # --- money ---

    async def pay(self, number: int) -> httpx.Response | None:
        """At a bank: what it was quoted."""
        if (who := self.somebody(number)) is None:
            return None
        bank = self.all_.bank
        quoted = await bank.inquire(who.code, request := f"H-{self.steps}")
        if quoted.status_code != httpx.codes.OK:
            return quoted
        amount = quoted.json()["virtualAccountData"]["totalAmount"]["value"]
        answer = await bank.pay(who.code, amount, request)
        if number % 4 == 0:
            return await bank.pay(who.code, amount, request)  # told twice
        return answer

    async def bill(self, number: int) -> httpx.Response | None:
        if (who := self.somebody(number)) is None:
            return None
        wanted = {"participant_id": str(who.participant_id), "months": [1, 2, 3, 6][number % 4]}
        answer = await self.post(self.all_.payments, "/bills", wanted, roles=["officer"])
        if answer.status_code == httpx.codes.CREATED:
            who.bills.append(answer.json()["bill_id"])
        return answer

    async def undo(self, number: int) -> httpx.Response | None:
        """A bill is cancelled, or gets a number of its own."""
        who = self.somebody(number)
        if who is None or not who.bills:
            return None
        what = "va" if number % 3 == 0 else "cancel"
        return await self.post(self.all_.payments, f"/bills/{who.bills[-1]}/{what}", None, roles=["officer"])

    async def together(self, number: int) -> httpx.Response | None:
        """One bill for several people, paid at a bank."""
        if not self.people:
            return None
        codes = sorted({self.people[(number + n) % len(self.people)].code for n in range(3)})
        body = {"participants": codes, "funding_source": "DONOR"}
        world = self.all_.world
        answer = await self.post(
            self.all_.payments, "/collective-bills", body, roles=["coordinator"], wadah_id=world.wadah_id
        )
        if answer.status_code != httpx.codes.CREATED:
            return answer
        told = answer.json()
        await self.all_.bank.pay(told["code"], told["amount"], f"G-{self.steps}")
        await self.all_.payments.due("collective-posting")
        return answer

    async def payee(self, number: int) -> httpx.Response | None:
        if (who := self.somebody(number)) is None:
            return None
        body = {
            "kind": "PARTICIPANT",
            "owner_id": str(who.participant_id),
            "bank_code": "008",
            "number": f"13700012345{number % 100:02d}",
            "holder": f"Orang {number}",
        }
        return await self.post(self.all_.payments, "/payee-accounts", body, roles=["officer"])

    async def dispute(self, number: int) -> httpx.Response | None:
        """An agent doubts a line of his statement."""
        if not self.agents:
            return None
        agent_id = self.agents[number % len(self.agents)]
        body = {
            "agent_id": str(agent_id),
            "month": f"{self.all_.clock.business() - timedelta(days=31):%Y-%m}",
            "line": number % 4,
            "reason": "wrong_amount",
            "note": "salah",
        }
        world = self.all_.world
        return await self.post(
            self.all_.payments,
            "/incentives/disputes",
            body,
            roles=["agent"],
            agent_id=agent_id,
            wadah_id=world.wadah_id,
        )

    # --- time ---

    async def wait(self, number: int) -> None:
        """Hours, days, months or years pass, and what is due is done."""
        self.all_.clock.move(
            [timedelta(hours=5), timedelta(days=9), timedelta(days=35), timedelta(days=400)][number % 4]
        )
        await self.all_.work()
        for h in self.all_.all:
            for timer in h.app.composition.timers:
                await h.due(timer.name)
            await self.all_.carry()


ACTS: Mapping[str, Callable[[History, int], Awaitable[httpx.Response | None]]] = {
    "register": History.register,
    "correct": History.correct,
    "agent": History.agent,
    "reassign": History.reassign,
    "pay": History.pay,
    "bill": History.bill,
    "undo": History.undo,
    "together": History.together,
    "payee": History.payee,
    "dispute": History.dispute,
    "wait": History.wait,
    "erase": History.erase,
}
OFTEN = ("register", "register", "pay", "pay", "bill", "wait")
"""What comes more often than the rest."""
