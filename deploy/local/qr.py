"""`perisai payments qr`: a QR code for somebody's bill in the stack that runs here, and a wallet that pays it at the acquirer; to be looked at.

Everything goes through the services' own doors, as the participant who wants to pay.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from typing import Annotated, Any

import httpx
import typer

from deploy.local import places
from deploy.local.outreach import qr
from deploy.local.outreach.doors import Doors, Person, until
from deploy.local.outreach.history import enable_acquirer
from deploy.local.sandbox import Running, somebody
from deploy.local.trouble import Trouble


def show(
    participant_id: Annotated[str, typer.Argument(help="whose bill; without one a new invented person's")] = "",
    pay: Annotated[bool, typer.Option("--pay", help="a wallet scans the code and pays")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """The QR code of a bill in the local stack that runs here; --pay has it paid at the acquirer."""
    try:
        found = asyncio.run(_shown(Running(places.home()), participant_id, pay))
    except Trouble as trouble:
        sys.exit(trouble.told())
    print(json.dumps(found) if as_json else _words(found))


async def _shown(stack: Running, participant_id: str, pay: bool) -> dict[str, Any]:
    """The code and its bill. Raises Trouble."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        doors = Doors(stack, client)
        await enable_acquirer(stack, doors)
        wanted = participant_id or await somebody(doors, f"{secrets.randbelow(10**4):04d}")
        payer = Person(f"payer-{wanted}", "participant", {"participant_id": wanted})
        bill = await _open_bill(doors, payer, wanted, issue=bool(participant_id))
        code = await qr.code_of(doors, payer, bill["bill_id"])
        if pay and code["state"] == "LIVE":
            await doors.outside("acquirer", "POST", "/pay", {"content": code["content"]})
            code = await doors.get("payments", f"/bills/{bill['bill_id']}/qr", payer)
    names = ("bill_id", "state", "amount", "content", "acquirer_reference", "expires_at", "reason")
    acquirer = stack.url("acquirer")
    return {"participant_id": wanted, **{name: code[name] for name in names}, "acquirer": acquirer}


async def _open_bill(doors: Doors, payer: Person, participant_id: str, *, issue: bool) -> dict[str, Any]:
    """The bill that is open; with `issue` the next one when there is none, else the first that comes."""
    found: list[dict[str, Any]] = []

    async def billed() -> bool:
        bills = await doors.find("payments", "/bills", payer, participant_id=participant_id) or []
        found[:] = [one for one in bills if one["status"] == "OPEN"]
        return bool(found)

    if issue and not await billed():
        body = {"participant_id": participant_id, "months": 1}
        key = f"qr:{secrets.token_hex(8)}"
        issued: dict[str, Any] = await doors.post("payments", "/bills", payer, body, key=key)
        return issued
    await until("the bill", billed)
    return found[0]


def _words(found: dict[str, Any]) -> str:
    lines = [
        f"bill {found['bill_id']} of participant {found['participant_id']}: Rp{found['amount']:,}, code {found['state']}",
        f"what the code says: {found['content']}",
    ]
    if found["state"] == "LIVE":
        again = f".venv/bin/perisai payments qr {found['participant_id']} --pay"
        lines.append(f"a wallet pays it with `{again}`, or with any client: POST {found['acquirer']}/pay {{content}}")
    return "\n".join(lines)
