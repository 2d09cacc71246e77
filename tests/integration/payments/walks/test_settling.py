"""Settlement files that come again with other lines and fees, money noted and corrected, differences booked, payments voided, in any order: no rupiah
is made or lost.

What was planted by hand to see it red stands in decision 187.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest

from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import officer
from tests.integration.payments.office import NOBODY, Office
from tests.integration.payments.people import AGENT, registered
from tests.integration.payments.test_balances import opened
from tests.integration.payments.test_differences import bookings, decide
from tests.integration.payments.walks.clerk import PRICE, Case, Payment, Person
from tests.integration.payments.walks.walk import Walk
from tests.support.service import Harness
from tests.support.settlement import DAY, marked

MONTH, PARTNER = "2025-10", "bank-a"
CLEARING, CASH, FEES = f"clearing:{PARTNER}", f"bank:{PARTNER}", f"fees:{PARTNER}"
HAPPENED = (
    "told", "matched", "missing here pays", "missing here waits", "deposited by file", "amount_differs", "duplicate", "unreadable",
    "file replaced", "fees corrected up", "fees corrected down", "money noted", "noted twice", "corrected",
    "booked", "not booked", "voided", "returned", "assigned", "transfer confirmed",
)  # fmt: skip
"""What the walk must have met, or it shows nothing. Counted and not waited for: a receipt that was voided and "came after all";
of a thousand steps none may be one (`test_settlement_unnamed` shows it)."""


@dataclass(eq=False)
class Take:
    """What the bank took, as it knows it. `twice`: it is debited twice; `more`: so much above what it told us; `torn`: its line cannot be read."""

    reference: str
    to: str
    amount: int
    fee: int
    twice: bool = False
    more: int = 0
    torn: bool = False
    left_out: bool = False

    @property
    def listed(self) -> int:
        return self.amount + self.more

    def lines(self, day: date) -> Iterator[Any]:
        if self.left_out:
            return
        if self.torn:
            yield f"D,81001,{day},{self.to},{self.reference},R-{self.reference},{self.amount}.00,{self.fee}.00,at nine"
        else:
            yield from [(self.reference, self.to, self.listed, self.fee)] * (1 + self.twice)


@dataclass(eq=False)
class Day:
    """`here`: reference → rupiah under it in our books, 0 once voided. `above`, `second`, `read`: what two people booked of a line."""

    day: date
    takes: list[Take] = field(default_factory=list)
    here: dict[str, int] = field(default_factory=dict)
    above: dict[str, int] = field(default_factory=dict)
    second: dict[str, int] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    file: str | None = None
    files: int = 0
    expected: int = 0
    fees: int = 0
    booked_fees: int = 0
    noted: dict[str, int] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/settlements/days/{PARTNER}/{self.day}"

    def take(self, reference: str) -> Take:
        return next(one for one in self.takes if one.reference == reference)


class Settling(Walk):
    ACTS: ClassVar[Mapping[str, int]] = {
        "newcomer": 3, "bank_tells": 6, "bank_keeps_silent": 8, "send_file": 8, "send_other_file": 6,
        "note_money": 7, "correct_money": 4, "book_difference": 8, "void_missing": 4, "next_day": 3,
        "give_back": 2, "assign": 2, "a_transfer_ends": 2,
    }  # fmt: skip

    def __init__(self, h: Harness, bank: Bank, office: Office, seed: int) -> None:
        super().__init__(h, bank, seed)
        self.office, self.days = office, [Day(DAY)]
        self.people: list[Person] = []
        self.without_bill: set[Person] = set()
        """Whose payment was voided, and who did not ask for another bill."""
        self.deposits = ""
        self.by_reference: dict[str, Payment | Case] = {}

    async def begin(self) -> None:
        assert (await self.office.agree()).status_code == 201
        self.deposits = await opened(self.h)

    async def newcomer(self) -> None:
        who, record = registered(self.h)
        await self.h.deliver(record)
        self.people.append(Person(str(who.participant_id), who.code))

    @property
    def today(self) -> Day:
        return self.days[-1]

    async def next_day(self) -> None:
        if len(self.days) < 16:
            self.h.pass_time(days=1)
            self.days.append(Day(DAY + timedelta(days=len(self.days))))
            self.bank.token = (await self.bank.ask_token()).json()["accessToken"]

    # --- what the bank takes ------------------------------------------------------------------------------------------

    def take(self, to: str, amount: int, *, odd: bool = True) -> Take:
        kind = self.dice.choice(["", "", "", "twice", "more", "torn", "left out"]) if odd else ""
        made = Take(self.number(), to, amount, self.dice.choice([0, 500, 1_000]))
        made.twice, made.torn, made.left_out = kind == "twice", kind == "torn", kind == "left out"
        made.more = 3_200 if kind == "more" else 0
        made.fee = 0 if made.torn else made.fee
        self.today.takes.append(made)
        return made

    async def bank_tells(self) -> None:
        """Over SNAP: somebody pays what he owes."""
        if not (owing := [one for one in self.people if not one.paid]):
            return
        who = self.dice.choice(owing)
        assert code(await self.bank.inquire(who.code)) == "2002400"
        self.without_bill.discard(who)
        take = self.take(f"8100{who.code}", PRICE)
        take.torn = False  # a line about what we know already: test_differences
        assert code(await self.bank.pay(who.code, PRICE, take.reference)) == "2002500"
        await self.posted(self.today, take.reference, who, PRICE)
        self.done["told"] += 1

    async def bank_keeps_silent(self) -> None:
        """It takes money and tells us in its file alone: for a bill, for nobody, for an agent's balance."""
        numbers = [NOBODY, f"8100{self.deposits}", *(f"8100{one.code}" for one in self.people)]
        take = self.take(self.dice.choice(numbers), self.dice.choice([PRICE, PRICE, 5_000]))
        if take.more:  # what the file says is all that we know
            take.amount, take.more = take.listed, 0

    async def posted(self, day: Day, reference: str, who: Person, amount: int) -> None:
        shown = (await self.h.client.get(f"/payments?participant_id={who.key}", headers=officer(self.h))).json()
        (found,) = [one for one in shown if one["channel_reference"] == reference]
        payment = Payment(found["payment_id"], PARTNER, who, {MONTH: 0})
        self.clerk.pay(payment, CLEARING)
        self.by_reference[reference], day.here[reference] = payment, amount

    # --- what its files say -------------------------------------------------------------------------------------------

    async def send_file(self, day: Day | None = None) -> None:
        day = day or self.dice.choice(self.days[-4:])
        text = [line for take in day.takes for line in take.lines(day.day)]
        total = sum(take.listed * len([*take.lines(day.day)]) for take in day.takes)
        answer = await self.office.upload(marked(*text, day=day.day, amount=total), day.day)
        assert answer.status_code in (200, 202), answer.text
        again, day.file = answer.json()["file_id"] == day.file, answer.json()["file_id"]
        await self.h.due("settlement-files")
        shown = await self.office.get(f"/settlements/files/{day.file}")
        assert shown["status"] == "RECONCILED"
        if again:
            return
        self.done["file replaced"] += day.files > 0
        day.files += 1
        await self.reconciled(day)

    async def send_other_file(self) -> None:
        """The bank has corrected itself: a fee, a line that it had left out, or one that it had told wrongly."""
        days = [one for one in self.days[-4:] if one.takes]
        if not days:
            return
        day = self.dice.choice(days)
        take = self.dice.choice(day.takes)
        change = self.dice.choice(["fee", "fee", "left out", "more"])
        if change == "fee":
            take.fee = 0 if take.torn else self.dice.choice([0, 500, 1_000])
        elif change == "left out":
            take.left_out = not take.left_out
        elif day.here.get(take.reference) and not take.torn and take.reference not in day.above:
            take.more = 0 if take.more else 3_200
        await self.send_file(day)

    async def reconciled(self, day: Day) -> None:
        """What the clerk makes of the file, line by line in its order; what was not in the books is booked."""
        owed: list[tuple[int, int]] = []
        for take in day.takes:
            if take.left_out:
                continue
            if take.torn:
                known = take.reference in day.read
                owed += [(take.amount, take.fee)] if known else []
                self.done["matched" if known else "unreadable"] += 1
                continue
            owed += await self.first(day, take)
            if take.twice:
                known = day.second.get(take.reference) == take.listed  # booked in another amount, it is another debit
                owed += [(take.listed, take.fee)] if known else []
                self.done["matched" if known else "duplicate"] += 1
        day.fees = sum(fee for _, fee in owed)
        day.expected = sum(amount for amount, _ in owed) - day.fees
        if sum(day.noted.values()) or day.booked_fees or not day.expected:
            self.fees_as_listed(day)

    async def first(self, day: Day, take: Take) -> list[tuple[int, int]]:
        """(rupiah, fee) of the line, where they are owed."""
        here = day.here.get(take.reference, 0)
        if not here:
            await self.missing_here(day, take)
        elif take.listed != here + (day.above.get(take.reference, 0) if take.listed > here else 0):
            self.done["amount_differs"] += 1
            return []
        else:
            self.done["matched"] += 1
        return [(take.listed, take.fee)]

    async def missing_here(self, day: Day, take: Take) -> None:
        amount, again = take.listed, take.reference in day.here
        day.here[take.reference] = amount
        who = next((one for one in self.people if take.to.endswith(one.code)), None)
        if again:
            case = self.case_in(await self.waiting_under(take.reference), amount)
            self.done["came after all"] += 1
        elif take.to.endswith(self.deposits):
            self.clerk.move(CLEARING, f"agent-balance:{AGENT}", amount)
            self.done["deposited by file"] += 1
            return
        elif who is not None and who not in self.without_bill and not who.paid and amount == PRICE:
            await self.posted(day, take.reference, who, amount)
            self.done["missing here pays"] += 1
            return
        else:
            case = self.case_in(await self.waiting_under(take.reference), amount)
            self.done["missing here waits"] += 1
        self.by_reference[take.reference] = case

    async def waiting_under(self, reference: str) -> str:
        """Our id of money in suspense."""
        (found,) = [one for one in await self.queue() if one["channel_reference"] == reference]
        return str(found["payment_id"])

    async def queue(self) -> list[dict[str, Any]]:
        found, after = list[dict[str, Any]](), ""
        while True:
            answer = await self.h.client.get(f"/suspense{after}", headers=self.h.token(roles=["central"]))
            page = answer.json()
            found += page["cases"]
            if not page.get("next"):
                return found
            after = f"?after={page['next']}"

    def case_in(self, key: str, amount: int) -> Case:
        case = Case(key, PARTNER, amount, amount)
        self.clerk.wait(case, CLEARING)
        return case

    def fees_as_listed(self, day: Day) -> None:
        more = day.fees - day.booked_fees
        self.clerk.accounts[FEES] += more
        self.clerk.accounts[CLEARING] -= more
        self.done["fees corrected up" if more > 0 else "fees corrected down"] += more != 0
        day.booked_fees = day.fees

    # --- the bank's money ---------------------------------------------------------------------------------------------

    async def note_money(self) -> None:
        """One of the central office notes an account line, once."""
        day, evidence = self.dice.choice(self.days[-4:]), self.number()
        if day.noted and self.perhaps(0.2):
            evidence = self.dice.choice([*day.noted])
        amount = self.dice.choice([max(day.expected, 1), max(day.expected // 2, 1), 50_000])
        answer = await self.office.post(f"{day.path}/credits", {"amount": amount, "evidence": evidence})
        may = day.file is not None and evidence not in day.noted
        assert answer.status_code == (201 if may else 409), answer.text
        self.done["noted twice"] += evidence in day.noted
        if may:
            day.noted[evidence] = amount
            self.clerk.move(CASH, CLEARING, amount)
            self.fees_as_listed(day)
            self.done["money noted"] += 1

    async def correct_money(self) -> None:
        """One says what the line is, another agrees."""
        days = [one for one in self.days if one.noted]
        if not days:
            return
        day = self.dice.choice(days)
        evidence, amount = self.dice.choice([*day.noted]), self.dice.choice([0, 1, 36_800, 120_000])
        wanted = {"evidence": evidence, "amount": amount, "reason": "typo"}
        made = await self.office.post(f"{day.path}/corrections", wanted)
        assert made.status_code == 201, made.text
        path = f"{day.path}/corrections/{made.json()['proposal_id']}"
        assert (await decide(self.h, path, who="central-1")).status_code == 409  # not by who said so
        if self.perhaps(0.2):
            assert (await decide(self.h, path, "refusal")).status_code == 200
            return
        assert (await decide(self.h, path)).status_code == 200
        more, day.noted[evidence] = amount - day.noted[evidence], amount
        self.clerk.accounts[CASH] += more
        self.clerk.accounts[CLEARING] -= more
        self.done["corrected"] += 1

    # --- differences --------------------------------------------------------------------------------------------------

    async def book_difference(self) -> None:
        """What a line of the day's last file has above the books, out of an account line that carries it."""
        cases = [
            one for one in await self.office.cases() if one["kind"] in ("amount_differs", "duplicate", "unreadable")
        ]
        if not cases:
            return
        case = self.dice.choice(cases)
        day = next(one for one in self.days if str(one.day) == case["day"])
        if not day.noted:
            return
        evidence = self.dice.choice([*day.noted])
        found = await self.office.get(f"/settlements/cases/{case['case_id']}")
        above = found["amount_here"] or 0 if case["kind"] == "amount_differs" else 0
        amount = (found["amount_there"] or 0) - above
        if amount <= 0:
            return
        await self.book(day, found, evidence, amount)

    async def book(self, day: Day, case: dict[str, Any], evidence: str, amount: int) -> None:
        reference = self.torn_at(day, case) if case["kind"] == "unreadable" else None
        if case["kind"] == "unreadable" and reference is None:
            return
        wanted = {"amount": amount, "reason": "came", "evidence": evidence}
        wanted |= {"reference": reference} if reference else {}
        made = await self.office.post(bookings(case), wanted)
        take = day.take(reference or str(case["reference"]))
        carries = day.carried.get(evidence, 0) + amount - take.fee <= day.noted[evidence]
        may = case["file_id"] == day.file and carries and day.noted[evidence] > 0
        assert made.status_code == (201 if may else 409), (may, made.text, case)
        self.done["booked" if may else "not booked"] += 1
        if not may:
            return
        answer = await decide(self.h, f"{bookings(case)}/{made.json()['proposal_id']}")
        assert answer.status_code == 200, answer.text
        kept = {"amount_differs": day.above, "duplicate": day.second, "unreadable": day.read}[case["kind"]]
        kept[take.reference] = amount
        fee = take.fee
        day.carried[evidence] = day.carried.get(evidence, 0) + amount - fee
        day.fees += fee
        day.expected += amount - fee + (case["amount_here"] or 0 if case["kind"] == "amount_differs" else 0)
        self.case_in(answer.json()["payment_id"], amount)
        self.fees_as_listed(day)

    def torn_at(self, day: Day, case: dict[str, Any]) -> str | None:
        """The payment that the line is about, as somebody asks the bank."""
        line = 1
        for take in day.takes:
            for one in take.lines(day.day):
                line += 1
                if line == case["line"] and isinstance(one, str):
                    return take.reference
        return None

    async def void_missing(self) -> None:
        """A payment that the last file lacks, that the bank knows nothing of, and that a later file lacks too, never came."""
        cases = await self.office.cases(kind="missing_at_bank")
        if not cases:
            return
        case = self.dice.choice(cases)
        asked = await self.office.post(f"/settlements/cases/{case['case_id']}/status", {"answer": "not_known"})
        assert asked.status_code == 200, asked.text
        found = self.by_reference.get(case["reference"])
        day = next((one for one in self.days if case["reference"] in one.here), None)
        if found is None or day is None:
            return  # what was booked by two people: test_differences
        take = day.take(case["reference"])
        if take.more or take.reference in day.above:
            return  # what stands above a receipt that never came: test_differences
        body = {"action": "VOID", "payment_id": found.key, "reason": "checked", "evidence": self.number()}
        answer = await self.h.client.post("/proposals", json=body, headers=officer(self.h))
        if answer.status_code != 201:
            assert answer.json()["code"] in ("settlement_file_awaited", "partly_used", "nothing_there"), answer.text
            return
        assert await self.approved(answer.json(), may=True)
        assert take.left_out or day.file != case["file_id"]
        if isinstance(found, Payment):
            self.clerk.take_back(found, CLEARING)
            self.without_bill.add(found.person)
        else:
            self.clerk.void(found)
        day.here[case["reference"]] = 0
        self.done["voided"] += 1


SEED, LEAST, MOST = 1, 250, 1_000


@pytest.mark.timeout(600)
async def test_no_rupiah_is_made_or_lost_between_a_banks_files_its_money_and_our_books(h: Harness, bank: Bank) -> None:
    walk = Settling(h, bank, Office(h), SEED)
    await walk.begin()
    await walk.until(HAPPENED, least=LEAST, most=MOST)
