"""Every payment that stands has a proof behind a signed link (Perdir 22/2022; domain.md section 6)."""

from __future__ import annotations

import httpx
import pytest

from contracts.events.participants import ProtectionStarted, RefusalReason
from contracts.values import ContributionMonth, PaymentId, Rupiah
from tests.integration.payments.bank import Bank
from tests.integration.payments.groups import (
    ELSEWHERE,
    agent,
    bill,
    coordinator,
    officer,
    payments_of,
    register_many,
    stranger,
)
from tests.integration.payments.people import AGENT, SCOPE, Somebody, refuse, register
from tests.support.service import Harness
from tests.unit.payments.test_documents import text


async def link(h: Harness, payment_id: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return await h.client.get(f"/payments/{payment_id}/proof-link", headers=headers or agent(h))


async def read(h: Harness, payment_id: str, headers: dict[str, str] | None = None) -> str:
    return await opened(h, await link(h, payment_id, headers))


async def opened(h: Harness, found: httpx.Response) -> str:
    assert found.status_code == 200, found.text
    response = await h.client.get(found.json()["path"])
    assert (response.status_code, response.headers["content-type"]) == (200, "application/pdf")
    assert response.headers["cache-control"] == "no-store"
    return text(response.content)


async def paid(h: Harness, bank: Bank, who: Somebody) -> str:
    await bank.buy(who.code)
    (payment,) = await payments_of(h, who)
    return str(payment["payment_id"])


async def started(h: Harness, who: Somebody, payment_id: str, kpj: str) -> None:
    now, month = h.clock.business(), ContributionMonth.of(h.clock.business())
    event = ProtectionStarted(
        participant_id=who.participant_id,
        kpj=kpj,
        spell=1,
        payment_id=PaymentId(who.participant_id),
        amount=Rupiah(36_800),
        starts_at=now,
        months=(month,),
        paid_through=month,
        acquisition=True,
        agent=None,
    )
    await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE))


async def test_the_proof_of_a_payment_opens_without_a_token(h: Harness, bank: Bank) -> None:
    who = await register(h)
    payment_id = await paid(h, bank, who)
    found = await read(h, payment_id)
    name = f"Contoh {who.code[-4:]}"
    for said in (name, who.code, "Oktober 2025", "Rp36.800", "Virtual account, Bank bank-a", "06", "WIB", payment_id):
        assert said in found, said
    assert "dalam proses penerbitan" in found
    for _ in range(2):
        await started(h, who, payment_id, "10000000077")
    assert "10000000077" in await read(h, payment_id)
    assert [r.event.type for r in await h.events("contributions")].count("PayerNumbered") == 1


async def test_a_share_and_the_whole_have_a_proof_each(h: Harness, bank: Bank) -> None:
    people = await register_many(h, 2)
    issued = await bill(h, people)
    await bank.pay(issued["code"], 73_600)
    await h.due("collective-posting")
    path = f"/collective-bills/{issued['bill_id']}/proof-link"
    found = await opened(h, await h.client.get(path, headers=coordinator(h)))
    assert "Jumlah peserta 2" in found
    assert "Rp73.600" in found
    (share,) = await payments_of(h, people[0])
    told = await read(h, share["payment_id"], officer(h))
    assert f"Bagian dari tagihan kolektif {issued['code']}" in told
    assert "Donatur" in told
    assert (
        await link(h, share["payment_id"], coordinator(h))
    ).status_code == 403  # a proof of the board's names nobody
    unknown = await h.client.get(f"/collective-bills/{stranger()}/proof-link", headers=coordinator(h))
    foreign = await h.client.get(path, headers=coordinator(h, ELSEWHERE))
    unpaid = await bill(h, people, months=1)
    not_yet = await h.client.get(f"/collective-bills/{unpaid['bill_id']}/proof-link", headers=coordinator(h))
    assert (not_yet.status_code, not_yet.json()["code"]) == (409, "not_paid_yet")
    for response in (unknown, foreign):
        assert (response.status_code, response.json()) == (404, unknown.json())


async def test_deposits_and_charges_have_proofs(h: Harness, bank: Bank) -> None:
    number = (await h.client.post("/agent-balances", headers=agent(h))).json()["code"]
    await bank.pay(number, 50_000)
    who = await register(h)
    body = {"participant_id": str(who.participant_id)}
    charged = (await h.client.post("/agent-balances/charges", json=body, headers=agent(h))).json()
    assert "Saldo agen Perisai" in await read(h, charged["payment_id"])
    lines = (await h.client.get(f"/agent-balances/{AGENT}/statement", headers=agent(h))).json()["lines"]
    assert f"Kode setoran {number}" in await read(h, lines[0]["payment_id"])


async def test_a_payment_that_was_taken_back_has_no_proof(h: Harness, bank: Bank) -> None:
    who = await register(h)
    payment_id = await paid(h, bank, who)
    path = (await link(h, payment_id)).json()["path"]
    (payment,) = [r.event for r in await h.events("contributions") if r.event.type == "ContributionPaid"]
    await refuse(h, who, payment.payment_id, RefusalReason.NIK_TAKEN)  # type: ignore[attr-defined]
    for response in (await link(h, payment_id), await h.client.get(path)):
        assert (response.status_code, response.json()["code"]) == (409, "payment_taken_back")


async def test_foreign_and_unknown_payments_are_the_same_404(h: Harness, bank: Bank) -> None:
    who = await register(h)
    payment_id = await paid(h, bank, who)
    mine = h.token(roles=["participant"], participant_id=who.participant_id)
    assert (await link(h, payment_id, mine)).status_code == 200
    unknown = await link(h, stranger())
    for headers in (agent(h, ELSEWHERE), officer(h, ELSEWHERE), h.token(roles=["agent"])):
        foreign = await link(h, payment_id, headers)
        assert (foreign.status_code, foreign.json()) == (404, unknown.json())
    for role in ("central", "auditor", "operator", "coordinator"):
        assert (await link(h, payment_id, h.token(roles=[role]))).status_code == 403


async def test_a_link_ends_and_cannot_be_changed(h: Harness, bank: Bank) -> None:
    who, other = await register(h), await register(h)
    payment_id, another = await paid(h, bank, who), await paid(h, bank, other)
    path = (await link(h, payment_id)).json()["path"]
    changed = [
        path.replace(payment_id, another),
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        path.replace("=1", "=2", 1),
    ]
    for wrong in changed:
        response = await h.client.get(wrong)
        assert (response.status_code, response.json()["code"]) == (403, "link_not_valid")
    h.pass_time(days=7)
    assert (await h.client.get(path)).json()["code"] == "link_not_valid"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?expires=1",
        "?expires=x&signature=y",
        "?expires=-1&signature=" + "A" * 43,
        "?expires=17600000000000&signature=" + "A" * 43,
    ],
)
async def test_what_became_of_a_link_on_its_way_is_no_link_to_whoever_clicks_it(h: Harness, query: str) -> None:
    """A mail program that cut it off, or a digit more: the payer reads what to do, not which fields of a form are wrong."""
    response = await h.client.get(f"/proofs/{stranger()}{query}")
    assert (response.status_code, response.json()["code"]) == (403, "link_not_valid")
