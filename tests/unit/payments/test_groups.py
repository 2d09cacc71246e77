"""Rules of collective bills and balances: no rupiah is made or lost, whoever paid what meanwhile, in whatever order."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Event
from contracts.events.contributions import BillKind, PaymentUnmatched
from contracts.events.groups import CollectiveBillIssued, CollectiveLine, CollectiveLinesAdded
from contracts.values import AgentId, BillId, ContributionMonth, FundingSource, ParticipantId
from services.payments.domain.balance import AgentBalance, CannotCharge, charge, deposit, evolve
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CannotBill
from services.payments.domain.collective import (
    MOST_CHARGES,
    MOST_LINES,
    Collective,
    Share,
    Wish,
    issue_collective,
    issued,
    line_of,
    pay_whole,
    share_of,
)
from services.payments.domain.collective import evolve as evolve_bill
from services.payments.domain.ledger import transfers
from services.payments.domain.parameters import DEFAULTS
from services.payments.domain.payer import CLOSED, Payer
from tests.unit.payments.strategies import bill_id, incomes, money, payer, payment_id, programmes, sectors, sources, wib

NOW, LATER = wib(2025, 10, 6), wib(2025, 10, 8)
OCTOBER = ContributionMonth(2025, 10)
AGENT = AgentId(UUID(int=7))
payers = st.builds(
    lambda income, some, sector: payer(income=income, programmes=some, sector=sector), incomes, programmes, sectors
)


def lines_for(people: list[Payer], source: FundingSource, months: int | None) -> list[CollectiveLine]:
    found = []
    for number, one in enumerate(people, start=1):
        named = one._replace(participant_id=ParticipantId(UUID(int=number)))
        outcome = line_of(Wish(named, months, bill_id(number)), number, source, NOW, DEFAULTS)
        assert not isinstance(outcome, CannotBill)
        found.append(outcome[0])
    return found


def whole(lines: list[CollectiveLine], source: FundingSource) -> tuple[Collective, list[Event]]:
    head, *rest = issue_collective(
        lines, bill_id=BillId(UUID(int=99)), code="2000000000015", funding_source=source, now=NOW
    )
    assert isinstance(head, CollectiveBillIssued)
    return issued(head, NOW), rest


@given(st.lists(payers, min_size=1, max_size=8), sources, st.sampled_from([None, 1, 2, 3, 6, 12]), st.data())
def test_shares_and_suspense_are_the_whole_whatever_was_paid_elsewhere(
    people: list[Payer], source: FundingSource, months: int | None, data: st.DataObject
) -> None:
    lines = lines_for(people, source, months)
    bill, _ = whole(lines, source)
    assert bill.amount == sum(line.amount for line in lines)
    paid = pay_whole(bill, money(bill.amount, NOW, received_at=LATER), payment_id=payment_id(0), now=LATER)
    bill = evolve_bill(bill, paid, LATER)
    moved = [*transfers(paid)]
    for line, one in zip(lines, people, strict=True):
        elsewhere = data.draw(st.booleans())
        now = one._replace(paid=frozenset({OCTOBER}) if elsewhere else frozenset(), participant_id=line.participant_id)
        share = share_of(bill, line, now, payment_id=payment_id(line.number), now=LATER)
        assert (share.unmatched is not None) == elsewhere
        assert _sum_of(share) == line.amount
        for event in (*share.events, *([share.unmatched] if share.unmatched else [])):
            moved += transfers(event)
    held = sum(one.amount for one in moved if one.credit == "collective")
    left = sum(one.amount for one in moved if one.debit == "collective")
    assert held == left == bill.amount


def _sum_of(share: Share) -> int:
    if share.unmatched is not None:
        assert isinstance(share.unmatched, PaymentUnmatched)
        return share.unmatched.amount
    return sum(event.amount for event in share.events if event.type == "ContributionPaid")  # type: ignore[attr-defined]


@given(st.integers(1, 450), st.sampled_from([1, 12]))
def test_the_list_is_cut_into_events_and_nothing_is_left_out(count: int, months: int) -> None:
    (line,) = lines_for([payer()], FundingSource.DONOR, months)
    lines = [line.model_copy(update={"number": number}) for number in range(1, count + 1)]
    _, added = whole(lines, FundingSource.DONOR)
    chunks = [event.lines for event in added if isinstance(event, CollectiveLinesAdded)]
    assert [one.number for chunk in chunks for one in chunk] == [*range(1, count + 1)]
    assert all(len(chunk) <= MOST_LINES and sum(len(one.months) for one in chunk) <= MOST_CHARGES for chunk in chunks)


def test_a_share_of_a_person_who_is_gone_goes_to_suspense() -> None:
    lines = lines_for([payer()], FundingSource.DONOR, 1)
    bill, _ = whole(lines, FundingSource.DONOR)
    paid = pay_whole(bill, money(bill.amount, NOW), payment_id=payment_id(0), now=NOW)
    bill = evolve_bill(bill, paid, NOW)
    expired = payer(registration_expires_at=wib(2025, 10, 6, 8))
    for gone, reason in (
        (None, "line_no_longer_fits"),
        (payer()._replace(blocked="nik_taken"), "payer_blocked"),
        (expired, "line_no_longer_fits"),
    ):
        share = share_of(bill, lines[0], gone, payment_id=payment_id(1), now=LATER)
        assert share.noted.suspended_for == reason


@given(st.lists(st.integers(-200_000, 200_000).filter(bool), max_size=30))
def test_a_balance_is_what_was_deposited_less_what_was_charged_and_never_below_zero(moves: list[int]) -> None:
    balance, expected = AgentBalance(AGENT, "3000000000014", 0), 0
    for number, move in enumerate(moves):
        if move > 0:
            event: Event | CannotCharge = deposit(balance, money(move, NOW), payment_id=payment_id(number))
            expected += move
        else:
            event = charge(balance, payer(), _first(-move), payment_id=payment_id(number))
            expected -= -move if expected >= -move else 0
        if isinstance(event, CannotCharge):
            assert event is CannotCharge.TOO_LOW
        else:
            balance = evolve(balance, event)
        assert balance.balance == expected >= 0


def _first(amount: int, kind: BillKind = BillKind.FIRST) -> Bill:
    return Bill(bill_id(1), kind, (), amount, FundingSource.SELF, NOW, OCTOBER.ends_at)


def test_only_first_bills_are_charged_and_only_to_an_opened_balance() -> None:
    rich = AgentBalance(AGENT, "3000000000014", 10**9)
    for kind in (BillKind.STANDARD, BillKind.REACTIVATION):
        assert charge(rich, payer(), _first(1, kind), payment_id=payment_id(1)) is CannotCharge.NOT_A_FIRST_BILL
    assert charge(None, payer(), _first(1), payment_id=payment_id(1)) is CannotCharge.NOT_OPENED


def test_a_collective_bill_pays_for_nobody_who_died_though_heirs_may_still_pay_the_arrears() -> None:
    october = ContributionMonth(2025, 10)
    dead = payer()._replace(paid=frozenset({october}), blocked=CLOSED, closed_on=date(2025, 12, 5))
    at = wib(2025, 12, 10)
    assert dead.may_pay(at)
    assert line_of(Wish(dead, None, bill_id(1)), 1, FundingSource.DONOR, at, DEFAULTS) is CannotBill.CLOSED
