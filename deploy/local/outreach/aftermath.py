"""What comes after the day: the bank's file next morning, money that went astray brought home by two people, and the statement of the month."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deploy.local.outreach import settling
from deploy.local.outreach.day import Played, mistyped
from deploy.local.outreach.doors import Doors, until
from deploy.local.outreach.history import NEXT_MORNING, STATEMENTS_DAY, THE_DAY, Cast, reach
from deploy.local.trouble import Trouble

MONTH = "2025-10"
STATEMENTS_WITHIN_S = 240.0
"""Six months are closed one after the other: the agents began in May."""


async def next_morning(doors: Doors, cast: Cast, played: Played, tell: Callable[[str], None]) -> dict[str, Any]:
    """The day's file is settled, and the one payment without an owner finds its bill."""
    tell("next morning: the bank's file, and one payment that belongs to nobody")
    await reach(doors, NEXT_MORNING)
    day = THE_DAY.date()
    await settling.agree_on_layout(doors, day)
    file = await settling.reconcile(doors, day, await doors.text("bank", f"/settlement/{day}"))
    astray = await _bring_home(doors, cast, played)
    owed = await settling.credit(doors, day, 0, "")
    settled = await settling.credit(doors, day, owed["expected"], f"RK/{day}/001")
    reconciled = {
        "day": str(day),
        "lines": settling.outcomes(file),
        "status": settled["status"],
        "received": settled["received"],
    }
    return {"reconciled": reconciled, "astray": astray}


async def _bring_home(doors: Doors, cast: Cast, played: Played) -> dict[str, Any]:
    """The officer finds whose money it is and proposes, the head of the branch looks and approves."""
    wrong, owner = mistyped(played.codes[-1]), played.participants[-1]
    (taken,) = (await doors.outside("bank", "GET", f"/payments?customer_no={wrong}"))["payments"]
    reference = taken["payment_request_id"]
    case = await _case(doors, cast, reference, closed=False)
    if case is not None:
        bills = await doors.get("payments", "/bills", cast.officer, participant_id=owner)
        bill = next(one["bill_id"] for one in bills if one["status"] == "OPEN")
        wanted = {"action": "MATCH", "payment_id": case["payment_id"], "reason": "mistyped_number"}
        wanted |= {"participant_id": owner, "bill_id": bill}
        made = await doors.post("payments", "/proposals", cast.officer, wanted, key="match")
        await doors.post("payments", f"/proposals/{made['proposal_id']}/approval", cast.head, key="approve")
    closed = await _case(doors, cast, reference, closed=True)
    if closed is None:
        raise Trouble(f"The payment under {wrong} is still in suspense.")
    made = await doors.get("payments", "/proposals", cast.head, status="APPROVED")
    proposal = next(one for one in made["proposals"] if one["payment_id"] == closed["payment_id"])
    return {
        "amount": closed["amount"],
        "reason": closed["reason"],
        "outcome": closed["outcome"],
        "proposed_by": proposal["made_by"],
        "approved_by": proposal["decided_by"],
    }


async def _case(doors: Doors, cast: Cast, reference: str, *, closed: bool) -> dict[str, Any] | None:
    found = await doors.get("payments", "/suspense", cast.officer, closed=closed)
    return next((case for case in found["cases"] if case["channel_reference"] == reference), None)


async def end_of_month(doors: Doors, cast: Cast, tell: Callable[[str], None]) -> dict[str, Any]:
    """The calendar reaches the third of November; what the agent and the Wadah earned in October, as payments computed it."""
    tell("a month later: October is closed, and the statements are issued")
    await reach(doors, STATEMENTS_DAY)
    agent, board = cast.agents[0], cast.coordinator
    own = f"/incentives/agents/{agent.scope['agent_id']}/statements/{MONTH}"
    whole = f"/incentives/wadah/{board.scope['wadah_id']}/statements/{MONTH}"
    found: dict[str, Any] = {}

    async def issued() -> bool:
        found["wadah"] = await doors.find("payments", whole, board)
        return found["wadah"] is not None

    await until(f"the statements of {MONTH}", issued, within_s=STATEMENTS_WITHIN_S)
    statement = await doors.get("payments", own, agent)
    return {"incentive": {"agent": statement["agent"], "wadah": found["wadah"]["share"]}}
