"""What became of a play, read from the databases: when each step committed, and that nothing was lost, doubled or disordered.

The end of a hop is the commit time of its event row; event rows are never updated, so that time stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.cycle import Play
from tests.bench.ground import Ground
from tests.bench.people import PRICE
from tests.support.estate import SERVICES

Times = dict[str, float]
"""Participant → wall seconds of a commit."""

_EVENT = (
    "SELECT key AS who, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM event_log"
    " WHERE stream = $2 AND key = ANY($1::text[]) AND type = $3"
)
_SENT = (
    "SELECT n.participant_id::text AS who, extract(epoch FROM pg_xact_commit_timestamp(e.xmin))::float8 AS at"
    " FROM notifications n JOIN event_log e ON e.stream = 'notifications' AND e.key = n.notification_id::text"
    " AND e.type = 'NotificationSent' WHERE n.participant_id = ANY($1::uuid[]) AND n.template = $2"
)


@dataclass(frozen=True)
class Truth:
    """Commit times of the four ends of a cycle, of everybody in the play."""

    billed: Times
    welcomed: Times
    protected: Times
    told: Times
    """The payment notice was accepted by the gateway: the cycle is complete."""


async def truth_of(ground: Ground, play: Play) -> Truth:
    people = [*play.people]
    return Truth(
        billed=_times(await ground.rows("payments", _EVENT, people, "contributions", "ContributionBilled")),
        welcomed=_times(await ground.rows("notifications", _SENT, people, "welcome")),
        protected=_times(await ground.rows("registration", _EVENT, people, "participants", "ProtectionStarted")),
        told=_times(await ground.rows("notifications", _SENT, people, "protection_started")),
    )


def _times(rows: Sequence[Any]) -> Times:
    return {row["who"]: row["at"] for row in rows}


async def wrong(ground: Ground, play: Play, truth: Truth) -> dict[str, int]:
    """What must be 0 once a play is through: I1 to I6 as far as the databases show them, for the people of the play."""
    people = [*play.people]
    return {
        "refused": play.refused,
        "not_through": int(not play.drained),
        "unpaid": len(people) - len(play.paid),
        "unbilled": len(people) - len(truth.billed),
        "unwelcomed": len(people) - len(truth.welcomed),
        "unprotected": len(people) - len(truth.protected),
        "untold": len(people) - len(truth.told),
        "lost": len(people)
        - await ground.count(
            "registration", "SELECT count(*) FROM participants WHERE participant_id = ANY($1::uuid[])", people
        ),
        **await _once(ground, people),
        **await _money(ground, play),
        **{f"parked_{name}": await _parked(ground, name) for name in SERVICES},
        **{f"holes_{name}": await _holes(ground, name) for name in SERVICES},
    }


async def _once(ground: Ground, people: Sequence[str]) -> dict[str, int]:
    """One bill, one payment and two notices each."""
    bills = "SELECT count(*) - count(DISTINCT participant_id) FROM bills WHERE participant_id = ANY($1::uuid[])"
    paid = "SELECT count(*) - count(DISTINCT participant_id) FROM payments WHERE participant_id = ANY($1::uuid[])"
    told = (
        "SELECT count(*) - count(DISTINCT (participant_id, template)) FROM notifications"
        " WHERE participant_id = ANY($1::uuid[])"
    )
    return {
        "bills_twice": await ground.count("payments", bills, people),
        "payments_twice": await ground.count("payments", paid, people),
        "notices_twice": await ground.count("notifications", told, people),
    }


async def _money(ground: Ground, play: Play) -> dict[str, int]:
    """The bank's book (what it was told is paid) against receipts and postings, and the ledger against itself."""
    receipts = await ground.rows(
        "payments",
        "SELECT channel_reference, participant_id::text AS who, amount,"
        " (SELECT sum(amount) FROM transfers t WHERE t.payment_id = p.payment_id) AS posted"
        " FROM payments p WHERE participant_id = ANY($1::uuid[])",
        [*play.people],
    )
    return {
        "receipts_astray": sum(play.references.get(row["channel_reference"]) != row["who"] for row in receipts),
        "paid_without_receipt": len(play.paid.keys() - {row["who"] for row in receipts}),
        "sums_differ": sum(row["amount"] != PRICE or row["posted"] != PRICE for row in receipts),
        "ledger_off": await ground.count("payments", "SELECT (sum(debit) - sum(credit))::bigint FROM balances"),
    }


async def _parked(ground: Ground, service: str) -> int:
    return await ground.count(service, "SELECT count(*) FROM progress WHERE parked IS NOT NULL")


async def _holes(ground: Ground, service: str) -> int:
    """Keys whose events are not numbered 1, 2, 3 …"""
    return await ground.count(
        service,
        "SELECT count(*) FROM (SELECT 1 FROM event_log GROUP BY stream, key HAVING max(seq) <> count(*) OR min(seq) <> 1) holes",
    )


def completed(play: Play, truth: Truth) -> int:
    """Cycles that ended within the window, whenever they had begun."""
    first, last = play.window
    return sum(first <= at < last for at in truth.told.values())


def backlog_growth(play: Play, truth: Truth, *, rows_per_cycle: int) -> float:
    """Rows per second by which what is on its way grew over the window: the slope of cycles in flight, times their rows."""
    first, last = play.window

    def in_flight(at: float) -> int:
        begun = sum(arrived <= at for arrived in play.arrived.values())
        return begun - sum(ended <= at for ended in truth.told.values())

    return rows_per_cycle * (in_flight(last) - in_flight(first)) / (last - first)


def drain_s(play: Play, truth: Truth) -> float:
    """From the last arrival to the end of the last cycle."""
    return max(truth.told.values(), default=play.window[1]) - play.window[1]


def latencies_ms(play: Play, begun: Times, ended: Times) -> list[float]:
    """From one moment to the other, of those whose arrival was in the window."""
    return [1000 * (ended[one] - begun[one]) for one in begun if one in ended and play.in_window(one)]
