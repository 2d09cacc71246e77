"""The report of the day: only what the services, the bank and the broker answer when asked; nothing is counted here."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.local import programs
from deploy.local.outreach.day import PRICE, Played
from deploy.local.outreach.doors import Doors, until
from deploy.local.outreach.history import CENTRAL, OPERATOR, THE_DAY, Cast
from deploy.local.stack import SERVICES

PEOPLE = 50


async def ask(doors: Doors, cast: Cast, played: Played) -> dict[str, Any]:
    """What the day came to, once nothing of it is on its way."""
    await _quiet(doors)
    agent = cast.agents[0]
    counts = await doors.get("registration", "/participants/counts", agent)
    totals = await doors.get("payments", "/contributions/totals", agent)
    ledger = await doors.get("payments", "/ledger/trial-balance", CENTRAL)
    told = await doors.post(
        "notifications", "/notifications/counts", cast.officer, {"participant_ids": played.participants}
    )
    wallet = await doors.get("payments", "/payments", agent, participant_id=played.participants[-2])
    return {
        "registered": played.imported["accepted"],
        "refused": played.refused["codes"],
        "billed": totals["billed"],
        "paid": totals["paid"],
        "protected": counts["protected"],
        "by_qr": [{name: one[name] for name in ("partner", "channel", "amount")} for one in wallet],
        "notifications": {name: told[name] for name in ("queued", "sent", "delivered", "failed")},
        "ledger": {
            "imbalance": ledger["imbalance"],
            "contributions": totals["contributions"],
            "suspense": ledger["suspense"],
        },
    }


async def at_rest(doors: Doors) -> dict[str, Any]:
    """What operators are told at the end, when all is quiet."""
    operators = await _quiet(doors)
    return {
        "unpublished": sum(facts["unpublished"] for facts in operators),
        "parked": sum(facts["parked_keys"] for facts in operators),
        "dead_letters": operators[0]["kafka"]["dead_letters"],
    }


async def _quiet(doors: Doors) -> list[dict[str, Any]]:
    """What operators are told once every event is on the topics and read. A moment later a timer may have gone on by itself."""
    facts: list[dict[str, Any]] = []

    async def quiet() -> bool:
        facts[:] = [await doors.get(name, "/ops/status", OPERATOR) for name in doors.services]
        return all(
            f["unpublished"] == 0 and f["kafka"]["reachable"] and not any(f["kafka"]["lag"].values()) for f in facts
        )

    await until("every event on the topics and read", quiet)
    return facts


def expected(refused: dict[str, int]) -> dict[str, Any]:
    """What it must come to: fifty people at 36,800 with two messages each, and their agent's month (official simulation, domain case C1)."""
    return {
        "registered": PEOPLE,
        "refused": refused,
        "billed": PEOPLE,
        "paid": PEOPLE,
        "protected": PEOPLE,
        "by_qr": [{"partner": programs.ACQUIRER_PARTNER, "channel": "qris-mpm", "amount": PRICE}],
        "notifications": {"queued": 2 * PEOPLE, "sent": 2 * PEOPLE, "delivered": 2 * PEOPLE, "failed": 0},
        "ledger": {"imbalance": 0, "contributions": PEOPLE * PRICE, "suspense": 0},
        "unpublished": 0,
        "parked": 0,
        "dead_letters": 0,
        "strangers": 0,
        "reconciled": {
            "day": THE_DAY.date().isoformat(),
            "lines": {"matched": PEOPLE - 2, "missing_here": 1},
            "status": "SETTLED",
            "received": (PEOPLE - 1) * PRICE,
        },
        "astray": {
            "amount": PRICE,
            "reason": "unknown_code",
            "outcome": "matched",
            "proposed_by": "officer-1",
            "approved_by": "head-1",
        },
        "incentive": {"agent": 1_026_000, "wadah": 102_600},
    }


def differences(report: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """One line per figure that is not what it must be. However many events there are, all are on the topics, archived and proved."""
    events, equal = report["events"], dict.fromkeys(SERVICES, True)
    audited = {"archived": events, "verified": True, "proof_checked": True, "replay_equal": equal}
    return [
        f"{name}: expected {value}, found {report.get(name)}"
        for name, value in {**wanted, "on_topics": events, "audit": audited}.items()
        if report.get(name) != value
    ]


def table(report: dict[str, Any]) -> str:
    """For a person to read."""
    told, ledger, audit = report["notifications"], report["ledger"], report["audit"]
    rows = {
        "registered from the file": report["registered"],
        "refused in the second file": sum(report["refused"].values()),
        "billed": report["billed"],
        "paid at the bank / with a QR code": f"{report['paid'] - len(report['by_qr'])} / {len(report['by_qr'])}",
        "protected": report["protected"],
        "messages queued / sent / delivered / failed": " / ".join(str(told[name]) for name in told),
        "contributions": _rupiah(ledger["contributions"]),
        "ledger imbalance": ledger["imbalance"],
        "suspense": ledger["suspense"],
        "events in all logs / on the topics / archived": f"{report['events']} / {report['on_topics']} / {audit['archived']}",
        "archive verified / one proof checked alone": f"{_yes(audit['verified'])} / {_yes(audit['proof_checked'])}",
        "replayed equal": ", ".join(name for name, equal in audit["replay_equal"].items() if equal),
        "unpublished / parked / dead letters": f"{report['unpublished']} / {report['parked']} / {report['dead_letters']}",
        "the bank's file of the day": _reconciled(report["reconciled"]),
        "one payment astray": _astray(report["astray"]),
        "incentive of October, agent / Wadah": " / ".join(
            _rupiah(report["incentive"][who]) for who in ("agent", "wadah")
        ),
    }
    shown = Table("One outreach day, Tangerang Cimone and DPC SPN, 6 October 2025", "", title_justify="left")
    for name, value in rows.items():
        shown.add_row(name, str(value))
    refused = ", ".join(f"{code} {count}" for code, count in sorted(report["refused"].items()))
    out = io.StringIO()
    console = Console(file=out, width=100)
    console.print(shown)
    console.print(f"refused by code: {refused}", soft_wrap=True)
    return out.getvalue().rstrip()


def _yes(so: bool) -> str:
    return "yes" if so else "NO"


def _rupiah(amount: int) -> str:
    return f"Rp{amount:,}".replace(",", ".")


def _reconciled(found: dict[str, Any]) -> str:
    lines = ", ".join(f"{name} {count}" for name, count in found["lines"].items())
    return f"{lines}; {found['status'].lower()}, {_rupiah(found['received'])} received"


def _astray(found: dict[str, Any]) -> str:
    who = f"proposed by {found['proposed_by']}, approved by {found['approved_by']}"
    return f"{_rupiah(found['amount'])} {found['reason']}: {found['outcome']}, {who}"
