"""What the three books say at the end, each asked through its own door, and where they do not agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.local.outreach.doors import Doors
from deploy.local.outreach.history import CENTRAL
from deploy.local.outreach.settling import PARTNER, outcomes

PAGE = 1_000
DONE = "done"


@dataclass(frozen=True)
class Taken:
    """What the bank's own books hold as taken. Whole rupiah; `day`: of the bad day alone; `untold`: what it never called us for."""

    count: int
    rupiah: int
    day_count: int
    day_rupiah: int
    untold_count: int
    astray_rupiah: int
    """Of the untold: what cannot pay a bill, because its amount is wrong or the customer had paid already."""
    unsettled: int
    """Payments in hand or in doubt: none at the end."""

    @classmethod
    def of(cls, payments: Sequence[dict[str, Any]], day: str, price: int) -> Taken:
        done = [row for row in payments if row["state"] == DONE]
        today = [row for row in done if row["trx_date_time"].startswith(day)]
        untold = [row for row in today if not row["told"]]
        told = Counter(row["customer_no"] for row in today if row["told"])
        astray = [row for row in untold if row["amount"] != price or told[row["customer_no"]]]
        return cls(
            len(done),
            _sum(done),
            len(today),
            _sum(today),
            len(untold),
            _sum(astray),
            sum(row["state"] in ("pending", "unknown") for row in payments),
        )


def _sum(rows: Sequence[dict[str, Any]]) -> int:
    return sum(row["amount"] for row in rows)


async def of_the_bank(doors: Doors) -> list[dict[str, Any]]:
    """Every payment of the bank's books."""
    found: list[dict[str, Any]] = []
    while True:
        page = (await doors.outside("bank", "GET", f"/payments?limit={PAGE}&offset={len(found)}"))["payments"]
        found += page
        if len(page) < PAGE:
            return found


async def of_ours(doors: Doors) -> dict[str, Any]:
    """Our trial balance: what we hold, and what of the bank's money stands where."""
    found = await doors.get("payments", "/ledger/trial-balance", CENTRAL)
    net = {account["account"]: account["balance"] for account in found["accounts"]}
    return {
        "imbalance": found["imbalance"],
        "contributions": found["contributions"],
        "suspense": found["suspense"],
        "clearing": net.get(f"clearing:{PARTNER}", 0),
        "bank": net.get(f"bank:{PARTNER}", 0),
        "fees": net.get(f"fees:{PARTNER}", 0),
    }


def differences(
    taken: Taken,
    ledger: dict[str, Any],
    false: dict[str, Any],
    first: dict[str, Any],
    last: dict[str, Any],
    day: dict[str, Any],
) -> Iterator[str]:
    """One line for each thing that does not add up. `false`: what the bank did to its first file; `first`, `last`: the files as reconciled."""
    wanted_first = {
        "matched": taken.day_count
        - taken.untold_count
        - sum(len(false[how]) for how in ("omitted", "changed", "spoilt")),
        "missing_here": taken.untold_count,
        "missing_at_bank": len(false["omitted"]) + len(false["spoilt"]),
        "amount_differs": len(false["changed"]),
        "duplicate": len(false["doubled"]),
        "unreadable": len(false["spoilt"]),
    }
    wanted = {
        "payments in hand or in doubt at the bank": (0, taken.unsettled),
        "imbalance of our ledger": (0, ledger["imbalance"]),
        "rupiah that we hold": (taken.rupiah, ledger["contributions"] + ledger["suspense"]),
        "rupiah in suspense": (taken.astray_rupiah, ledger["suspense"]),
        "rupiah that the bank owes or paid": (taken.rupiah, sum(ledger[name] for name in ("clearing", "bank", "fees"))),
        "rupiah in our account": (taken.day_rupiah, ledger["bank"] + ledger["fees"]),
        "lines of the first file": ({k: v for k, v in wanted_first.items() if v}, outcomes(first)),
        "lines of the corrected file": ({"matched": taken.day_count}, outcomes(last)),
        "rupiah of the corrected file": (taken.day_rupiah, last["amount"]),
        "state of the day": ("SETTLED", day["status"]),
        "open cases": (0, day["open_cases"]),
    }
    for what, (expected, found) in wanted.items():
        if expected != found:
            yield f"{what}: expected {expected}, found {found}"
