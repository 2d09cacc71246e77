"""What an agreement may have otherwise (domain.md sections 2, 7 and 14): a Wadah's own set, a threshold that is not taken back, a counter that goes
on with another agent; each proposed by one person and approved by another, shown by the statement's rupiah.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from services.payments.domain.parameters.incentives import NEW_SET
from tests.integration.payments.agency import close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, buy, lines, statement, wadah_statement
from tests.integration.payments.people import reassign, refuse
from tests.integration.payments.test_parameters import decide, enact, propose
from tests.support.service import Harness

PRICE = 36_800
HIGH, LOW = PRICE * 15 // 100, PRICE * 5 // 100


def agreed(**changes: Any) -> dict[str, Any]:
    """The NEW set but for what was negotiated, from October on."""
    value = NEW_SET.model_dump(mode="json") | changes
    return {"valid_from": "2025-10-01", "source": "PKS contoh pasal 11", "value": value}


async def test_a_wadahs_own_set_pays_its_agents_and_nobody_elses(h: Harness, bank: Bank) -> None:
    """2 new at a threshold of 2: 2 × 50,000 + 20% of 73,600 = 114,720, carved out at 25%; beside it 15% of 73,600, and no acquisition pay."""
    own, usual = await engage(h), await engage(h)
    theirs, others = await hire(h, own), await hire(h, usual)
    wanted = agreed(
        threshold=2, head_with_jht=50_000, rates=[{"through": None, "bps": 2_000}], wadah_bps=2_500, wadah_share="CARVED_OUT"
    )  # fmt: skip
    proposed = await propose(h, "incentive_set_new", wanted | {"subject": str(own.wadah_id)})
    assert proposed.status_code == 201, proposed.text
    set_id = proposed.json()["set_id"]
    same = await decide(h, "incentive_set_new", set_id, "approve", by="central-1")
    assert (same.status_code, same.json()["code"]) == (409, "same_person")
    approved = await decide(h, "incentive_set_new", set_id, "approve")
    assert approved.status_code == 200, approved.text
    await acquire(h, bank, theirs, 2)
    await acquire(h, bank, others, 2)
    await close_month(h, at(2025, 11, 3, 0))
    gross = 2 * 50_000 + 2 * PRICE * 20 // 100
    assert gross == 114_720
    assert (await statement(h, theirs, "2025-10"))["payable"] == gross * 75 // 100
    told = await wadah_statement(h, theirs, "2025-10")
    assert (told["agents_payable"], told["share"], told["payout"]) == (86_040, 28_680, gross)
    assert (await statement(h, others, "2025-10"))["payable"] == 2 * HIGH
    assert (await wadah_statement(h, others, "2025-10"))["share"] == 2 * HIGH // 10


async def test_an_own_set_that_nobody_approved_pays_nothing(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    subject = str(worker.scope.wadah_id)
    proposed = await propose(h, "incentive_set_new", agreed(threshold=1) | {"subject": subject})
    assert proposed.status_code == 201, proposed.text
    await acquire(h, bank, worker, 1)
    await close_month(h, at(2025, 11, 3, 0))
    assert (await statement(h, worker, "2025-10"))["payable"] == HIGH


@pytest.mark.parametrize(
    ("recompute", "clawed"),
    [
        pytest.param(True, 2 * 15_000 + HIGH, id="the threshold is missed now, and with it the pay of both"),
        pytest.param(False, 15_000 + HIGH, id="the threshold stays reached, and one head is taken back"),
    ],
)
async def test_a_first_payment_taken_back_after_the_run_takes_what_was_agreed(
    h: Harness, bank: Bank, recompute: bool, clawed: int
) -> None:
    worker = await hire(h, await engage(h))
    subject = str(worker.scope.wadah_id)
    await enact(h, "incentive_set_new", agreed(threshold=2, threshold_recompute=recompute) | {"subject": subject})
    _, gone = await acquire(h, bank, worker, 2)
    (payment,) = (
        await h.client.get(f"/payments?participant_id={gone.participant_id}", headers=h.token(roles=["auditor"]))
    ).json()
    await close_month(h, at(2025, 11, 3, 0))
    assert (await statement(h, worker, "2025-10"))["payable"] == 2 * 15_000 + 2 * HIGH
    h.clock.set(at(2025, 11, 10))
    await refuse(h, gone, PaymentId(UUID(payment["payment_id"])), RefusalReason.NIK_TAKEN)
    await close_month(h, at(2025, 12, 3, 0))
    found = await statement(h, worker, "2025-11")
    assert (found["adjusted"], found["payable"], found["carried_out"]) == (-clawed, 0, -clawed)


@pytest.mark.parametrize(
    ("rule", "k", "pay"),
    [
        pytest.param("PER_AGENT", 1, HIGH, id="the counter begins anew with another agent"),
        pytest.param("CONTINUE", 2, LOW, id="the counter goes on"),
    ],
)
async def test_after_a_change_of_agent_the_counter_is_what_was_agreed(
    h: Harness, bank: Bank, rule: str, k: int, pay: int
) -> None:
    """The high rate for one month; October under one agent, November under another of the same Wadah."""
    wadah = await engage(h, term=(date(2025, 1, 1), date(2026, 12, 31)))
    first, second = await hire(h, wadah), await hire(h, wadah)
    rates = [{"through": 1, "bps": 1_500}, {"through": 60, "bps": 500}]
    subject = str(wadah.wadah_id)
    await enact(h, "incentive_set_new", agreed(rates=rates, counter_on_transfer=rule) | {"subject": subject})
    (who,) = await acquire(h, bank, first, 1)
    await reassign(h, who, second.agent_id, "2025-11")
    await close_month(h, at(2025, 11, 3, 0))
    h.clock.set(at(2025, 11, 10))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    await buy(bank, who)
    await close_month(h, at(2025, 12, 3, 0))
    assert (await statement(h, second, "2025-11"))["payable"] == pay
    assert [(line["contribution_month"], line["k"]) for line in await lines(h, second, "2025-11")] == [("2025-11", k)]
    assert (await statement(h, first, "2025-11"))["payable"] == 0
