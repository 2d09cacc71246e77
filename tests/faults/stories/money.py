"""What must hold of payments' books whatever raced with whatever, asked in plain SQL and of the log alone."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa

from tests.faults.evidence import Violation
from tests.faults.stories.facts import wrong
from tests.support.service import Harness

NEXT = {
    None: {"ContributionBilled"},
    "ContributionBilled": {"ContributionPaid", "BillExpired", "BillCancelled"},
    "BillExpired": {"ContributionPaid"},
    "BillCancelled": {"ContributionPaid"},
    "ContributionPaid": {"ContributionReversed"},
    "ContributionReversed": set(),
}
"""What may come next for one bill; an ended bill may still be paid by money that was paid while it was open."""

_APART = sa.text(
    "WITH moved AS (SELECT account, branch_id, sum(debit) AS debit, sum(credit) AS credit FROM ("
    "  SELECT debit AS account, branch_id, amount AS debit, 0 AS credit FROM transfers"
    "  UNION ALL SELECT credit, branch_id, 0, amount FROM transfers) m GROUP BY account, branch_id)"
    " SELECT account, moved.debit AS moved_debit, moved.credit AS moved_credit, balances.debit, balances.credit"
    " FROM moved FULL JOIN balances USING (account, branch_id)"
    " WHERE (moved.debit, moved.credit) IS DISTINCT FROM (balances.debit, balances.credit)"
)


async def unbalanced(h: Harness) -> list[Violation]:
    """I5: balances are the sums of the transfers, and what the partners owe is what stands as contributions and in suspense."""
    async with h.app.read() as conn:
        rows = (await conn.execute(_APART)).all()
        query = sa.text("SELECT account, sum(debit) - sum(credit) AS stands FROM balances GROUP BY account")
        stands = {row.account: int(row.stands) for row in await conn.execute(query)}
        posted = await conn.execute(
            sa.text("SELECT (SELECT coalesce(sum(amount), 0) FROM payments WHERE reversed_for IS NULL) AS kept,"
                    " (SELECT coalesce(sum(amount), 0) FROM suspense) AS waits")
        )  # fmt: skip
        money = posted.one()
    found = [wrong("balances", r.account, (r.moved_debit, r.moved_credit), (r.debit, r.credit)) for r in rows]
    contributions = -sum(v for account, v in stands.items() if account.startswith("contributions:"))
    if contributions != money.kept:
        found.append(wrong("contributions", "", int(money.kept), contributions))
    if -stands.get("suspense", 0) != money.waits:
        found.append(wrong("suspense", "", int(money.waits), -stands.get("suspense", 0)))
    if sum(stands.values()):
        found.append(wrong("balances", "", 0, sum(stands.values())))
    return found


async def out_of_turn(h: Harness) -> tuple[int, list[Violation]]:
    """I5: per bill only allowed transitions. Also how many were looked at."""
    last: dict[str, str] = {}
    found: list[Violation] = []
    looked = 0
    for recorded in await h.events("contributions"):
        bill, kind = getattr(recorded.event, "bill_id", None), recorded.event.type
        if bill is None:
            continue
        looked += 1
        if kind not in NEXT[last.get(str(bill))]:
            found.append(wrong("contributions", bill, f"not after {last.get(str(bill))}", kind))
        last[str(bill)] = kind
    return looked, found


async def paid_twice(h: Harness) -> list[Violation]:
    """I3: no month of a payer is settled by two payments that both stand, and no reference of a partner is posted twice."""
    months: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    references: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for recorded in await h.events("contributions"):
        event = recorded.event
        if event.type == "ContributionPaid":
            payment = str(event.payment_id)  # type: ignore[attr-defined]
            references[event.partner, event.channel_reference].append(payment)  # type: ignore[attr-defined]
            for charge in event.months:  # type: ignore[attr-defined]
                months[recorded.envelope.key, str(charge.month)].append(payment)
        elif event.type == "ContributionReversed":
            for standing in months.values():
                if str(event.payment_id) in standing:  # type: ignore[attr-defined]
                    standing.remove(str(event.payment_id))  # type: ignore[attr-defined]
    twice = [
        wrong("contributions", key, "one payment", f"{month}: {len(p)}")
        for (key, month), p in months.items()
        if len(p) > 1
    ]
    return twice + [wrong("receipts", ref, "one posting", len(p)) for (_, ref), p in references.items() if len(p) > 1]


async def booked(h: Harness) -> dict[str, int]:
    """Partner's reference → rupiah that stand in the books for it, as payment or in suspense."""
    async with h.app.read() as conn:
        rows = await conn.execute(
            sa.text("SELECT channel_reference AS r, amount FROM payments WHERE reversed_for IS NULL"
                    " UNION ALL SELECT channel_reference, amount FROM suspense")
        )  # fmt: skip
        found: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            found[row.r] += row.amount
    return dict(found)
