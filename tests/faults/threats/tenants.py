"""Four tenants in every service: two branches with two Wadah each. Each knows its own things, and what nobody else may be told of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.ids import new_id
from chassis.transaction import Scope
from contracts.events.notifications import Channel
from contracts.sealed import Sealed
from contracts.values import ParticipantId
from services.audit.app import signer_of
from services.notifications.domain.notification import notification_id_of
from services.payments.tables import bills, payments, transfers
from tests.faults.threats.astray import astray
from tests.integration.payments.agency import close_month, engage, hire
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.office import NOBODY, Office
from tests.integration.payments.people import register
from tests.integration.registration.files import row, table, worked
from tests.integration.registration.world import World, form
from tests.support.service import Harness
from tests.support.settlement import marked
from tests.unit.notifications import samples

SCOPED = ("agent", "officer", "checker", "coordinator", "participant")
"""Roles that see a part of the whole."""
_NUMBERS = itertools.count(1)


@dataclass
class Tenant:
    """`values`: what fills the slots of an example; `secrets`: texts that belong to it alone, as they would stand in an answer."""

    name: str
    branch_id: UUID
    wadah_id: UUID
    agent_id: UUID
    values: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    people: int = 0
    """How many participants its agent looks after."""
    branch_people: int = 0
    """Those of its Wadah's corner of the branch that no agent looks after."""

    def claims(self, role: str) -> dict[str, UUID]:
        """The scope in the token of such a person of this tenant."""
        return {
            "agent": {"branch_id": self.branch_id, "wadah_id": self.wadah_id, "agent_id": self.agent_id},
            "officer": {"branch_id": self.branch_id},
            "checker": {"branch_id": self.branch_id},
            "coordinator": {"branch_id": self.branch_id, "wadah_id": self.wadah_id},
            "participant": {"participant_id": UUID(self.values["participant_id"])},
        }[role]

    def headers(self, h: Harness, role: str) -> dict[str, str]:
        return h.token(roles=[role], subject=f"{role}-{self.name}", **self.claims(role))

    def thing(self, slot: str, other: Tenant, role: str) -> str | None:
        """What this tenant has of that kind and such a person of the other may not name; None when any of it is free to him.

        Whom no Wadah looks after is free to every board of the branch, a session of the branch to every person who registers there.
        """
        same_branch = self.branch_id == other.branch_id
        if same_branch and slot == "outreach_id" and role == "participant":
            return None
        return self.values["participant_id" if slot == "member_id" and same_branch else slot]

    def is_foreign_to(self, other: Tenant, role: str) -> bool:
        """Whether such a person of the other tenant may see nothing of this one."""
        if role in ("officer", "checker"):
            return self.branch_id != other.branch_id
        return self.wadah_id != other.wadah_id


def foreign(tenants: Sequence[Tenant], own: Tenant, role: str) -> list[Tenant]:
    return [one for one in tenants if one.is_foreign_to(own, role)]


def leaked(text: str, of: Iterable[Tenant], sent: Iterable[str] = ()) -> list[str]:
    """Secrets that stand in a text, and that its reader had not said himself."""
    said = set(sent)
    held = frozenset().union(*(tenant.secrets for tenant in of)) - said
    return sorted(set(_any_of(held).findall(text))) if held else []


