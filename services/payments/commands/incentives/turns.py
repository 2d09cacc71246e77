"""Statements of agents are issued side by side; what sums them up, or ends their run, is alone.

A statement that is not durable yet is in no sum, and one that is issued after the sum is in no payout. Their keys differ, so nothing in the log
collides: each side waits here for the transactions of the other, before it loads anything. A lock that lasts as long as the transaction, and
assigns it no id.
"""

from __future__ import annotations

import sqlalchemy as sa

from chassis.transaction import Tx

_LOCK = 7_215_003


async def beside_others(tx: Tx) -> None:
    """For statements of agents: waits while somebody sums up or ends a run."""
    await tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_LOCK)))


async def alone(tx: Tx) -> None:
    """For who sums up or ends a run: waits for every statement of an agent under way."""
    await tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
