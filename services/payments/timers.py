"""What falls due in payments: bills past their end, plumbing past its use, and the monthly run of the incentives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.timers import Timer, backed_off
from services.payments import incentive_timers
from services.payments.commands.bills import expire_bills
from services.payments.commands.collective import expire_collectives
from services.payments.commands.credit import TIMER as CARRY_FORWARD
from services.payments.commands.credit import GrantCredits
from services.payments.commands.forgetting import forget_accounts
from services.payments.commands.housekeeping import Tidy, limits
from services.payments.commands.reversal import reverse_shares
from services.payments.commands.shares import post_shares
from services.payments.parameters import Parameters
from services.payments.queries import due, erasure, groups
from services.payments.tables import bills, collective_bills, payee_accounts

EXPIRE, TIDY = "bill-expiry", "snap-housekeeping"
EXPIRE_COLLECTIVE, POST_SHARES = "collective-expiry", "collective-posting"
REVERSE_SHARES = "collective-reversal"
FORGET_ACCOUNTS = "accounts-of-forgotten"
BILLS_AT_ONCE = 2
"""Collective bills whose shares are posted, or taken back, side by side, each some lines at a time."""


def timers(clock: Clock, parameters: Parameters, *, keep_inquiries_days: int) -> Sequence[Timer]:
    """Bills end by business time; tokens and X-EXTERNAL-IDs by the wall clock."""

    async def old_plumbing(conn: AsyncConnection, _: datetime, limit: int) -> Sequence[str]:
        old = limits(clock.wall(), keep_inquiries_days=keep_inquiries_days)
        return ["all"] if await due.has_old_plumbing(conn, old) else []

    credits_ = GrantCredits(parameters)
    return [
        Timer(EXPIRE, _ended_bills, expire_bills),
        Timer(EXPIRE_COLLECTIVE, _ended_collectives, expire_collectives),
        Timer(POST_SHARES, _unposted, post_shares, batch=BILLS_AT_ONCE),
        Timer(REVERSE_SHARES, _unreversed, reverse_shares, batch=BILLS_AT_ONCE),
        Timer(CARRY_FORWARD, credits_.due, credits_, every_s=60.0),
        Timer(TIDY, old_plumbing, Tidy(keep_inquiries_days), every_s=60.0),
        Timer(FORGET_ACCOUNTS, _to_forget, forget_accounts, every_s=5.0),
        *incentive_timers.timers(parameters),
    ]


async def _ended_bills(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(EXPIRE, sa.cast(bills.c.participant_id, sa.Text), now)
    return await due.bills_due_to_expire(conn, now, limit, held_back)


async def _ended_collectives(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(EXPIRE_COLLECTIVE, sa.cast(collective_bills.c.bill_id, sa.Text), now)
    return await groups.collectives_due_to_expire(conn, now, limit, held_back)


async def _unposted(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(POST_SHARES, sa.cast(collective_bills.c.bill_id, sa.Text), now)
    return await groups.collectives_to_post(conn, limit, held_back)


async def _unreversed(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(REVERSE_SHARES, sa.cast(collective_bills.c.bill_id, sa.Text), now)
    return await groups.collectives_to_reverse(conn, limit, held_back)


async def _to_forget(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(FORGET_ACCOUNTS, sa.cast(payee_accounts.c.payee_account_id, sa.Text), now)
    return await erasure.accounts_to_forget(conn, held_back, limit)
