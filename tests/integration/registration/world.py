"""One branch with a Wadah and an active agent, built through the doors, and ways to act in it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import httpx

from chassis.ids import new_id
from contracts.events.contributions import BillKind, ContributionPaid, ContributionReversed, MonthCharge
from contracts.values import BillId, ContributionMonth, ParticipantId, PaymentId, Rupiah
from tests.support.service import Harness

Headers = dict[str, str]
_serials = itertools.count(1)


def nik_of(birth_date: date = date(1990, 3, 4), *, female: bool = False, province: str = "36") -> str:
    """A well-formed NIK never given out before in this run."""
    day = birth_date.day + (40 if female else 0)
    serial = next(_serials)
    district = 7101 + serial // 9000
    return f"{province}{district:04d}{day:02d}{birth_date:%m%y}{serial % 9000 + 1:04d}"


def form(**changes: Any) -> dict[str, Any]:
    """A form that meets every rule, of an invented person; `changes` replace fields, None removes one."""
    whole = {
        "nik": nik_of(),
        "name": "Siti Rahayu",
        "birth_place": "Tangerang",
        "birth_date": "1990-03-04",
        "sex": "M",
        "phone": "0812-3456-7890",
        "address": "Jalan Contoh 1, Cimone",
        "occupation": "pedagang",
        "sector": "OTHER",
        "work_place": "Kota Tangerang",
        "income": 1_000_000,
        "programmes": ["JKK", "JKM", "JHT"],
        "consent": {"given": True, "text_version": "2025-01"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


@dataclass
class World:
    h: Harness
    branch_id: UUID = field(default_factory=new_id)
    wadah_id: UUID = field(default_factory=new_id)
    agent_id: UUID = field(default_factory=new_id)
    agent_code: str = ""
    own_participant: UUID = field(default_factory=new_id)

    @classmethod
    async def opened(cls, h: Harness, code: str = "J08") -> World:
        """Branch, agreement in force, and an agent who is a participant and ACTIVE."""
        world = cls(h)
        central = h.token(roles=["central"])
        found = await h.client.post(
            "/branches", json={"code": code, "name": "Cimone", "city": "Tangerang"}, headers=central
        )
        world.branch_id = UUID(found.json()["branch_id"])
        world.wadah_id = await world.engaged()
        world.own_participant = UUID(
            (await world.register(form(name="Budi Santoso"), world.officer())).json()["participant_id"]
        )
        await world.pay(world.own_participant)
        world.agent_id, world.agent_code = await world.proposed(world.own_participant)
        await world.activated(world.agent_id)
        return world

    async def engaged(self, number: str = "PKS-1") -> UUID:
        terms = {"name": "DPC SPN", "agreement_number": number, "term_from": "2025-01-15", "term_to": "2026-01-14"}
        answer = await self.h.client.post("/wadah", json=terms, headers=self.officer())
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["wadah_id"])

    async def proposed(self, participant_id: UUID) -> tuple[UUID, str]:
        profile = {"participant_id": str(participant_id), "name": "Budi Santoso", "phone": "081234567891"}
        answer = await self.h.client.post("/agents", json=profile, headers=self.coordinator())
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["agent_id"]), answer.json()["agent_code"]

    async def activated(self, agent_id: UUID) -> None:
        certificate = {"certificate_number": "S-1", "certified_on": "2025-10-01"}
        path = f"/agents/{agent_id}"
        certified = await self.h.client.post(f"{path}/certification", json=certificate, headers=self.officer())
        assert certified.status_code == 200, certified.text
        activated = await self.h.client.post(f"{path}/activation", headers=self.checker())
        assert activated.status_code == 200, activated.text

    # --- tokens ---

    def officer(self, **more: Any) -> Headers:
        return self.h.token(roles=["officer"], branch_id=self.branch_id, **more)

    def checker(self, **more: Any) -> Headers:
        return self.h.token(roles=["checker"], branch_id=self.branch_id, **more)

    def coordinator(self, **more: Any) -> Headers:
        return self.h.token(roles=["coordinator"], wadah_id=self.wadah_id, **more)

    def agent(self, **more: Any) -> Headers:
        claims = {"branch_id": self.branch_id, "wadah_id": self.wadah_id, "agent_id": self.agent_id, **more}
        return self.h.token(roles=["agent"], **claims)

    # --- acts ---

    async def register(self, form_: dict[str, Any], headers: Headers | None = None) -> httpx.Response:
        return await self.h.client.post("/participants", json=form_, headers=headers or self.agent())

    async def registered(self, **changes: Any) -> UUID:
        """A participant of the agent."""
        answer = await self.register(form(**changes))
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["participant_id"])

    def paid(
        self,
        participant_id: UUID,
        *months: str,
        kind: BillKind = BillKind.FIRST,
        at: datetime | None = None,
        payment_id: UUID | None = None,
    ) -> ContributionPaid:
        """A payment of these contribution months (default: the current one), made at `at` (default: now)."""
        effective_at = at or self.h.clock.business()
        wanted = [ContributionMonth.parse(m) for m in months] or [ContributionMonth.of(effective_at)]
        charges = tuple(
            MonthCharge(
                month=m,
                base=Rupiah(1_000_000),
                jkk=Rupiah(10_000),
                jkm=Rupiah(6_800),
                jht=Rupiah(20_000),
                discounted=False,
            )
            for m in wanted
        )
        return ContributionPaid(
            payment_id=PaymentId(payment_id or new_id()),
            bill_id=BillId(new_id()),
            participant_id=ParticipantId(participant_id),
            kind=kind,
            partner="bank",
            channel="VA",
            channel_reference=str(new_id()),
            amount=Rupiah(36_800 * len(charges)),
            months=charges,
            effective_at=effective_at,
            posted_at=self.h.clock.business(),
        )

    def reversed(self, paid: ContributionPaid, reason: str = "missing_at_bank") -> ContributionReversed:
        return ContributionReversed(
            payment_id=paid.payment_id,
            bill_id=paid.bill_id,
            participant_id=paid.participant_id,
            amount=paid.amount,
            months=paid.months,
            partner=paid.partner,
            reason=reason,
            refusal=None,
        )

    async def pay(self, participant_id: UUID, *months: str, **how: Any) -> ContributionPaid:
        """Delivers such a payment."""
        paid = self.paid(participant_id, *months, **how)
        await self.tell(paid)
        return paid

    async def tell(self, event: Any) -> None:
        (outcome,) = await self.h.deliver(self.h.record(event, key=event.participant_id))
        assert type(outcome).__name__ == "Done", outcome

    async def seen(self, participant_id: UUID) -> dict[str, Any]:
        """The participant as the branch head sees it."""
        answer = await self.h.client.get(f"/participants/{participant_id}", headers=self.checker())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def types(self, participant_id: UUID) -> list[str]:
        """The types of its events, in order."""
        events = await self.h.events("participants")
        return [one.envelope.type for one in events if one.envelope.key == str(participant_id)]
