"""A person is erased: payments says what it still holds, and once the key is gone clears every copy; sums stay."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.transaction import Meta
from contracts.events.astray import PayeeAccount, PayeeAccountRecorded
from contracts.events.erasure import (
    ErasureChecked,
    ErasureGround,
    ErasureRequested,
    ParticipantForgotten,
)
from contracts.sealed import Sealed
from contracts.values import ErasureId, PayeeAccountId
from services.payments.commands.payees import RecordPayee, change_payees
from services.payments.timers import FORGET_ACCOUNTS
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.groups import agent
from tests.integration.payments.people import SCOPE, Somebody, expire_registration, register
from tests.integration.payments.test_arrivals import books
from tests.integration.payments.test_incentive_statements import october
from tests.integration.payments.test_suspense import account, approve, in_suspense, officer, post, propose
from tests.support.service import Harness

NAME = "Contoh"


async def ask(h: Harness, who: Somebody) -> list[str]:
    """What payments answers."""
    event = ErasureRequested(
        participant_id=who.participant_id, erasure_id=ErasureId(new_id()), ground=ErasureGround.REQUESTED
    )
    assert await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE)) == [Done()]
    answer = [e.event for e in await h.events("contributions") if isinstance(e.event, ErasureChecked)][-1]
    assert answer.erasure_id == event.erasure_id and answer.participant_id == who.participant_id
    return [str(one) for one in answer.obstacles]


async def forget(h: Harness, who: Somebody) -> None:
    h.forget(who.participant_id)
    event = ParticipantForgotten(participant_id=who.participant_id, erasure_id=ErasureId(new_id()), nik_hash="a" * 64)
    assert await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE)) == [Done()]


async def one(h: Harness, query: str, **values: Any) -> Any:
    async with h.app.read() as conn:
        return (await conn.execute(sa.text(query), values)).one()


async def details(h: Harness, account_id: str) -> Any:
    query = "SELECT details, retired_for FROM payee_accounts WHERE payee_account_id = :it"
    return await one(h, query, it=UUID(account_id))


async def test_an_expired_registration_has_nothing_against_it(h: Harness) -> None:
    who = await register(h)
    assert await ask(h, who) == ["open_bill"]
    await expire_registration(h, who)
    assert await ask(h, who) == []


async def test_every_rupiah_that_waits_is_told(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await expire_registration(h, who)
    payment_id = await in_suspense(h, who, 40_000)
    assert await ask(h, who) == ["unreturned_money"]
    payee = await account(h)
    returned = await propose(h, "RETURN", payment_id, payee_account_id=payee)
    assert await ask(h, who) == ["unreturned_money", "proposal_pending"]
    order = await approve(h, returned)
    assert await ask(h, who) == ["unreturned_money"]
    confirming = {"partner": "bank-a", "paid_on": f"{h.clock.business():%Y-%m-%d}", "evidence": "MT940 17/3"}
    await post(h, f"/transfer-orders/{order['order_id']}/confirmation", confirming, officer(h), 200)
    assert await ask(h, who) == []


async def test_what_is_proposed_about_somebody_elses_money_is_no_obstacle(h: Harness, bank: Bank) -> None:
    who, other = await register(h), await register(h)
    for one in (who, other):
        await expire_registration(h, one)
    payment_id = await in_suspense(h, other, 40_000)
    await propose(h, "RETURN", payment_id, payee_account_id=await account(h))
    assert await ask(h, other) == ["unreturned_money", "proposal_pending"]
    assert await ask(h, who) == []


async def test_copies_go_and_sums_stay(h: Harness, bank: Bank) -> None:
    who = await register(h)
    assert code(await bank.buy(who.code)) == "2002500"
    payee = await account(h, "PARTICIPANT", who.participant_id)
    before = await books(h)
    await forget(h, who)
    query = "SELECT name, nik_hash, blocked FROM payers WHERE participant_id = :it"
    assert tuple(await one(h, query, it=who.participant_id)) == (None, None, "participant_closed")
    assert (await details(h, payee)).details is not None
    assert await h.due(FORGET_ACCOUNTS) == 1
    assert tuple(await details(h, payee)) == (None, "forgotten")
    assert await books(h) == before
    shown = (await h.client.get(f"/payee-accounts/{payee}", headers=officer(h))).json()
    assert (shown["number"], shown["holder"]) == (None, None)
    h.clock.set(at(2025, 11, 3))
    inquired = await bank.inquire(who.code)
    assert inquired.status_code == 403, "as after a participation that was closed"
    assert NAME not in inquired.text


async def test_an_account_that_was_recorded_while_its_owner_was_erased_goes_too(h: Harness) -> None:
    """The key was at hand when the command began, and the person is forgotten before it commits."""
    who = await register(h)
    await forget(h, who)
    h.app.keys.cache[who.participant_id] = b"k" * 32  # a process that has not heard of it
    key = PayeeAccountId(new_id())
    event = PayeeAccountRecorded(
        payee_account_id=key,
        participant_id=who.participant_id,
        bank_code="008",
        account=Sealed(who.participant_id, PayeeAccount(number="1370001234567", holder="Contoh Penerima")),
        recorded_by="officer-1",
    )
    await h.run(change_payees, [RecordPayee(event, SCOPE, Meta("officer-1", new_id()))])
    h.forget(who.participant_id)
    assert (await details(h, str(key))).details is not None
    assert await h.due(FORGET_ACCOUNTS) == 1
    assert await h.due(FORGET_ACCOUNTS) == 0
    assert tuple(await details(h, str(key))) == (None, "forgotten")


async def test_a_stranger_of_the_topic_is_parked_and_not_guessed(h: Harness) -> None:
    h.person(who := new_id())
    event = ParticipantForgotten(participant_id=who, erasure_id=ErasureId(new_id()), nik_hash=None)  # type: ignore[arg-type]
    (outcome,) = await h.deliver(h.record(event, key=who))
    assert outcome != Done()


async def test_cash_that_an_agent_holds_is_told(h: Harness) -> None:
    who = await register(h)
    cash = {"participant_id": str(who.participant_id)}
    received = await h.client.post("/cash", json=cash, headers=agent(h))
    assert received.status_code == 201, received.text
    await expire_registration(h, who)
    assert await ask(h, who) == ["cash_in_hand"]


async def test_what_was_written_about_a_line_of_the_person_goes(h: Harness, bank: Bank) -> None:
    worker = await october(h, bank)
    doubt = {"agent_id": str(worker.agent_id), "month": "2025-10", "reason": "wrong_amount", "note": "Kurang."}
    for line in (0, 3):
        raised = await h.client.post("/incentives/disputes", json=doubt | {"line": line}, headers=worker.token(h))
        assert raised.status_code == 201, raised.text
    found = await one(
        h, "SELECT participant_id FROM incentive_lines WHERE agent_id = :it AND line = 3", it=worker.agent_id
    )
    await forget(h, Somebody(found.participant_id, "", ""))
    shown = (await h.client.get("/incentives/disputes", headers=worker.token(h))).json()
    assert {one["line"]: one["note"] for one in shown} == {0: "Kurang.", 3: ""}


@pytest.mark.parametrize("again", [1, 3])
async def test_a_repeat_clears_nothing_twice(h: Harness, again: int) -> None:
    who = await register(h)
    h.forget(who.participant_id)
    event = ParticipantForgotten(participant_id=who.participant_id, erasure_id=ErasureId(new_id()), nik_hash=None)
    record = h.record(event, key=who.participant_id, scope=SCOPE)
    await h.deliver(record, *[record] * again)
    types = [e.event.type for e in await h.events("contributions")]
    assert types == ["PayerAdded", "ContributionBilled", "BillCancelled", "PayerForgotten"]
