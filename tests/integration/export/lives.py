"""Two people who have been through everything: one is a participant, the other the agent who brought her; and others beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from services.payments.timers import FORGET_ACCOUNTS, POST_SHARES
from services.registration.timers import CALENDAR
from tests.integration.erasure.three import Three
from tests.integration.payments.agency import RUN_TIMERS
from tests.integration.payments.bank import at, code
from tests.integration.payments.office import Office
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.integration.registration.files import row, table, worked
from tests.integration.registration.world import form, nik_of
from tests.support.service import Harness
from tests.support.settlement import marked

PERSONAL = ("nik", "name", "birth_place", "phone", "email", "address")


@dataclass(frozen=True)
class Life:
    """`secrets`: texts that name or reach this person, as they would stand in a copy."""

    who: UUID
    number: str
    secrets: frozenset[str]


def somebody(name: str, number: int) -> dict[str, Any]:
    return form(
        nik=nik_of(),
        name=name,
        birth_place=f"Desa {name}",
        phone=f"+62812555{number:05d}",
        email=f"orang{number}@contoh.example",
        address=f"Gang {name} {number}",
        work_place=f"Pasar {number}",
    )


async def registered(all_: Three, person: dict[str, Any], headers: dict[str, str]) -> Life:
    answer = await all_.world.register(person, headers)
    assert answer.status_code == 201, answer.text
    await all_.carry()
    told = answer.json()
    secrets = {str(person[name]) for name in PERSONAL} | {told["participant_id"], told["contribution_code"]}
    return Life(UUID(told["participant_id"]), told["contribution_code"], frozenset(secrets))


async def did(h: Harness, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
    answer: httpx.Response = await h.client.post(path, json=body, headers=headers)
    assert answer.status_code in (200, 201, 202), f"{path}: {answer.text}"
    found: dict[str, Any] = answer.json()
    return found


def officer(all_: Three) -> dict[str, str]:
    return all_.payments.token(roles=["officer"], branch_id=all_.world.branch_id)


def head(all_: Three) -> dict[str, str]:
    return all_.payments.token(roles=["checker"], branch_id=all_.world.branch_id)


def agent(all_: Three) -> dict[str, str]:
    world = all_.world
    return all_.payments.token(
        roles=["agent"], branch_id=world.branch_id, wadah_id=world.wadah_id, agent_id=world.agent_id
    )


async def appointed(all_: Three) -> Life:
    """A participant who pays and becomes the agent of a Wadah."""
    world = all_.world
    world.wadah_id = await world.engaged()
    own = await registered(all_, somebody("Wanodya Lenggahjati", 1), world.officer())
    assert code(await all_.bank.buy(own.number)) == "2002500"
    await all_.carry()
    profile = {"participant_id": str(own.who), "name": "Wanodya Lenggahjati", "phone": "+6281255500001"}
    made = await did(world.h, "/agents", profile, world.coordinator())
    world.agent_id, world.own_participant = UUID(made["agent_id"]), own.who
    await world.activated(world.agent_id)
    await all_.carry()
    return own


async def lived(all_: Three, one: Life, other: Life) -> None:
    """Corrected, billed, paid in cash, by the bank and with a gap in its file, too much, alone and with others, given back, disputed, refused."""
    world, payments = all_.world, all_.payments
    person = {"participant_id": str(one.who)}
    await did(world.h, f"/participants/{one.who}/correction", {"income": 1_500_000}, world.agent())
    await all_.carry()
    await did(payments, "/bills", {**person, "months": 3}, agent(all_))
    await did(payments, "/cash", person, agent(all_))
    assert code(await all_.bank.buy(one.number)) == "2002500"
    await all_.carry()
    await _balance(all_, other)
    await _astray(all_, one)
    await _settled(all_, one)
    wish = {"participants": [str(one.who), str(other.who)], "funding_source": "DONOR", "months": 1}
    coordinator = payments.token(roles=["coordinator"], branch_id=world.branch_id, wadah_id=world.wadah_id)
    shared = await did(payments, "/collective-bills", wish, coordinator)
    assert code(await all_.bank.pay(shared["code"], shared["amount"])) == "2002500"
    await payments.due(POST_SHARES)
    await all_.carry()
    wish = {"participants": [str(one.who), str(other.who)], "agent_id": None, "reason": "on_request"}
    passed_on = await did(world.h, "/reassignments", wish, world.officer())
    await did(world.h, f"/participants/{one.who}/export", None, world.agent())
    assert await all_.erase(one.who) == "REFUSED"
    await _month(all_, one)
    path = f"/reassignments/{passed_on['reassignment_id']}/approval"
    await did(world.h, path, None, world.checker())
    await all_.carry()


async def _balance(all_: Three, other: Life) -> None:
    """The agent's own money, and a first payment of somebody out of it."""
    balance = await did(all_.payments, "/agent-balances", None, agent(all_))
    assert code(await all_.bank.pay(balance["code"], 500_000)) == "2002500"
    await did(all_.payments, "/agent-balances/charges", {"participant_id": str(other.who)}, agent(all_))
    await all_.carry()


