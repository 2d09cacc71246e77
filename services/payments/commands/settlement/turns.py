"""Whoever books a further debit and the end of a file that lists its payment no more take turns.

The booking looks whether the first listing stands, the end of that day's file whether anything lists the payment. They write of different
days, so nothing in the log collides: each side waits here for the transactions of the other, before it looks. A lock that lasts as long as the
transaction, and assigns it no id.
"""

from __future__ import annotations

import sqlalchemy as sa

from chassis.transaction import Tx

_LOCK = 7_215_004


async def beside_others(tx: Tx) -> None:
    """For the end of a file: files end side by side, and wait while somebody books."""
    await tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_LOCK)))


async def alone(tx: Tx) -> None:
    """For who books a difference: waits for every end of a file under way."""
    await tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
