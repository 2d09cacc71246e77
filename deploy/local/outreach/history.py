"""What must have happened before the day: a branch, a Wadah with its agreement and account, those of bank and acquirer, five certified agents.

The agents are participants for months: they register and pay a year in advance in May, long before the day in October.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from chassis.clock import SystemClock
from deploy.local import programs
from deploy.local.outreach.calls import agree_calls
from deploy.local.outreach.doors import Doors, Person, Place, until
from deploy.local.stack import LocalStack

WIB = ZoneInfo("Asia/Jakarta")
BEGINS = datetime(2025, 5, 5, 9, tzinfo=WIB)
"""Business time of a new folder: the history lies before the day."""
THE_DAY = datetime(2025, 10, 6, 9, tzinfo=WIB)
"""A Monday morning before any discount of the contributions: the day of the official simulation (domain case C1)."""
AGENTS = json.loads((Path(__file__).parent / "agents.json").read_text(encoding="utf-8"))
NEXT_MORNING = datetime(2025, 10, 7, 9, tzinfo=WIB)
"""The bank's file of the day has come."""
STATEMENTS_DAY = datetime(2025, 11, 3, 9, tzinfo=WIB)
"""The month is closed, and its incentive statements are issued (domain.md section 7, run days)."""
PREPAID_MONTHS = 12

CENTRAL = Person("central-1", "central")
OPERATOR = Person("operator-1", "operator")


@dataclass(frozen=True)
class Cast:
    """Who plays: the branch's officer and head, the Wadah's coordinator, its active agents."""

    officer: Person
    head: Person
    coordinator: Person
    agents: tuple[Person, ...]


async def happen(stack: LocalStack, doors: Doors, tell: Callable[[str], None]) -> Cast:
    """Brings the history about, or finds that it is there already: every command has a fixed Idempotency-Key."""
    branch = await doors.post(
        "registration",
        "/branches",
        CENTRAL,
        {"code": "TGR-CMN", "name": "Tangerang Cimone", "city": "Kota Tangerang", "time_zone": "Asia/Jakarta"},
        key="branch",
    )
    scope = {"branch_id": branch["branch_id"]}
    officer, head = Person("officer-1", "officer", scope), Person("head-1", "checker", scope)
    wadah = await doors.post(
        "registration",
        "/wadah",
        officer,
        {
            "name": "DPC SPN Kota Tangerang",
            "agreement_number": "PKS/001/2025",
            "scheme": "NEW",
            "term_from": "2025-05-01",
            "term_to": "2026-04-30",
        },
        key="wadah",
    )
    coordinator = Person("coordinator-1", "coordinator", {**scope, "wadah_id": wadah["wadah_id"]})
    await _verified_account(doors, wadah["wadah_id"], officer, head)
    await _enable_bank(stack, doors)
    await enable_acquirer(stack, doors)
    tell("history: a branch, a Wadah, a bank; five agents register, pay and are activated")
    agents = await asyncio.gather(
        *(hire(doors, number, form, officer, head, coordinator) for number, form in enumerate(AGENTS, 1))
    )
    return Cast(officer, head, coordinator, tuple(agents))


async def _verified_account(doors: Doors, wadah: str, officer: Person, head: Person) -> None:
    """Where the Wadah's incentives go: recorded by the officer, verified by the head of the branch."""
    wanted = {
        "kind": "WADAH",
        "owner_id": wadah,
        "bank_code": "014",
        "number": "0140017700",
        "holder": "DPC SPN Kota Tangerang",
    }
    made: list[Any] = []

    async def recorded() -> bool:
        answer = await doors.post_if_known("payments", "/payee-accounts", officer, wanted, key="wadah-account")
        made.extend([answer] if answer else [])
        return bool(made)

    await until("the Wadah in payments", recorded)
    path = f"/payee-accounts/{made[0]['payee_account_id']}/verification"
    await doors.post("payments", path, head, {"evidence": "Buku rekening 1"}, key="wadah-account-verified")


