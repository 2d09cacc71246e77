"""The ledger: the transfers that events make, and the sums of their accounts; both only grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from services.payments import tables
from services.payments.domain.ledger import MOVES_MONEY, transfers

NO_BRANCH = UUID(int=0)
"""Money whose payer is not known stands in no branch's books."""


async def ledger(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    lines: list[dict[str, Any]] = [
        {
            "event_id": recorded.envelope.event_id,
            "line": line,
            "debit": transfer.debit,
            "credit": transfer.credit,
            "amount": transfer.amount,
            "payment_id": transfer.payment_id,
            "participant_id": transfer.participant_id,
            "month": None if transfer.month is None else str(transfer.month),
            "branch_id": recorded.envelope.branch_id or NO_BRANCH,
            "occurred_at": recorded.envelope.occurred_at,
        }
        for recorded in events
        if type(recorded.event) in MOVES_MONEY
        for line, transfer in enumerate(transfers(recorded.event), start=1)
    ]
    if not lines:
        return
    await rows.insert(conn, tables.transfers, lines)
    moved: defaultdict[tuple[str, UUID], list[int]] = defaultdict(lambda: [0, 0])
    for row in lines:
        moved[row["debit"], row["branch_id"]][0] += row["amount"]
        moved[row["credit"], row["branch_id"]][1] += row["amount"]
    sums = [
        {"account": account, "branch_id": branch, "debit": debit, "credit": credit}
        for (account, branch), (debit, credit) in moved.items()
    ]
    await rows.add(conn, tables.balances, sums, columns=("debit", "credit"))
