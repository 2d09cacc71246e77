"""Collective bills, agents' balances, money that goes astray, credit out of it, refunds and transfers in any order: no rupiah is made or lost.

What was planted by hand to see it red stands in decision 187.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import WIB, PaymentId
from services.payments.commands import reversal, shares
from tests.integration.payments.agency import engage, hire
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import agent, issue, lines, officer, progress
from tests.integration.payments.people import AGENT, WADAH, Somebody, close, refuse, registered
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.integration.payments.test_balances import balance, charge, opened
from tests.integration.payments.walks.clerk import (
    COLLECTIVE,
    CREDIT,
    PAYABLE,
    PRICE,
    Case,
    Order,
    Payment,
    Person,
    Whole,
)
from tests.integration.payments.walks.walk import Walk
from tests.support.service import Harness

MONTH, PARTNER, BALANCE = "2025-10", "bank-a", f"agent-balance:{AGENT}"
THROUGH = "clearing:agent-balance"
POSTING, REVERSAL, AT_ONCE = "collective-posting", "collective-reversal", 2
HAPPENED = (
    "paid", "said twice", "astray", "refused", "died", "issued", "whole paid", "share posted", "share suspended",
    "whole taken back", "walked back", "deposited", "charged", "balance too low", "withdrawn", "returned", "assigned",
    "matched", "credited", "paid with credit", "voided", "refund ordered", "transfer confirmed", "transfer failed",
)  # fmt: skip
"""What all walks together must have met, or they show nothing."""


class _Asked(NamedTuple):
    """The open bill of somebody. `months`: month → how much of it credit pays."""

    bill_id: str
    amount: int
    months: dict[str, int]


class Groups(Walk):
    ACTS: ClassVar[Mapping[str, int]] = {
        "newcomer": 4, "pay": 8, "ask": 4, "say_again": 2, "goes_astray": 5, "refuse_protection": 2, "dies": 1,
        "issue_whole": 6, "pay_whole": 6, "post_shares": 8, "take_whole_back": 2, "walk_back": 4,
        "deposit": 4, "charge": 6, "withdraw": 3,
        "give_back": 3, "assign": 2, "match": 4, "give_credit": 4, "void": 3, "refund": 3, "a_transfer_ends": 5,
        "hours_pass": 1,
    }  # fmt: skip

    def __init__(self, h: Harness, bank: Bank, seed: int) -> None:
        super().__init__(h, bank, seed)
        self.people: list[Person] = []
        self.somebodies: dict[str, Somebody] = {}
        self.wholes: list[Whole] = []
        self.said: dict[str, tuple[str, int]] = {}
        """Reference → number and rupiah, of what the bank was told is paid."""
        self.deposits = ""
        self.own = Person("", "")

    async def begin(self) -> None:
        for _ in range(6):
            await self.newcomer()
        self.own = self.people[0]
        await hire(self.h, await engage(self.h, wadah=WADAH), participant_id=UUID(self.own.key), agent=AGENT)
        self.deposits = await opened(self.h)

    async def newcomer(self) -> None:
        who, record = registered(self.h)
        await self.h.deliver(record)
        self.people.append(Person(str(who.participant_id), who.code))
        self.somebodies[str(who.participant_id)] = who

    def somebody(self) -> Person:
        return self.dice.choice(self.people)

    async def hours_pass(self) -> None:
        """Never into another month."""
        if self.h.clock.business().day < 25:
            self.h.pass_time(hours=self.dice.choice([1, 7]))
            self.bank.token = (await self.bank.ask_token()).json()["accessToken"]

    # --- contributions ------------------------------------------------------------------------------------------------

    async def ask(self) -> None:
        """A bill of some months, perhaps in the place of another; its price is the clerk's."""
        who, months = self.somebody(), self.dice.choice([1, 2, 3])
        wanted = {"participant_id": who.key, "months": months}
        answer = await self.h.client.post("/bills", json=wanted, headers=agent(self.h))
        assert (answer.status_code < 300) == (not who.blocked), answer.text

    async def open_bill(self, who: Person) -> _Asked | None:
        """As shown, once the clerk has seen that its price is right."""
        shown = await self.h.client.get(f"/bills?participant_id={who.key}", headers=officer(self.h))
        found: list[dict[str, Any]] = [one for one in shown.json() if one["status"] == "OPEN"]
        if not found:
            return None
        (bill,) = found
        months = {one["month"]: int(one["credit"]) for one in bill["months"]}
        assert bill["amount"] == sum(PRICE - credit for credit in months.values())
        assert not months.keys() & who.paid.keys()
        return _Asked(bill["bill_id"], bill["amount"], months)

    async def pay(self) -> None:
        """At the bank, over SNAP: what is open, or something else that is refused."""
        who, exact = self.somebody(), self.perhaps(0.8)
        bill, reference = await self.open_bill(who), self.number()
        amount = PRICE if bill is None else bill.amount if exact else bill.amount + 1
        answer = code(await self.bank.pay(who.code, amount, reference))
        may = bill is not None and exact and not who.blocked
        assert (answer == "2002500") == may, answer
        if bill is None or not may:
            return
        self.done["paid with credit" if any(bill.months.values()) else "paid"] += 1
        self.said[reference] = (who.code, amount)
        shown = (await self.h.client.get(f"/payments?participant_id={who.key}", headers=officer(self.h))).json()
        (found,) = [one for one in shown if one["channel_reference"] == reference]
        self.clerk.pay(Payment(found["payment_id"], PARTNER, who, bill.months), f"clearing:{PARTNER}")

    async def say_again(self) -> None:
        """A call that is repeated, as it was or with another amount, books nothing."""
        if not self.said:
            return
        reference, (number, amount) = self.dice.choice([*self.said.items()])
        answer = code(await self.bank.pay(number, amount + self.dice.choice([0, 0, 1]), reference))
        assert answer != "2002500"
        self.done["said twice"] += 1

    async def goes_astray(self) -> None:
        """Money that pays no bill of anybody."""
        amount = self.dice.choice([PRICE, 2 * PRICE, 3 * PRICE, 50_000, 1])
        (arrived,) = await arrive(self.h, arrival(self.h, "9999999999999", self.number(), amount))
        self.clerk.wait(Case(str(arrived.payment_ids[0]), PARTNER, amount, amount), f"clearing:{PARTNER}")
        self.done["astray"] += 1

    async def refuse_protection(self) -> None:
        standing = [one for one in self.clerk.payments if one.stands and not one.person.died]
        if not standing:
            return
        payment, reason = self.dice.choice(standing), self.dice.choice([*RefusalReason][:2] + [*RefusalReason][3:])
        who = payment.person
        await refuse(self.h, self.somebodies[who.key], PaymentId(UUID(payment.key)), reason)
        self.clerk.refuse(payment, blocks=reason is not RefusalReason.REACTIVATED_MEANWHILE)
        await self.owe_credit(who)
        self.done["refused"] += 1

    async def dies(self) -> None:
        who = self.somebody()
        if who.died or who is self.own or not who.paid:
            return
        await close(self.h, self.somebodies[who.key], self.h.clock.business().astimezone(WIB).date())
        self.clerk.die(who, MONTH)
        await self.owe_credit(who)
        self.done["died"] += 1

    async def owe_credit(self, who: Person) -> None:
        """Credit of somebody of whom no more is taken is owed, under an id that our side gives."""
        if not (who.blocked and who.credit):
            return
        known, owed = {*self.clerk.refunds}, await self.refunds()
        (key,) = [key for key in owed if key not in known]
        self.clerk.owe_credit(who, key)

    async def refunds(self) -> list[str]:
        found, after = list[str](), ""
        while True:
            page = (await self.h.client.get(f"/refunds{after}", headers=officer(self.h))).json()
            found += [one["payment_id"] for one in page["refunds"]]
            if not page.get("next"):
                return found
            after = f"?after={page['next']}"

    # --- collective bills ---------------------------------------------------------------------------------------------

    async def issue_whole(self) -> None:
        heads = self.dice.sample(self.people, min(len(self.people), self.dice.randint(2, 5)))
        answer = await issue(self.h, [self.somebodies[one.key] for one in heads], months=self.dice.choice([1, 2]))
        may = not any(one.blocked for one in heads)
        assert (answer.status_code == 201) == may, answer.text
        if not may:
            return
        made = answer.json()
        listed = await lines(self.h, made["bill_id"])
        left = [(who, [m["month"] for m in line["months"]]) for who, line in zip(heads, listed, strict=True)]
        assert made["amount"] == sum(PRICE * len(months) for _, months in left)
        assert not any({*months} & who.paid.keys() for who, months in left)
        self.wholes.append(Whole(made["bill_id"], made["code"], made["amount"], left))
        self.done["issued"] += 1

    async def pay_whole(self) -> None:
        """In full or not at all; while one line at least would pay for somebody."""
        unpaid = [one for one in self.wholes if one.payment_key is None]
        if not unpaid:
            return
        whole, reference, exact = self.dice.choice(unpaid), self.number(), self.perhaps(0.8)
        void = all(who.blocked or {*months} & who.paid.keys() for who, months in whole.left)
        answer = code(await self.bank.pay(whole.code, whole.amount - (not exact), reference))
        if not void:
            assert (answer == "2002500") == exact, answer
        if answer != "2002500":
            return
        self.clerk.move(f"clearing:{PARTNER}", COLLECTIVE, whole.amount)
        self.said[reference] = (whole.code, whole.amount)
        whole.payment_key = (await progress(self.h, whole.key))["payment_id"]
        self.done["whole paid"] += 1

    async def post_shares(self) -> None:
        """One batch: the next lines of every bill that was paid."""
        due = [one for one in self.wholes if one.payment_key and one.left and not one.taken_back]
        await self.fire(POSTING)
        for whole in due:
            new = (await lines(self.h, whole.key))[len(whole.shares) :]
            posted = [line for line in new if line["payment_id"] is not None]
            assert posted == new[:AT_ONCE][: len(posted)], "in the order of their numbers"
            for line in posted:
                self.share(whole, line)

    def share(self, whole: Whole, line: dict[str, Any]) -> None:
        who, months = whole.left.pop(0)
        key, amount = line["payment_id"], PRICE * len(months)
        if who.blocked or {*months} & who.paid.keys():
            assert line["suspended_for"] is not None
        if line["suspended_for"] is None:
            payment = Payment(key, PARTNER, who, dict.fromkeys(months, 0), whole=whole)
            self.clerk.pay(payment, COLLECTIVE)
            whole.shares.append(payment)
        else:
            case = Case(key, PARTNER, amount, amount, whole)
            self.clerk.wait(case, COLLECTIVE)
            whole.shares.append(case)
        self.done["share posted" if line["suspended_for"] is None else "share suspended"] += 1

    async def take_whole_back(self) -> None:
        """Two people find that the bank never had it, in the middle of the posting or after it."""
        paid = [one for one in self.wholes if one.payment_key]
        if not paid:
            return
        whole = self.dice.choice(paid)
        made = await self.proposed("VOID", str(whole.payment_key), may=not whole.taken_back)
        if made is None:
            return
        if self.perhaps(0.3):
            await self.post_shares()
        await self.approved(made, may=True)
        self.clerk.take_whole_back(whole, PARTNER)
        self.done["whole taken back"] += 1

    async def walk_back(self) -> None:
        due = [one for one in self.wholes if one.taken_back and one.walked < len(one.shares)]
        await self.fire(REVERSAL)
        for whole in due:
            done = (await progress(self.h, whole.key))["shares_reversed"]
            assert whole.walked <= done <= whole.walked + AT_ONCE
            self.clerk.walk_back(whole, done - whole.walked)
        self.done["walked back"] += bool(due)

    # --- the agent's balance ------------------------------------------------------------------------------------------

    def mine(self) -> int:
        return -self.clerk.accounts[BALANCE]

    async def deposit(self) -> None:
        amount, reference = self.dice.choice([1, 20_000, PRICE, 100_000]), self.number()
        assert code(await self.bank.pay(self.deposits, amount, reference)) == "2002500"
        self.clerk.move(f"clearing:{PARTNER}", BALANCE, amount)
        self.said[reference] = (self.deposits, amount)
        self.done["deposited"] += 1
        assert await balance(self.h) == self.mine()

    async def charge(self) -> None:
        """The first payment of somebody, of as many months as the open bill has; of the current one, where there is none."""
        who = self.somebody()
        bill = await self.open_bill(who)
        months = {MONTH: 0} if bill is None else bill.months
        price = PRICE * len(months)
        answer = await charge(self.h, self.somebodies[who.key])
        may = not who.blocked and not who.paid and price <= self.mine()
        assert answer.status_code == (201 if may else 409), answer.text
        if not may:
            self.done["balance too low"] += answer.json()["code"] == "balance_too_low"
            return
        assert answer.json()["amount"] == price
        self.clerk.move(BALANCE, THROUGH, price)
        self.clerk.pay(Payment(answer.json()["payment_id"], "agent-balance", who, months), THROUGH)
        assert answer.json()["balance"] == self.mine() >= 0
        self.done["charged"] += 1

    async def withdraw(self) -> None:
        """Two people send it back to the agent; whether it is there is asked again of the second."""
        amount = self.dice.choice([self.mine(), self.mine() // 2, self.mine() + 1, 10_000])
        if not amount:
            return
        payee, path = await self.payee("WADAH", str(WADAH)), f"/agent-balances/{AGENT}/withdrawals"
        wanted = {"reason": "on_request", "payee_account_id": payee, "amount": amount}
        answer = await self.h.client.post(path, json=wanted, headers=officer(self.h))
        assert answer.status_code == (201 if amount <= self.mine() else 409), answer.text
        if answer.status_code != 201:
            return
        if self.perhaps(0.4):
            await self.charge()
        may = amount <= self.mine()
        order = await self.approved(answer.json(), may=may)
        if order is not None:
            self.clerk.move(BALANCE, PAYABLE, amount)
            self.clerk.orders.append(Order(order["order_id"], amount, BALANCE))
            self.done["withdrawn"] += 1

    # --- what two people decide of money that waits or is owed ------------------------------------------------------------

    async def match(self) -> None:
        case, who = self.waiting(), self.somebody()
        if case is None or (bill := await self.open_bill(who)) is None:
            return
        may = self.free(case, bill.amount) and not who.blocked
        made = await self.proposed("MATCH", case.key, may=may, participant_id=who.key, bill_id=bill.bill_id)
        if made is None or (told := await self.approved(made, may=True)) is None:
            return
        self.clerk.use(case, f"clearing:{case.partner}", bill.amount)
        payment = Payment(told["payment_id"], case.partner, who, bill.months, receipt=case)
        self.clerk.pay(payment, f"clearing:{case.partner}")
        case.matched.append(payment)
        self.done["matched"] += 1

    async def give_credit(self) -> None:
        """Only to somebody who has a next bill."""
        if (case := self.waiting()) is None:
            return
        who, amount = self.somebody(), self.part_of(case)
        may = self.free(case, amount) and bool(who.paid) and not who.blocked
        made = await self.proposed("CREDIT", case.key, may=may, participant_id=who.key, amount=amount)
        if made is not None and await self.approved(made, may=True):
            self.clerk.use(case, CREDIT, amount)
            who.credit += amount
            self.done["credited"] += 1

    async def void(self) -> None:
        """Of a payment, or of money that waits, two people find that it never came."""
        if self.perhaps(0.5) and (case := self.waiting()) is not None:
            may = self.clerk.may_void(case) and not case.voided and _alone(case)
            made = await self.proposed("VOID", case.key, may=may)
            if made is not None and await self.approved(made, may=True):
                people = [one.person for one in case.matched]
                self.clerk.void(case)
                for who in people:
                    await self.owe_credit(who)
                self.done["voided"] += 1
        elif self.clerk.payments:
            payment = self.dice.choice(self.clerk.payments)
            if self.clerk.case_of(payment) is not None:
                return  # it waits: as above
            ours = payment.receipt is not None or payment.partner == "agent-balance"
            may = payment.stands and not payment.given_back and not ours and _alone(payment)
            made = await self.proposed("VOID", payment.key, may=may)
            if made is not None and await self.approved(made, may=True):
                self.clerk.take_back(payment, f"clearing:{payment.partner}")
                await self.owe_credit(payment.person)
                self.done["voided"] += 1

    async def refund(self) -> None:
        """What is owed is ordered once at a time, to an account of whom it is owed."""
        if not self.clerk.refunds:
            return
        key, (who, amount) = self.dice.choice([*self.clerk.refunds.items()])
        payee = await self.payee("PARTICIPANT", who.key)
        made = await self.proposed("REFUND", key, may=key not in self.clerk.ordered, payee_account_id=payee)
        if made is not None and (order := await self.approved(made, may=True)) is not None:
            self.clerk.orders.append(Order(order["order_id"], amount, None, refund=key))
            self.clerk.ordered.add(key)
            self.done["refund ordered"] += 1


def _alone(found: Case | Payment) -> bool:
    """A share goes with its whole, or after it."""
    return found.whole is None or found.whole.taken_back


SEED, LEAST, MOST = 1, 250, 1_000


@pytest.mark.timeout(600)
async def test_no_rupiah_is_made_or_lost_by_groups_balances_and_what_becomes_of_them(
    h: Harness, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "LINES_AT_ONCE", AT_ONCE)
    monkeypatch.setattr(reversal, "LINES_AT_ONCE", AT_ONCE)
    walk = Groups(h, bank, SEED)
    await walk.begin()
    await walk.until(HAPPENED, least=LEAST, most=MOST)
