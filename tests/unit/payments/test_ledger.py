from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.reconciliation import CreditCorrected, SettlementFeesCorrected, SettlementReceived
from contracts.values import ProposalId, Rupiah
from services.payments.domain.ledger import CONTRIBUTIONS, SUSPENSE, Transfer, clearing, transfers
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Posted, post, refuse_protection
from tests.unit.payments.strategies import (
    PARTICIPANT,
    bill_id,
    incomes,
    money,
    payer,
    payment_id,
    programmes,
    sectors,
    sources,
    wib,
)
from tests.unit.payments.test_billing import issued

AT = wib(2026, 3, 5)


def balances(lines: list[Transfer]) -> Counter[str]:
    """Debit minus credit per account."""
    found: Counter[str] = Counter()
    for line in lines:
        found[line.debit] += line.amount
        found[line.credit] -= line.amount
    return found


def a_payment(who: Payer, months: int) -> tuple[list[Transfer], Posted]:
    who, bill = issued(who, AT, months=months)
    what = money(bill.amount, AT)
    (paid,) = post(who, who.bills[bill_id(1)], what, payment_id=payment_id(1), now=AT)
    posted = Posted(
        payment_id=payment_id(1), bill_id=bill.bill_id, participant_id=PARTICIPANT, partner="bank-a", channel="snap-va",
        channel_reference="REF-1", amount=bill.amount, months=bill.months, effective_at=AT, posted_at=AT,
    )  # fmt: skip
    return list(transfers(paid)), posted


@given(st.sampled_from([1, 2, 3, 6, 12]), incomes, programmes, sectors, sources)
def test_a_payment_and_its_way_to_suspense_conserve_money(
    months: int, income: int, chosen: object, sector: object, source: object
) -> None:
    who = payer(
        income=income,
        programmes=chosen,
        sector=sector,
        funding_source=source,
        registration_expires_at=wib(2026, 4, 1),
    )
    lines, posted = a_payment(who, months)
    after = balances(lines)
    assert sum(after.values()) == 0
    assert after[clearing("bank-a")] == posted.amount == -sum(after[account] for account in CONTRIBUTIONS)
    assert sum(line.amount for line in lines) == posted.amount

    refused = refuse_protection(posted, "nik_taken")
    assert refused is not None
    after = balances([*lines, *transfers(refused[0]), *transfers(refused[1])])
    assert {account: sum_ for account, sum_ in after.items() if sum_} == {
        clearing("bank-a"): posted.amount,
        SUSPENSE: -posted.amount,
    }


def test_each_month_is_a_line_of_its_own() -> None:
    lines, _ = a_payment(payer(registration_expires_at=wib(2026, 4, 1)), 3)
    assert [(str(line.month), line.credit) for line in lines] == [
        (month, account) for month in ("2026-03", "2026-04", "2026-05") for account in CONTRIBUTIONS
    ]


def test_a_settlement_turns_what_a_partner_owes_into_cash_and_fees() -> None:
    event = SettlementReceived(
        partner="bank-a", day=date(2026, 3, 5), amount=Rupiah(36_300), fees=Rupiah(500), evidence="MT940/1"
    )
    assert balances(list(transfers(event))) == {"bank:bank-a": 36_300, "fees:bank-a": 500, "clearing:bank-a": -36_800}


@pytest.mark.parametrize(("fees", "moved"), [(500, -500), (1_700, 700), (1_000, 0)])
def test_fees_that_another_file_says_are_corrected_against_what_is_owed(fees: int, moved: int) -> None:
    event = SettlementFeesCorrected(
        partner="bank-a", day=date(2026, 3, 5), fees=Rupiah(fees), fees_before=Rupiah(1_000)
    )
    wanted = {"fees:bank-a": moved, "clearing:bank-a": -moved} if moved else {}
    assert balances(list(transfers(event))) == wanted


@pytest.mark.parametrize(("amount", "moved"), [(0, -1_000), (1_700, 700), (1_000, 0)])
def test_a_corrected_credit_moves_the_difference_alone(amount: int, moved: int) -> None:
    event = CreditCorrected(
        proposal_id=ProposalId(payment_id(1)), partner="bank-a", day=date(2026, 3, 5), evidence="MT940/1",
        amount=Rupiah(amount), amount_before=Rupiah(1_000), approved_by="central-2",
    )  # fmt: skip
    wanted = {"bank:bank-a": moved, "clearing:bank-a": -moved} if moved else {}
    assert balances(list(transfers(event))) == wanted


def test_an_event_that_moves_nothing_has_no_lines() -> None:
    nothing = SettlementReceived(
        partner="bank-a", day=date(2026, 3, 5), amount=Rupiah(0), fees=Rupiah(0), evidence="MT940/2"
    )
    assert list(transfers(nothing)) == []


@pytest.mark.parametrize(("debit", "credit", "amount"), [("a", "b", 0), ("a", "b", -1), ("a", "a", 5)])
def test_a_transfer_moves_something_somewhere(debit: str, credit: str, amount: int) -> None:
    with pytest.raises(ValueError, match="two accounts"):
        Transfer(debit, credit, amount, payment_id(1), None, None)
