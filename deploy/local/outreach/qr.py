"""A bill's QR code, as who may ask for one gets it."""

from __future__ import annotations

from typing import Any

from deploy.local.outreach.doors import Doors, Person, until


async def code_of(doors: Doors, who: Person, bill_id: str) -> dict[str, Any]:
    """The code of an open bill once the acquirer has made it. Raises Trouble when it makes none."""
    path = f"/bills/{bill_id}/qr"
    found: dict[str, Any] = await doors.post("payments", path, who, key=f"qr:{bill_id}")

    async def made() -> bool:
        found.update(await doors.get("payments", path, who))
        return bool(found["state"] != "REQUESTED")

    await until(f"the QR code of bill {bill_id}", made)
    return found
