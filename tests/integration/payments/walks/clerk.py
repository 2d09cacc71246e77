"""What a careful clerk would write down of everything that happens: accounts as plain integers, people, payments, money that waits or leaves.

Nothing of ours is used: the rules are domain.md sections 4 to 6, as a clerk applies them. Whole rupiah; of an account, debit minus credit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

JKK, JKM, JHT = 10_000, 6_800, 20_000
PRICE = JKK + JKM + JHT
"""Of one month of the lowest row, three programmes, no discount."""
SUSPENSE, PAYABLE, CREDIT, COLLECTIVE = "suspense", "refunds-payable", "carry-forward", "collective"


@dataclass(eq=False)
class Person:
    """`paid`: month → the payment that stands for it."""

    key: str
    code: str
    paid: dict[str, Payment] = field(default_factory=dict)
    blocked: bool = False
    died: bool = False
    credit: int = 0


@dataclass(eq=False)
class Payment:
    """`months`: month → how much of it credit paid; those that were given back are taken out."""

    key: str
    partner: str
    person: Person
    months: dict[str, int]
    stands: bool = True
    given_back: bool = False
    whole: Whole | None = None
    receipt: Case | None = None
    """The money in suspense that two people made it of."""

    @property
    def money(self) -> int:
        return sum(PRICE - credit for credit in self.months.values())


@dataclass(eq=False)
class Case:
    """Money that waits."""

    key: str
    partner: str
    amount: int
    held: int
    whole: Whole | None = None
    payment: Payment | None = None
    """What it had settled before its protection was refused."""
    matched: list[Payment] = field(default_factory=list)
    voided: bool = False


@dataclass(eq=False)
class Whole:
    """A collective bill: `lines` as its list says, `left` of them not posted yet."""

    key: str
    code: str
    amount: int
    left: list[tuple[Person, list[str]]]
    payment_key: str | None = None
    shares: list[Payment | Case] = field(default_factory=list)
    taken_back: bool = False
    walked: int = 0


@dataclass(eq=False)
class Order:
    """Money on its way; `back`: the account or case it returns to when the bank does not carry it out, None: it is owed still."""

    key: str
    amount: int
    back: Case | str | None
    refund: str | None = None
    account: str = PAYABLE


class Clerk:
    """The books. Every method is one thing that happened, and moves what it moves."""

    def __init__(self) -> None:
        self.accounts = Counter[str]()
        self.payments: list[Payment] = []
        self.cases: list[Case] = []
        self.orders: list[Order] = []
        self.refunds: dict[str, tuple[Person, int]] = {}
        self.ordered: set[str] = set()
        """Refunds on their way, or gone."""

    def move(self, debit: str, credit: str, amount: int) -> None:
        assert amount >= 0
        self.accounts[debit] += amount
        self.accounts[credit] -= amount

    # --- contributions ------------------------------------------------------------------------------------------------

    def pay(self, payment: Payment, source: str) -> None:
        for month, credit in payment.months.items():
            assert month not in payment.person.paid, "a month is paid twice"
            self._month(source, credit, +1)
            payment.person.paid[month] = payment
            payment.person.credit -= credit
        assert payment.person.credit >= 0
        self.payments.append(payment)

    def take_back(self, payment: Payment, to: str, refund_key: str | None = None) -> None:
        """All that still stands of it; `refund_key`: under which credit is owed that nobody will use any more."""
        for month, credit in payment.months.items():
            self._month(to, credit, -1)
            del payment.person.paid[month]
            payment.person.credit += credit
        payment.stands = False

    def _month(self, source: str, credit: int, sign: int) -> None:
        """JKK, then JKM of the credit, the rest of the source."""
        for account, price in (("contributions:jkk", JKK), ("contributions:jkm", JKM), ("contributions:jht", JHT)):
            used = 0 if account == "contributions:jht" else min(credit, price)
            credit -= used
            for other, amount in ((CREDIT, used), (source, price - used)):
                self.accounts[other] += sign * amount
                self.accounts[account] -= sign * amount

    def refuse(self, payment: Payment, *, blocks: bool) -> None:
        """Registration protects nobody for it: what stands of it waits, in money."""
        waits, through = payment.money, f"clearing:{payment.partner}"
        self.take_back(payment, through)
        payment.person.blocked |= blocks
        if waits:
            self.wait(Case(payment.key, payment.partner, waits, waits, payment.whole, payment), through)

    def die(self, person: Person, month: str) -> list[Payment]:
        """Months after that of the death are owed, credit and all, each payment's by itself."""
        person.blocked = person.died = True
        owed = [p for p in self.payments if p.person is person and p.stands and any(m > month for m in p.months)]
        for payment in owed:
            gone = [one for one in payment.months if one > month]
            for account, price in (("contributions:jkk", JKK), ("contributions:jkm", JKM), ("contributions:jht", JHT)):
                self.move(account, PAYABLE, price * len(gone))
            for one in gone:
                del person.paid[one], payment.months[one]
            payment.given_back = True
            self.refunds[payment.key] = (person, PRICE * len(gone))
        return owed

    def owe_credit(self, person: Person, key: str) -> None:
        self.move(CREDIT, PAYABLE, person.credit)
        self.refunds[key], person.credit = (person, person.credit), 0

    # --- money that waits ---------------------------------------------------------------------------------------------

    def wait(self, case: Case, source: str) -> None:
        self.move(source, SUSPENSE, case.held)
        self.cases.append(case)

    def use(self, case: Case, to: str, amount: int) -> None:
        assert 0 < amount <= case.held
        self.move(SUSPENSE, to, amount)
        case.held -= amount

    def may_void(self, case: Case) -> bool:
        """Money that never came: all of it waits, or the rest of it and one payment that was made of it."""
        if case.partner == "agent-balance" or (case.payment is not None and case.payment.receipt is not None):
            return False
        if case.held == case.amount:
            return not (case.payment is not None and case.payment.given_back)
        standing = [one for one in case.matched if one.stands]
        if len(standing) != 1 or standing[0].given_back:
            return False
        return case.held + standing[0].money == case.amount

    def void(self, case: Case) -> None:
        for one in case.matched:
            if one.stands:
                self.take_back(one, f"clearing:{case.partner}")
        self.move(SUSPENSE, f"clearing:{case.partner}", case.held)
        case.held, case.voided = 0, True

    # --- collective bills ---------------------------------------------------------------------------------------------

    def unposted(self, whole: Whole) -> int:
        return sum(PRICE * len(months) for _, months in whole.left)

    def take_whole_back(self, whole: Whole, partner: str) -> None:
        self.move(COLLECTIVE, f"clearing:{partner}", self.unposted(whole))
        whole.left, whole.taken_back = [], True

    def walk_back(self, whole: Whole, count: int) -> None:
        """The next shares: what stands is taken back, what waits untouched too; what was used or given back stays."""
        for share in whole.shares[whole.walked : whole.walked + count]:
            case = share if isinstance(share, Case) else self.case_of(share)
            if case is not None:
                if case.held == case.amount and not (case.payment is not None and case.payment.given_back):
                    self.void(case)
            elif isinstance(share, Payment) and share.stands and not share.given_back:
                self.take_back(share, f"clearing:{share.partner}")
        whole.walked = min(whole.walked + count, len(whole.shares))

    def case_of(self, payment: Payment) -> Case | None:
        return next((case for case in self.cases if case.payment is payment), None)

    # --- money that leaves --------------------------------------------------------------------------------------------

    def confirm(self, order: Order, partner: str) -> None:
        self.move(order.account, f"bank:{partner}", order.amount)
        self.orders.remove(order)

    def fail(self, order: Order) -> None:
        self.orders.remove(order)
        if order.refund is not None:
            self.ordered.discard(order.refund)
        elif isinstance(order.back, Case):
            self.move(order.account, SUSPENSE, order.amount)
            order.back.held += order.amount
        elif order.back is not None:
            self.move(order.account, order.back, order.amount)
