"""Copies of a person that lie beside the payer go by a timer, whatever came when: an account that was recorded while its owner was erased too."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Scope, Tx
from contracts.events.erasure import PayeeAccountForgotten
from contracts.values import ParticipantId, PayeeAccountId
from services.payments.commands.payees import PAYEES
from services.payments.domain.payees import PAYEE_RULES
from services.payments.queries import erasure


async def forget_accounts(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """A key is a payee account of somebody who is forgotten."""
    keys = [PayeeAccountId(UUID(item.key)) for item in items]
    await tx.heads(PAYEES, keys)
    named = await erasure.owners_of(tx.conn, keys)
    for key, item in zip(keys, items, strict=True):
        if (row := named.get(key)) is not None:
            event = PayeeAccountForgotten(payee_account_id=key, participant_id=ParticipantId(row.owner_id))
            scope = Scope(row.branch_id, row.wadah_id)
            tx.record(event, key=key, meta=item.meta, scope=scope, rules=PAYEE_RULES)
    return [Done() for _ in items]
