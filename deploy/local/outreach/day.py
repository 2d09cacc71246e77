"""The outreach day: a joint session, fifty people from a file, a payment code each, the bank, protection, messages.

A second file holds one row of every kind of mistake; each is refused with its code and nobody is registered by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.outreach import qr
from deploy.local.outreach.doors import Doors, until
from deploy.local.outreach.history import THE_DAY, Cast

HERE = Path(__file__).parent
WORKERS, MISTAKES = HERE / "workers.csv", HERE / "mistakes.csv"
AT_ONCE = 8
PRICE = 36_800
"""Three programmes in the lowest income band (domain.md section 5)."""


@dataclass(frozen=True)
class Played:
    """What later questions need: the two imports, and who was registered with which code."""

    imported: dict[str, Any]
    refused: dict[str, Any]
    participants: list[str]
    codes: list[str]


async def happen(doors: Doors, cast: Cast, tell: Callable[[str], None]) -> Played:
    """Plays the day; played again on the same data it finds everything done."""
    agent = cast.agents[0]
    session = await _session(doors, cast)
    tell("the day: a joint session; one agent uploads fifty people, then a file full of mistakes")
    imported = await _upload(doors, cast, WORKERS)
    refused = await _upload(doors, cast, MISTAKES)
    results = await doors.get("registration", f"/imports/{imported['import_id']}/results", agent)
    accepted = [row for row in results["items"] if row["outcome"] == "accepted"]
    played = Played(
        imported, refused, [row["participant_id"] for row in accepted], [row["contribution_code"] for row in accepted]
    )
    held = {"head_count": 84, "questions": "Bagaimana klaim JKK bila kecelakaan terjadi di luar kota?"}
    await doors.post("registration", f"/outreach/{session}/held", cast.officer, held, key="held")
    await until("a bill for everybody", lambda: _all_billed(doors, cast, played))
    tell("the bank: everybody pays with the code, but one is mistyped at a counter; one more scans a QR code")
    await _pay(doors, cast, played)
    await _pay_by_qr(doors, cast, played)
    await _pay_astray(doors, played)
    await until("protection for all but one", lambda: _protected(doors, cast, len(played.codes) - 1))
    return played


async def be_told(doors: Doors, cast: Cast, played: Played, tell: Callable[[str], None]) -> None:
    """Waits until everybody is protected and has had every message."""
    await until("protection for everybody", lambda: _protected(doors, cast, len(played.codes)))
    tell("waiting for the last message and the last event")
    await until("every message delivered", lambda: _all_told(doors, cast, played))


async def _session(doors: Doors, cast: Cast) -> str:
    agent = cast.agents[0]
    planned = await doors.post(
        "registration",
        "/outreach",
        agent,
        {
            "wadah_id": agent.scope["wadah_id"],
            "kind": "JOINT",
            "place": "Balai warga Cibodas, Kota Tangerang",
            "starts_at": THE_DAY.isoformat(),
            "ends_at": THE_DAY.replace(hour=12).isoformat(),
            "audience": ["MEMBERS", "FAMILIES", "PUBLIC"],
            "agents": [one.scope["agent_id"] for one in cast.agents],
            "officers": [cast.officer.subject],
        },
        key="session",
    )
    session = str(planned["outreach_id"])
    await doors.post("registration", f"/outreach/{session}/join", cast.officer, {"officers": ["officer-1"]}, key="join")
    return session


async def _upload(doors: Doors, cast: Cast, file: Path) -> dict[str, Any]:
    agent = cast.agents[0]
    started = await doors.post(
        "registration",
        "/imports",
        agent,
        key=file.name,
        content=file.read_bytes(),
        headers={"Content-Type": "text/csv"},
    )
    found: dict[str, Any] = {}

    async def worked() -> bool:
        found.update(await doors.get("registration", f"/imports/{started['import_id']}", agent))
        return bool(found["status"] == "DONE")

    await until(f"the import of {file.name}", worked)
    return found


async def _all_billed(doors: Doors, cast: Cast, played: Played) -> bool:
    totals = await doors.get("payments", "/contributions/totals", cast.agents[0])
    return bool(totals["billed"] >= len(played.codes))


async def _pay(doors: Doors, cast: Cast, played: Played) -> None:
    unpaid = await doors.get("registration", "/participants", cast.agents[0], status="unpaid", limit=200)
    right = {*played.codes[:-2]}
    codes = [row["contribution_code"] for row in unpaid["items"] if row["contribution_code"] in right]
    if codes:
        await doors.outside("bank", "POST", "/pay-many", {"customer_nos": codes, "concurrency": AT_ONCE, "wait": True})


async def _pay_by_qr(doors: Doors, cast: Cast, played: Played) -> None:
    """The last but one pays with a wallet: we have a code made of the bill, and the acquirer tells us of the money."""
    agent, participant = cast.agents[0], played.participants[-2]
    if await doors.get("payments", "/payments", agent, participant_id=participant):
        return
    (bill,) = await doors.get("payments", "/bills", agent, participant_id=participant)
    code = await qr.code_of(doors, agent, bill["bill_id"])
    await doors.outside("acquirer", "POST", "/pay", {"content": code["content"]})


async def _pay_astray(doors: Doors, played: Played) -> None:
    """The last one's money is taken under a number that nobody has: the check digit is wrong. We hear of it by the bank's file alone."""
    wrong = mistyped(played.codes[-1])
    if not (await doors.outside("bank", "GET", f"/payments?customer_no={wrong}"))["payments"]:
        order = {"customer_no": wrong, "amount": PRICE, "behaviour": {"never_call": True}}
        await doors.outside("bank", "POST", "/pay", order)


def mistyped(code: str) -> str:
    """The code with another last digit."""
    return code[:-1] + str((int(code[-1]) + 1) % 10)


async def _protected(doors: Doors, cast: Cast, least: int) -> bool:
    """So many are or were: in a later month, played again, they may be in grace."""
    counts = await doors.get("registration", "/participants/counts", cast.agents[0])
    return bool(sum(counts[name] for name in ("protected", "grace", "lapsed")) >= least)


async def _all_told(doors: Doors, cast: Cast, played: Played) -> bool:
    counts = await doors.post(
        "notifications", "/notifications/counts", cast.officer, {"participant_ids": played.participants}
    )
    return bool(
        counts["queued"] >= 2 * len(played.codes) and counts["queued"] == counts["delivered"] + counts["failed"]
    )
