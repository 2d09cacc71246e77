"""A partner's day as the central office settles it: the layout agreed, the file, its outcome, differences that a person closes, the money."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from deploy.local import programs
from deploy.local.outreach.doors import Doors, until
from deploy.local.outreach.history import CENTRAL

PARTNER = "demo-bank"
LAYOUT = {
    "partner_code": programs.BANK_PARTNER_ID,
    "header": ["mark", "partner", "day"],
    "header_mark": "H",
    "columns": [
        "mark",
        "partner",
        "day",
        "virtual_account",
        "reference",
        "reference_no",
        "amount",
        "fee",
        "paid_at",
    ],
    "line_mark": "D",
    "trailer": ["mark", "count", "amount", "fee"],
    "trailer_mark": "T",
}
"""As the bank publishes it (deploy/local/bank/README.md)."""
WITHIN_S = 600.0
PAGE = 1_000


async def agree_on_layout(doors: Doors, valid_from: date) -> None:
    """How the bank's files are read."""
    wanted = {"partner": PARTNER, "valid_from": valid_from.isoformat(), "layout": LAYOUT}
    await doors.post("payments", "/settlements/layouts", CENTRAL, wanted, key=f"layout:{valid_from}")


async def upload(doors: Doors, day: date, content: str) -> str:
    """Gives the id of the file; the same content again is the same file."""
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    taken = await doors.post(
        "payments",
        f"/settlements/days/{PARTNER}/{day}/files",
        CENTRAL,
        key=f"file:{sha256}",
        content=content.encode(),
        headers={"Content-Type": "text/csv"},
    )
    return str(taken["file_id"])


async def reconcile(doors: Doors, day: date, content: str) -> dict[str, Any]:
    """Uploads a file of that day and waits until every line has its outcome; the file as it is shown then."""
    file_id = await upload(doors, day, content)
    found: dict[str, Any] = {}

    async def reconciled() -> bool:
        found.update(await doors.get("payments", f"/settlements/files/{file_id}", CENTRAL))
        return bool(found["status"] == "RECONCILED")

    await until(f"the bank's file of {day}", reconciled, within_s=WITHIN_S)
    return found


def outcomes(file: dict[str, Any]) -> dict[str, int]:
    """Lines by outcome."""
    return {total["outcome"]: total["lines"] for total in file["outcomes"]}


async def open_cases(doors: Doors) -> list[dict[str, Any]]:
    """All differences that wait for somebody, the oldest first."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = await doors.get("payments", "/settlements/cases", CENTRAL, partner=PARTNER, limit=PAGE, **after)
        found += page["items"]
        if page["after"] is None:
            return found
        after = {"after": page["after"]}


async def close_case(doors: Doors, case: dict[str, Any], outcome: str, evidence: str) -> None:
    """A clerk takes the case and ends it by what the bank answered."""
    path, key = f"/settlements/cases/{case['case_id']}", str(case["case_id"])
    await doors.post("payments", f"{path}/take", CENTRAL, key=f"take:{key}")
    ends = {"outcome": outcome, "evidence": evidence}
    await doors.post("payments", f"{path}/close", CENTRAL, ends, key=f"close:{key}")


async def credit(doors: Doors, day: date, amount: int, evidence: str) -> dict[str, Any]:
    """The bank's money for the day stands on our account; gives the day as it stands then."""
    if amount:
        came = {"amount": amount, "evidence": evidence}
        path = f"/settlements/days/{PARTNER}/{day}/credits"
        await doors.post("payments", path, CENTRAL, came, key=f"credit:{day}:{evidence}")
    found: dict[str, Any] = await doors.get("payments", f"/settlements/days/{PARTNER}/{day}", CENTRAL)
    return found
