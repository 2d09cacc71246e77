"""What registration's events make payments do, and that repeats and disorder change nothing."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import pytest

from chassis.outcomes import Done, Failed
from chassis.transaction import Tx
from contracts.events.astray import ContributionRefunded
from contracts.events.contributions import ContributionBilled, ContributionReversed
from contracts.events.participants import (
    ParticipantReachable,
    ParticipationClosed,
    ProtectionRefused,
    RefusalReason,
)
from contracts.reads import PersonalDataRead
from contracts.values import ContributionMonth, NotificationId, PaymentId
from services.payments.domain.bill import BillStatus
from services.payments.domain.payer import Payer, evolve
from services.payments.queries import deciding
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import (
    BRANCH,
    SCOPE,
    close,
    expire_registration,
    lapse,
    refuse,
    register,
    registered,
)
from tests.integration.payments.test_arrivals import books
from tests.support.service import Harness


async def types(h: Harness) -> list[str]:
    return [r.event.type for r in await h.events() if not isinstance(r.event, PersonalDataRead)]


async def test_a_registration_makes_payer_and_first_bill_in_one_step(h: Harness) -> None:
    _, record = registered(h)
    assert await h.deliver(record, record) == [Done(), Done()]
    added, billed = await h.events("contributions")
    assert (added.event.type, billed.event.type) == ("PayerAdded", "ContributionBilled")
    assert billed.envelope.rules == "bpu-contribution/2015-07"
    assert (billed.envelope.branch_id, billed.envelope.wadah_id, billed.envelope.agent_id) == (
        SCOPE.branch_id, SCOPE.wadah_id, SCOPE.agent_id,
    )  # fmt: skip
    assert isinstance(billed.event, ContributionBilled)
    assert (billed.event.amount, [str(c.month) for c in billed.event.months]) == (36_800, ["2025-10"])
    assert billed.event.expires_at == at(2025, 11, 1, 0)
    assert added.envelope.causation_id == billed.envelope.causation_id is not None


async def test_a_forgotten_person_is_billed_under_a_blank_name(h: Harness, bank: Bank) -> None:
    who, record = registered(h)
    h.forget(who.participant_id)
    await h.deliver(record)
    response = await bank.inquire(who.code)
    assert response.json()["virtualAccountData"]["virtualAccountName"] == "PESERTA BPJS KETENAGAKERJAAN"


async def test_a_registration_that_expires_voids_its_bill(h: Harness) -> None:
    who = await register(h)
    await expire_registration(h, who)
    assert await types(h) == ["PayerAdded", "ContributionBilled", "BillCancelled"]


async def test_an_event_without_a_bill_to_end_changes_nothing(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.buy(who.code)
    before = await types(h)
    reachable = ParticipantReachable(participant_id=who.participant_id, notification_id=NotificationId(UUID(int=1)))
    await h.deliver(h.record(reachable, key=who.participant_id))
    h.clock.set(at(2026, 2, 1))
    assert await lapse(h, who, "2025-10") == [Done()]
    assert await types(h) == before
    assert code(await bank.buy(who.code)) == "2002500"
    last = (await h.events("contributions"))[-1].event
    assert str(last.kind) == "REACTIVATION"  # type: ignore[attr-defined]


async def test_a_lapse_voids_the_arrears_bill(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.buy(who.code)
    h.clock.set(at(2026, 1, 20))
    await bank.inquire(who.code)
    h.clock.set(at(2026, 2, 1, 0))
    await lapse(h, who, "2025-10")
    assert (await types(h))[-1] == "BillExpired"


async def test_refused_protection_moves_the_money_once(h: Harness, bank: Bank) -> None:
    who = await register(h)
    told = (await bank.buy(who.code)).json()["virtualAccountData"]
    payment_id = PaymentId(UUID(told["billDetails"][0]["billerReferenceId"]))
    assert await refuse(h, who, payment_id, RefusalReason.ENTRY_AGE_EXCEEDED) == [Done()]
    assert await refuse(h, who, payment_id, RefusalReason.ENTRY_AGE_EXCEEDED) == [Done()]
    assert (await types(h))[-2:] == ["ContributionReversed", "PaymentUnmatched"]
    unmatched = (await h.events("receipts"))[0]
    assert unmatched.envelope.key == f"bank-a:{told['paymentRequestId']}"
    assert unmatched.event.reason == "entry_age_exceeded"  # type: ignore[attr-defined]
    books = (await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))).json()
    assert (books["contributions"], books["suspense"], books["imbalance"]) == (0, 36_800, 0)


@pytest.mark.parametrize("together", [False, True])
async def test_a_payment_across_a_death_is_owed_back_and_in_suspense_once_in_all(
    h: Harness, bank: Bank, together: bool
) -> None:
    """The bank took three months before payments heard of the death; registration then refuses the protection of them all."""
    who = await register(h)
    body = {"participant_id": str(who.participant_id), "months": 3}
    response = await h.client.post("/bills", json=body, headers=h.token(roles=["officer"], branch_id=BRANCH))
    assert response.status_code == 201
    told = (await bank.buy(who.code)).json()["virtualAccountData"]
    payment_id = PaymentId(UUID(told["billDetails"][0]["billerReferenceId"]))
    died = ParticipationClosed(participant_id=who.participant_id, spell=1, died_on=date(2025, 10, 5))
    reason = RefusalReason.PARTICIPANT_CLOSED
    refused = ProtectionRefused(participant_id=who.participant_id, payment_id=payment_id, reason=reason)
    records = [h.record(event, key=who.participant_id, scope=SCOPE) for event in (died, refused)]
    for batch in [records] if together else [[record] for record in records]:
        assert await h.deliver(*batch) == [Done()] * len(batch)
    (refund,) = [r.event for r in await h.events("contributions") if r.event.type == "ContributionRefunded"]
    (reversed_,) = [r.event for r in await h.events("contributions") if r.event.type == "ContributionReversed"]
    assert isinstance(refund, ContributionRefunded) and isinstance(reversed_, ContributionReversed)
    assert ([str(c.month) for c in refund.months], refund.amount) == (["2025-11", "2025-12"], 73_600)
    assert ([str(c.month) for c in reversed_.months], reversed_.amount) == (["2025-10"], 36_800)
    assert await books(h) == {"clearing:bank-a": -110_400, "suspense": 36_800, "refunds-payable": 73_600}
    (case,) = (await h.client.get("/suspense", headers=h.token(roles=["officer"], branch_id=BRANCH))).json()["cases"]
    assert case["held"] == 36_800


async def test_a_refusal_of_money_that_we_do_not_know_parks_its_key(h: Harness) -> None:
    who = await register(h)
    outcome = await refuse(h, who, PaymentId(UUID(int=9)), RefusalReason.NIK_TAKEN)
    assert outcome == [Failed("unknown_payment")]
    assert [key.key for key in await h.parked()] == [str(who.participant_id)]


async def test_a_batch_bills_each_and_parks_only_the_impossible(h: Harness) -> None:
    people = [registered(h) for _ in range(20)]
    _, record = registered(h, income=0)
    outcomes = await h.deliver(*(r for _, r in people[:10]), record, *(r for _, r in people[10:]))
    assert outcomes.count(Done()) == 20
    assert outcomes[10] == Failed("income_not_positive")
    assert (await types(h)).count("ContributionBilled") == 20


async def test_bills_expire_by_the_calendar(h: Harness) -> None:
    await register(h)
    assert await h.due("bill-expiry") == 0
    h.clock.set(at(2025, 11, 1, 0))
    assert await h.due("bill-expiry") == 1
    assert await h.due("bill-expiry") == 0
    assert (await types(h))[-1] == "BillExpired"


async def test_the_fold_of_the_log_is_what_projection_and_load_give(h: Harness, bank: Bank) -> None:
    """evolve = projection + load, over a life with arrears, a lapse, a year ahead and a refusal."""
    who = await register(h)
    await bank.buy(who.code)
    h.clock.set(at(2025, 12, 5))
    await bank.buy(who.code)
    h.clock.set(at(2026, 5, 5))
    told = (await bank.buy(who.code)).json()["virtualAccountData"]
    payment_id = PaymentId(UUID(told["billDetails"][0]["billerReferenceId"]))
    await refuse(h, who, payment_id, RefusalReason.REACTIVATED_MEANWHILE)
    await bank.inquire(who.code)

    folded: Payer | None = None
    history = await h.events("contributions")
    for recorded in history:
        folded = evolve(folded, recorded.event, recorded.envelope.occurred_at)
    assert folded is not None
    folded = folded._replace(by_agent=history[0].envelope.agent_id is not None)  # no event says it, its envelope does

    loaded: list[Payer] = []

    async def load(tx: Tx, items: object, /) -> list[None]:
        kept = await deciding.payers_with_live_bills(tx.conn, [who.participant_id], tx.now, list(folded.bills))
        loaded.append(kept[who.participant_id].payer)
        return [None]

    await h.run(load, [None])
    assert loaded == [folded]
    assert folded.paid == {ContributionMonth(2025, 10), ContributionMonth(2025, 11), ContributionMonth(2025, 12)}
    assert [b.status for b in folded.bills.values()].count(BillStatus.OPEN) == 1


class TestArrearsAfterDeath:
    """T12: of who died in grace, the arrears up to the month of the death stay payable until the lapse instant; paid through October."""

    async def test_heirs_pay_the_months_up_to_that_of_the_death_and_no_more(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await bank.buy(who.code)
        await on(h, bank, at(2025, 12, 10))
        await close(h, who, date(2025, 12, 5))
        await on(h, bank, at(2026, 1, 31, 23))
        quoted = (await bank.inquire(who.code, "INQ-1")).json()
        assert quoted["responseCode"] == "2002400", quoted
        assert quoted["additionalInfo"]["contributionMonths"] == ["2025-11", "2025-12"]
        assert code(await bank.pay(who.code, 73_600, "INQ-1")) == "2002500"
        assert code(await bank.inquire(who.code)) == "4032415"
        assert code(await bank.pay(who.code, 36_800)) == "4032515"

    async def test_they_end_with_the_grace(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await bank.buy(who.code)
        await on(h, bank, at(2025, 11, 20))
        await close(h, who, date(2025, 11, 19))
        await on(h, bank, at(2026, 1, 31, 23, 59))
        quoted = (await bank.inquire(who.code, "INQ-1")).json()
        assert quoted["additionalInfo"]["contributionMonths"] == ["2025-11"]
        await on(h, bank, at(2026, 2, 1, 0))
        assert code(await bank.pay(who.code, 36_800, "INQ-1")) == "4032515"
        assert code(await bank.inquire(who.code)) == "4032415"

    async def test_who_died_in_a_paid_month_owes_nothing(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await bank.buy(who.code)
        await close(h, who, date(2025, 10, 6))
        await on(h, bank, at(2025, 11, 10))
        assert code(await bank.inquire(who.code)) == "4032415"


async def on(h: Harness, bank: Bank, day: datetime) -> None:
    h.clock.set(day)
    bank.token = (await bank.ask_token()).json()["accessToken"]