@lru_cache(maxsize=1_000)
def _any_of(secrets: frozenset[str]) -> re.Pattern[str]:
    """Whole words alone: `Pasar 1` does not stand in `Pasar 12`."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(secrets, key=len, reverse=True)))})(?!\w)")


# --- registration ---------------------------------------------------------------------------------------------------


async def in_registration(h: Harness) -> list[Tenant]:
    tenants: list[Tenant] = []
    for branch in ("A", "B"):
        world = World(h)
        answer = await h.client.post(
            "/branches",
            json={"code": f"KC-{branch}", "name": f"Cabang {branch}", "city": "Tangerang"},
            headers=h.token(roles=["central"]),
        )
        world.branch_id = UUID(answer.json()["branch_id"])
        for number in (1, 2):
            tenants.append(await _registered(World(h, world.branch_id), f"{branch}{number}", len(tenants)))
    return tenants


async def _registered(world: World, name: str, extra: int) -> Tenant:
    secrets: set[str] = set()
    wadah = {
        "name": f"Wadah Rahasia {name}",
        "agreement_number": f"PKS-RAHASIA-{name}",
        "term_from": "2025-01-15",
        "term_to": "2026-01-14",
    }
    world.wadah_id = UUID(await _made(world, "/wadah", wadah, world.officer(), "wadah_id"))
    own, _ = await _person(world, f"Agen {name}", world.officer(), secrets)
    await world.pay(own)
    profile = {"participant_id": str(own), "name": f"Agen Rahasia {name}", "phone": "0812" + f"99{next(_NUMBERS):06d}"}
    answer = await world.h.client.post("/agents", json=profile, headers=world.coordinator())
    world.agent_id, world.agent_code = UUID(answer.json()["agent_id"]), answer.json()["agent_code"]
    await world.activated(world.agent_id)
    who, nik = await _person(world, f"Peserta {name}", world.agent(), secrets)
    await world.pay(who)
    for number in range(extra):
        await _person(world, f"Tambahan {number} {name}", world.agent(), secrets)
    member, _ = await _person(world, f"Anggota {name}", world.officer(), secrets)
    session = {
        "wadah_id": str(world.wadah_id),
        "kind": "JOINT",
        "place": f"Balai Rahasia {name}",
        "starts_at": "2025-10-06T03:00:00Z",
        "ends_at": "2025-10-06T05:00:00Z",
        "audience": ["PUBLIC"],
        "agents": [str(world.agent_id)],
    }
    outreach = await _made(world, "/outreach", session, world.coordinator(), "outreach_id")
    wish = {"participants": [str(member)], "agent_id": None, "reason": "on_request"}
    reassignment = await _made(world, "/reassignments", wish, world.officer(), "reassignment_id")
    await _refused_erasure(world, member)
    asked = await world.h.client.post(f"/participants/{who}/export", headers=world.agent())
    assert asked.status_code == 202, asked.text
    sheet = table(row(name=f"Impor {name}"), row(name=f"Impor dua {name}", nik="1"))
    done = await worked(world, sheet, world.agent(subject=f"agent-{name}"))
    imported = next(one for one in done.rows if one["participant_id"])
    secrets |= {imported["participant_id"], imported["contribution_code"]}
    secrets |= {str(world.wadah_id), wadah["name"], wadah["agreement_number"], str(world.agent_id), world.agent_code}
    secrets |= {profile["name"], outreach, reassignment, str(session["place"]), done.summary["import_id"]}
    values = {
        "branch_id": str(world.branch_id),
        "wadah_id": str(world.wadah_id),
        "agent_id": str(world.agent_id),
        "agent_code": world.agent_code,
        "participant_id": str(who),
        "member_id": str(member),
        "outreach_id": outreach,
        "reassignment_id": reassignment,
        "import_id": done.summary["import_id"],
        "nik": nik,
    }
    tenant = Tenant(name, world.branch_id, world.wadah_id, world.agent_id, values, secrets)
    tenant.people, tenant.branch_people = 2 + extra, 2
    return tenant


async def _made(world: World, path: str, body: Mapping[str, Any], headers: dict[str, str], gives: str) -> str:
    answer = await world.h.client.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()[gives])


async def _refused_erasure(world: World, who: UUID) -> None:
    """Asked for and refused, so that there is a request to be shown."""
    headers = world.h.token(roles=["central"])
    answer = await world.h.client.post(f"/participants/{who}/erasure", json={"ground": "requested"}, headers=headers)
    assert answer.status_code == 409, answer.text


async def _person(world: World, name: str, headers: dict[str, str], secrets: set[str]) -> tuple[UUID, str]:
    """A participant of whom everything is a secret of its tenant; id and NIK."""
    number = next(_NUMBERS)
    filled = form(
        name=f"Rahasia {name}",
        address=f"Gang Rahasia {number}",
        birth_place=f"Desa Rahasia {number}",
        phone=f"08137{number:07d}",
        email=f"rahasia{number}@contoh.example",
        work_place=f"Pasar Rahasia {number}",
    )
    answer = await world.register(filled, headers)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    secrets |= {told["participant_id"], told["contribution_code"], f"+628137{number:07d}"}
    secrets |= {filled[key] for key in ("nik", "name", "address", "birth_place", "phone", "email", "work_place")}
    return UUID(told["participant_id"]), filled["nik"]


# --- payments -------------------------------------------------------------------------------------------------------


async def in_payments(h: Harness) -> list[Tenant]:
    bank = await Bank(h).enable()
    tenants: list[Tenant] = []
    for branch in ("A", "B"):
        branch_id = new_id()
        for number in (1, 2):
            tenant = Tenant(f"{branch}{number}", branch_id, new_id(), new_id())
            tenant.people = 1 + len(tenants)
            scope = Scope(tenant.branch_id, tenant.wadah_id, tenant.agent_id)
            for turn in range(tenant.people):
                who = await register(h, scope=scope)
                if turn == 0:
                    assert code(await bank.buy(who.code)) == "2002500"
                    tenant.values |= {"participant_id": str(who.participant_id), "member_id": str(who.participant_id)}
                    tenant.values["bill_id"] = await _bill_of(h, who.participant_id)
                    tenant.values |= await astray(h, bank, who, scope)
                    tenant.secrets |= {*tenant.values.values()}
                tenant.secrets |= {str(who.participant_id), who.code, *await _money_of(h, who.participant_id)}
            await _money_of_many(h, bank, tenant)
            await _earners_of(h, tenant)
            tenant.values["transfer"] = await _last_transfer(h, branch_id)
            tenant.secrets.add(tenant.values["transfer"].partition(":")[0])
            tenants.append(tenant)
    await _settled(h, tenants)
    await _month_of(h, tenants)
    return tenants


async def _settled(h: Harness, tenants: Sequence[Tenant]) -> None:
    """A file of the bank that knows none of the payments: it is of no tenant, so all are given the same."""
    office = Office(h)
    assert (await office.agree()).status_code == 201
    file = await office.reconcile(marked(("ODD-1", NOBODY, 5_000)))
    (case, *_) = await office.cases()
    for tenant in tenants:
        tenant.values |= {"file_id": file["file_id"], "case_id": case["case_id"]}


async def _earners_of(h: Harness, tenant: Tenant) -> None:
    """The Wadah and its agent as payments notes them."""
    wadah = await engage(h, branch=tenant.branch_id, wadah=tenant.wadah_id)
    await hire(h, wadah, agent=tenant.agent_id)
    tenant.values |= {"wadah_id": str(tenant.wadah_id)}
    tenant.secrets |= {str(tenant.wadah_id), f"PKS/{str(tenant.wadah_id)[-6:]}"}


async def _month_of(h: Harness, tenants: Sequence[Tenant]) -> None:
    """The month is closed and its statements issued; then the calendar is turned back, and every agent doubts a line of his."""
    now = h.clock.business()
    await close_month(h, at(2025, 11, 3, 0))
    h.clock.set(now)
    for tenant in tenants:
        doubt = {
            "agent_id": tenant.values["agent_id"],
            "month": "2025-10",
            "line": 1,
            "reason": "other",
            "note": "Periksa.",
        }
        raised = await h.client.post("/incentives/disputes", json=doubt, headers=tenant.headers(h, "agent"))
        assert raised.status_code == 201, raised.text
        tenant.values["dispute_id"] = raised.json()["dispute_id"]
        tenant.secrets.add(tenant.values["dispute_id"])


async def _bill_of(h: Harness, participant_id: UUID) -> str:
    path = f"/bills?participant_id={participant_id}"
    return str((await h.client.get(path, headers=h.token(roles=["central"]))).json()[0]["bill_id"])


async def _money_of_many(h: Harness, bank: Bank, tenant: Tenant) -> None:
    """A collective bill, a balance with something in it, cash in hand for an open bill, and the payment that stands."""
    mine, person = tenant.headers(h, "agent"), tenant.values["participant_id"]
    bill, settled = [await _collective(h, tenant) for _ in range(2)]
    balance = (await h.client.post("/agent-balances", headers=mine)).json()
    for number, amount in ((settled["code"], settled["amount"]), (balance["code"], 1_000)):
        assert code(await bank.pay(number, amount)) == "2002500"
    open_bill = await _post(h, tenant, "/bills", {"participant_id": person, "months": 1})
    await _post(h, tenant, "/cash", {"participant_id": person})
    await _post(h, tenant, f"/bills/{open_bill['bill_id']}/qr", None)
    paid = (await h.client.get(f"/payments?participant_id={person}", headers=mine)).json()
    lines = (await h.client.get(f"/agent-balances/{tenant.agent_id}/statement", headers=mine)).json()["lines"]
    tenant.values |= {
        "open_bill_id": open_bill["bill_id"],
        "collective_bill_id": bill["bill_id"],
        "paid_collective_bill_id": settled["bill_id"],
        "agent_id": str(tenant.agent_id),
        "payment_id": next(one["payment_id"] for one in paid if one["reversed_for"] is None),
    }
    tenant.secrets |= {one[name] for one in (bill, settled) for name in ("bill_id", "code")}
    tenant.secrets |= {balance["code"], lines[0]["payment_id"]}
    tenant.secrets |= {str(tenant.agent_id), *await _money_of(h, UUID(person))}


async def _post(h: Harness, tenant: Tenant, path: str, body: Any) -> Any:
    done = await h.client.post(path, json=body, headers=tenant.headers(h, "agent"))
    assert done.status_code == 201, done.text
    return done.json()


async def _collective(h: Harness, tenant: Tenant) -> dict[str, Any]:
    wish = {"participants": [tenant.values["participant_id"]], "funding_source": "DONOR", "months": 1}
    issued = await h.client.post("/collective-bills", json=wish, headers=tenant.headers(h, "coordinator"))
    assert issued.status_code == 201, issued.text
    found: dict[str, Any] = issued.json()
    return found


async def _money_of(h: Harness, participant_id: UUID) -> set[str]:
    async with h.app.read() as conn:
        issued = await conn.execute(sa.select(bills.c.bill_id).where(bills.c.participant_id == participant_id))
        query = sa.select(payments.c.payment_id, payments.c.channel_reference)
        paid = await conn.execute(query.where(payments.c.participant_id == participant_id))
        return {str(value) for found in (issued, paid) for row_ in found for value in row_}


async def _last_transfer(h: Harness, branch_id: UUID) -> str:
    query = sa.select(transfers.c.event_id, transfers.c.line).where(transfers.c.branch_id == branch_id)
    async with h.app.read() as conn:
        last = (await conn.execute(query.order_by(transfers.c.event_id.desc(), transfers.c.line).limit(1))).one()
    return f"{last.event_id}:{last.line}"


# --- notifications --------------------------------------------------------------------------------------------------


async def in_notifications(h: Harness) -> list[Tenant]:
    tenants: list[Tenant] = []
    for branch in ("A", "B"):
        branch_id = new_id()
        for number in (1, 2):
            tenant = Tenant(f"{branch}{number}", branch_id, new_id(), new_id())
            tenant.people = 1 + len(tenants)
            for turn in range(tenant.people):
                await _told(h, tenant, first=turn == 0)
            tenants.append(tenant)
    return tenants


async def _told(h: Harness, tenant: Tenant, *, first: bool) -> None:
    who, cause = ParticipantId(new_id()), new_id()
    h.person(who)
    scope = Scope(tenant.branch_id, tenant.wadah_id, tenant.agent_id)
    number = f"88{next(_NUMBERS):011d}"
    person = samples.person().model_copy(update={"name": f"Rahasia {number}", "phone": f"+62813{number[-8:]}"})
    known = {"participant_id": who, "contribution_code": number, "person": Sealed(who, person)}
    await h.deliver(h.record(samples.registered().model_copy(update=known), key=who, scope=scope))
    bill = samples.billed().model_copy(update={"participant_id": who, "contribution_code": number})
    await h.deliver(h.record(bill, key=who, scope=scope, event_id=cause))
    message = notification_id_of(cause, who, Channel.SMS)
    tenant.secrets |= {str(who), str(cause), str(message), number, person.name, person.phone}
    if first:
        tenant.values |= {"participant_id": str(who), "member_id": str(who), "notification_id": str(message)}


# --- audit ----------------------------------------------------------------------------------------------------------


async def in_audit(h: Harness) -> list[Tenant]:
    tenants: list[Tenant] = []
    for branch in ("A", "B"):
        branch_id = new_id()
        for number in (1, 2):
            tenant = Tenant(f"{branch}{number}", branch_id, new_id(), new_id())
            tenant.people = 1
            await _archived(h, tenant)
            tenants.append(tenant)
    await signer_of(h.app).sign()
    return tenants


async def _archived(h: Harness, tenant: Tenant) -> None:
    """A participant with its registration in the archive, and what follows on an event that never came."""
    who, event_id = ParticipantId(new_id()), new_id()
    h.person(who)
    scope = Scope(tenant.branch_id, tenant.wadah_id, tenant.agent_id)
    event = samples.registered().model_copy(update={"participant_id": who})
    first = h.record(event, key=who, scope=scope, event_id=event_id)
    await h.app.composition.keepers["participants"]([first, h.record(event, key=who, scope=scope, seq=3)])
    tenant.values |= {"participant_id": str(who), "member_id": str(who), "event_id": str(event_id)}
    tenant.secrets |= {str(who), str(event_id)}


BUILD = {
    "registration": in_registration,
    "payments": in_payments,
    "notifications": in_notifications,
    "audit": in_audit,
}
LATER = timedelta(hours=2)
"""After this the planned sessions have begun."""