async def _enable_bank(stack: LocalStack, doors: Doors) -> None:
    """Writes the agreement with the bank into payments: what it may call, with which key and secret."""
    await doors.post(
        "payments",
        "/partners",
        CENTRAL,
        {
            "partner": "demo-bank",
            "name": "Bank Contoh",
            "client_key": programs.BANK_CLIENT_KEY,
            "client_secret": stack.secrets.token("bank-client-secret"),
            "partner_ids": [programs.BANK_PARTNER_ID],
            "va_prefixes": [programs.BANK_VA_PREFIX],
            "public_keys": [await doors.text("bank", "/public-key")],
        },
        key="bank",
    )


async def enable_acquirer(stack: Place, doors: Doors) -> None:
    """The same with the QRIS acquirer: with what its notices are signed, and with what our calls to it are. It has no numbers of its own
    that anybody pays to.
    """
    name = programs.ACQUIRER_PARTNER
    await doors.post(
        "payments",
        "/partners",
        CENTRAL,
        {
            "partner": name,
            "name": "Akuirer Contoh",
            "client_key": programs.ACQUIRER_CLIENT_KEY,
            "client_secret": stack.secrets.token("acquirer-client-secret"),
            "partner_ids": [programs.ACQUIRER_PARTNER_ID],
            "va_prefixes": [programs.ACQUIRER_PARTNER_ID],
            "public_keys": [await doors.text("acquirer", "/public-key")],
        },
        key="acquirer",
    )
    terms = {
        "url": f"{stack.url('acquirer')}/snap/v1.0",
        "client_key": programs.MERCHANT_CLIENT_KEY,
        "partner_id": programs.MERCHANT_ID,
        "merchant_id": programs.MERCHANT_ID,
    }
    secret, key = stack.secrets.token("merchant-client-secret"), stack.secrets.rsa("merchant-key")
    await agree_calls(doors, name, terms, secret, key)


async def hire(
    doors: Doors, number: int, form: dict[str, Any], officer: Person, head: Person, coordinator: Person
) -> Person:
    """Registered by the branch, paid a year, proposed by the Wadah, certified and activated by the branch."""
    registered = await doors.post("registration", "/participants", officer, form, key=f"agent-{number}")
    participant, code = registered["participant_id"], registered["contribution_code"]
    await _pay_ahead(doors, officer, participant, code, number)
    proposal = {"participant_id": participant, "name": form["name"], "phone": form["phone"]}
    proposed = await doors.post("registration", "/agents", coordinator, proposal, key=f"propose-{number}")
    agent = proposed["agent_id"]
    certified = {"certificate_number": f"SERT-{number:03d}", "certified_on": "2025-05-05"}
    path = f"/agents/{agent}"
    await doors.post("registration", f"{path}/certification", officer, certified, key=f"certify-{number}")
    await doors.post("registration", f"{path}/activation", head, key=f"activate-{number}")
    return Person(f"agent-{number}", "agent", {**coordinator.scope, "agent_id": agent})


async def _pay_ahead(doors: Doors, officer: Person, participant: str, code: str, number: int) -> None:
    async def standing() -> str:
        found = await doors.get("registration", f"/participants/{participant}", officer)
        return str(found["status"])

    async def billed() -> bool:
        return bool(await doors.find("payments", "/bills", officer, participant_id=participant))

    async def protected() -> bool:
        return await standing() == "protected"

    if await protected():
        return
    await until(f"the first bill of agent {number}", billed)
    wanted = {"participant_id": participant, "months": PREPAID_MONTHS}
    await doors.post("payments", "/bills", officer, wanted, key=f"prepay-{number}")
    await doors.outside("bank", "POST", "/pay", {"customer_no": code})
    await until(f"protection of agent {number}", protected)


async def reach_the_day(doors: Doors) -> None:
    """As `reach`, the day of the outreach session."""
    await reach(doors, THE_DAY)


async def reach(doors: Doors, at: datetime) -> None:
    """Moves business time of the services forward to this moment, and tells bank and acquirer the date that payments lives in; never back."""
    pair = {"at": at.isoformat(), "as_of": SystemClock().wall().isoformat()}
    for service in doors.services:
        found = await doors.get(service, "/ops/status", OPERATOR)
        if datetime.fromisoformat(found["business_time"]) < at:
            await doors.post(service, "/ops/clock", OPERATOR, pair)
    now = (await doors.get("payments", "/ops/status", OPERATOR))["business_time"]
    for party in ("bank", "acquirer"):
        await doors.outside(party, "POST", "/clock", {"now": now})