async def _astray(all_: Three, one: Life) -> None:
    """Money that came twice; some of it goes back to the person's account, the rest waits."""
    h = all_.payments
    (found,) = await arrive(h, arrival(h, one.number, "TWICE-1", 50_000))
    account = {"kind": "PARTICIPANT", "owner_id": str(one.who), "bank_code": "008"}
    payee = await did(
        h, "/payee-accounts", {**account, "number": "1370001234567", "holder": "Sasmaya P"}, officer(all_)
    )
    key = payee["payee_account_id"]
    await did(h, f"/payee-accounts/{key}/verification", {"evidence": "buku 1"}, head(all_))
    money = {"action": "RETURN", "payment_id": str(found.payment_ids[0]), "reason": "checked", "payee_account_id": key}
    first = await did(h, "/proposals", {**money, "amount": 30_000}, officer(all_))
    order = await did(h, f"/proposals/{first['proposal_id']}/approval", None, head(all_))
    confirmed = {"partner": "bank-a", "paid_on": f"{h.clock.business():%Y-%m-%d}", "evidence": "MT940 17/3"}
    await did(h, f"/transfer-orders/{order['order_id']}/confirmation", confirmed, officer(all_))
    await did(h, "/proposals", {**money, "amount": 1_000}, officer(all_))
    await all_.carry()


async def _settled(all_: Three, one: Life) -> None:
    """The bank's file has another amount for the payment than our books."""
    h = all_.payments
    headers = h.token(roles=["auditor"])
    paid = (await h.client.get(f"/payments?participant_id={one.who}", headers=headers)).json()
    reference = next(p["channel_reference"] for p in paid if p["kind"] is not None)
    office = Office(h)
    assert (await office.agree()).status_code == 201
    await office.reconcile(marked((reference, f"8100{one.number}", 99_000)))
    assert await office.cases(), "a difference"


async def _month(all_: Three, one: Life) -> None:
    """The month is closed; the agent doubts the line about the person, and is answered."""
    h = all_.payments
    all_.clock.move(at(2025, 11, 3) - all_.clock.business() + timedelta(minutes=1))
    for timer in RUN_TIMERS:
        await h.due(timer)
    path = f"/incentives/agents/{all_.world.agent_id}/statements/2025-10/lines"
    lines = (await h.client.get(path, headers=agent(all_))).json()["items"]
    line = next(each["line"] for each in lines if each["participant_id"] == str(one.who))
    doubt = {"agent_id": str(all_.world.agent_id), "month": "2025-10", "line": line, "reason": "other"}
    raised = await did(h, "/incentives/disputes", {**doubt, "note": "Ibu Sasmaya sudah membayar."}, agent(all_))
    answer = {"upheld": False, "note": "Sudah dihitung bulan lalu."}
    await did(h, f"/incentives/disputes/{raised['dispute_id']}/answer", answer, officer(all_))
    await all_.carry()


async def died(all_: Three, one: Life) -> None:
    """Months that were paid ahead are given back."""
    body = {"died_on": f"{all_.clock.business():%Y-%m-%d}"}
    await did(all_.world.h, f"/participants/{one.who}/closure", body, all_.world.checker())
    await all_.carry()
    await all_.payments.due(FORGET_ACCOUNTS)
    await all_.world.h.due(CALENDAR)


async def imported(all_: Three) -> UUID:
    """Somebody who was registered by a line of a file."""
    done = await worked(all_.world, table(row(name="Impor Tunggal")), all_.world.agent())
    await all_.carry()
    return UUID(done.rows[0]["participant_id"])
