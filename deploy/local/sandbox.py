"""`perisai payments sandbox`: test partners, keys and invented people to pay for, in the stack that runs here; for a bank's integration team.

Everything goes through the services' own doors. Keys and secrets are drawn anew, lie in one file that only its owner can read, and are worth
nothing elsewhere. A stack of production is refused: its issuer hands out no tokens to this command, and its settings say what it is.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import typer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chassis.clock import SystemClock
from chassis.ids import new_id
from deploy.local import places
from deploy.local.outreach.calls import agree_calls
from deploy.local.outreach.doors import Doors, Person, until
from deploy.local.secret import Secrets, write_private
from deploy.local.stack import SERVICES
from deploy.local.state import StateFile
from deploy.local.trouble import Trouble

WIB = ZoneInfo("Asia/Jakarta")
OWING, COLLECTIVE, SINGLE, DEPOSITS, CODES = 20, 3, 3, 3, 3
"""Numbers that a conformance run uses up, and some to play with; people of a collective bill; people whose bill gets a number of its own;
agents with a code for deposits; people whose bill has a QR code.
"""
NOBODY = "http://127.0.0.1:9/snap/v1.0"
"""Where the sandbox's acquirer is called, and nobody answers: its codes stay asked for, and can be told of all the same."""
STRICT = {
    "numeric_external_ids": True,
    "token_not_found": True,
    "channel_ids": ["95221"],
    "mandatory_fields": ["inquiry.channelCode"],
}
SIDES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "key": {"signature_mode": "ASYMMETRIC"},
    "bca": {"repeat_profile": "BCA"},
    "shut": {},
    "limited": {},
    "strict": {"strictness": STRICT},
    "shop": {},
    "acquirer": {},
    "acquirer-key": {"signature_mode": "ASYMMETRIC"},
}
"""Partner → what is special about its terms; `shut`, `limited` and `shop` have conditions of their own."""
CENTRAL = Person("sandbox-central", "central")


class Running:
    """The stack that is up in this checkout, by its state file."""

    def __init__(self, folder: Path) -> None:
        """Raises Trouble when nothing runs, or when it is production."""
        state = StateFile(folder).read()
        if not state.running:
            raise Trouble("Perisai is not running here; start it with `make run`.")
        own = folder / "environments" / "payments.json"
        if own.exists() and json.loads(own.read_text()).get("PERISAI_ENVIRONMENT") == "production":
            raise Trouble("This is production: a sandbox is made in a local stack only.")
        self._facts = state.facts
        self.secrets = Secrets(folder / "secrets")
        self.services = tuple(name for name in SERVICES if name in state.facts)

    def url(self, name: str) -> str:
        return str(self._facts[name])


def make(
    numbers: Annotated[int, typer.Option(help="how many invented people to register")] = OWING,
    out: Annotated[Path | None, typer.Option(help="where to write the credentials")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Test partners, keys and numbers for a bank's team, in the local stack that runs here."""
    file = out or places.home() / "sandbox" / "credentials.json"
    try:
        found = asyncio.run(_made(Running(places.home()), numbers))
    except Trouble as trouble:
        sys.exit(str(trouble))
    write_private(file, json.dumps(found, indent=1))
    told = {
        "credentials": str(file),
        "base_url": found["base_url"],
        "partners": list(found["sides"]),
        "numbers": numbers,
    }
    print(json.dumps(told) if as_json else _words(told))


def _words(told: Mapping[str, Any]) -> str:
    return (
        f"{told['numbers']} invented people can be paid for at {told['base_url']}/snap; partners: {', '.join(told['partners'])}\n"
        f"keys, secrets and numbers are in {told['credentials']}\n"
        f"try: perisai payments conformance --credentials {told['credentials']}"
    )


async def _made(stack: Running, numbers: int) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        doors = Doors(stack, client)
        mark, now = f"{secrets.randbelow(10**4):04d}", await _business_now(doors)
        sides = {name: await _partner(doors, mark, place, name) for place, name in enumerate(SIDES)}
        await _agree(doors, mark, "shut", now, _closed_now(now))
        await _agree(doors, mark, "shop", now, {"retail": True})
        await _agree(doors, mark, "limited", now, {"most_payments_a_day": 0, "most_per_deposit": 100_000})
        calls = {"url": NOBODY, "client_key": "sandbox", "partner_id": "SANDBOX", "merchant_id": "SANDBOX", "rank": 99}
        await agree_calls(doors, f"sandbox-{mark}-acquirer", calls, secrets.token_urlsafe(36), None)
        found, codes = await _numbers(doors, mark, numbers)
    return {
        "base_url": stack.url("payments"),
        "business_offset_s": round((now - SystemClock().wall()).total_seconds()),
        "sides": sides,
        "numbers": found,
        "codes": codes,
    }


async def _business_now(doors: Doors) -> datetime:
    told = await doors.get("payments", "/ops/status", Person("sandbox-operator", "operator"))
    return datetime.fromisoformat(told["business_time"])


async def _partner(doors: Doors, mark: str, place: int, name: str) -> dict[str, Any]:
    """Enables one partner and gives its side."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    side = {
        "partner_id": f"9{mark}{place}",
        "client_key": f"sandbox-{mark}-{name}",
        "client_secret": secrets.token_urlsafe(36),
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "prefix": f"9{mark}{place}",
        "asymmetric": SIDES[name].get("signature_mode") == "ASYMMETRIC",
    }
    wanted = {
        "partner": f"sandbox-{mark}-{name}",
        "name": f"Sandbox {mark} ({name})",
        "client_key": side["client_key"],
        "client_secret": side["client_secret"],
        "partner_ids": [side["partner_id"]],
        "va_prefixes": [side["prefix"]],
        "public_keys": [key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()],
        **SIDES[name],
    }
    await doors.post("payments", "/partners", CENTRAL, wanted, key=f"sandbox-{mark}-{name}")
    return side


async def _agree(doors: Doors, mark: str, name: str, now: datetime, conditions: Mapping[str, Any]) -> None:
    body = {"valid_from": str(now.astimezone(WIB).date()), "conditions": conditions}
    path = f"/partners/sandbox-{mark}-{name}/conditions"
    await doors.post("payments", path, CENTRAL, body, key=f"sandbox-{mark}-{name}-conditions")


def _closed_now(now: datetime) -> dict[str, str]:
    """Hours that begin half a day from now and end an hour later."""
    opens = now.astimezone(WIB) + timedelta(hours=11)
    return {"opens": f"{opens:%H}:00", "closes": f"{opens + timedelta(hours=1):%H}:00"}


async def somebody(doors: Doors, mark: str) -> str:
    """The participant id of a new invented person, registered at a branch of his own; payments bills him soon."""
    branch = await _branch(doors, mark)
    officer = Person(f"sandbox-{mark}", "officer", {"branch_id": branch})
    made = await doors.post("registration", "/participants", officer, _form(mark, 1), key=f"sandbox-{mark}-1")
    return str(made["participant_id"])


async def _branch(doors: Doors, mark: str) -> str:
    opened = {"code": f"SBX-{mark}", "name": f"Sandbox {mark}", "city": "Tangerang"}
    made = await doors.post("registration", "/branches", CENTRAL, opened, key=f"sandbox-{mark}-branch")
    return str(made["branch_id"])


async def _numbers(doors: Doors, mark: str, numbers: int) -> tuple[dict[str, Sequence[str]], list[dict[str, str]]]:
    """Contribution codes of invented people whose first bill is issued; a collective bill over three more; bills with a number of their own,
    the last of them cancelled; deposits of some agents. And QR codes of bills.
    """
    branch = await _branch(doors, mark)
    officer = Person(f"sandbox-{mark}", "officer", {"branch_id": branch})
    people = [
        await doors.post("registration", "/participants", officer, _form(mark, number), key=f"sandbox-{mark}-{number}")
        for number in range(1, numbers + COLLECTIVE + SINGLE + CODES + 1)
    ]

    async def billed() -> bool:
        bills = (doors.find("payments", "/bills", officer, participant_id=one["participant_id"]) for one in people)
        return all(await asyncio.gather(*bills))

    await until("all of them to be billed", billed)  # the last one's bill says nothing: each key has its own order
    codes = [str(one["contribution_code"]) for one in people]
    together = {"participants": codes[numbers : numbers + COLLECTIVE], "funding_source": "DONOR"}
    whole = await doors.post("payments", "/collective-bills", officer, together, key=f"sandbox-{mark}-collective")
    single = people[numbers + COLLECTIVE : numbers + COLLECTIVE + SINGLE]
    own = [await _own_number(doors, officer, one["participant_id"]) for one in single]
    await doors.post("payments", f"/bills/{own[-1]['bill_id']}/cancel", officer, key=f"sandbox-{mark}-withdrawn")
    agents = [_agent(mark, branch, which) for which in range(1, DEPOSITS + 1)]
    balances = [await doors.post("payments", "/agent-balances", one, key=f"sandbox-{mark}-balance") for one in agents]
    made = [await _qr_code(doors, mark, officer, one) for one in people[-CODES:]]
    return {
        "owing": codes[:numbers],
        "collective": [str(whole["code"])],
        "single": [str(one["number"]) for one in own[:-1]],
        "standing": [str(one["contribution_code"]) for one in own[:-1]],
        "withdrawn": [str(own[-1]["number"])],
        "deposit": [str(balance["code"]) for balance in balances],
    }, made


async def _own_number(doors: Doors, officer: Person, participant_id: str) -> dict[str, Any]:
    """The open bill of this person, with a number drawn for it."""
    bill_id = (await _bill(doors, officer, participant_id))["bill_id"]
    found: dict[str, Any] = await doors.post("payments", f"/bills/{bill_id}/va", officer, key=f"sandbox-{bill_id}")
    return found


async def _qr_code(doors: Doors, mark: str, officer: Person, person: Mapping[str, Any]) -> dict[str, str]:
    """The code of this person's open bill, as the sandbox's acquirer knows it."""
    bill = await _bill(doors, officer, person["participant_id"])
    path = f"/bills/{bill['bill_id']}/qr?acquirer=sandbox-{mark}-acquirer"
    await doors.post("payments", path, officer, key=f"sandbox-{bill['bill_id']}-qr")
    return {
        "reference": UUID(bill["bill_id"]).hex,
        "amount": f"{bill['amount']}.00",
        "customer_no": str(person["contribution_code"]),
    }


async def _bill(doors: Doors, officer: Person, participant_id: str) -> dict[str, Any]:
    """The open bill of this person."""
    bills: list[dict[str, Any]] = []

    async def billed() -> bool:
        bills[:] = await doors.find("payments", "/bills", officer, participant_id=participant_id) or []
        return bool(bills)

    await until("one of them to be billed", billed)
    return bills[0]


def _agent(mark: str, branch_id: str, which: int) -> Person:
    """An invented agent of nobody's."""
    scope = {"branch_id": branch_id, "wadah_id": str(new_id()), "agent_id": str(new_id())}
    return Person(f"sandbox-{mark}-agent-{which}", "agent", scope)


def _form(mark: str, number: int) -> dict[str, Any]:
    """An invented person; the number of the sandbox stands in the NIK, so that none is drawn twice."""
    return {
        "nik": f"3671{int(mark) % 90 + 1:02d}{number % 28 + 1:02d}{int(mark) // 90 % 12 + 1:02d}85{(int(mark) * 31 + number) % 9_999 + 1:04d}",
        "name": f"Contoh Sandbox {number}",
        "birth_place": "Tangerang",
        "birth_date": f"1985-{int(mark) // 90 % 12 + 1:02d}-{number % 28 + 1:02d}",
        "sex": "M",
        "phone": f"0812{int(mark):04d}{number:04d}",
        "address": "Jalan Contoh 1, Kota Tangerang",
        "occupation": "Pedagang",
        "sector": "OTHER",
        "work_place": "Kota Tangerang",
        "income": 1_000_000,
        "programmes": ["JKK", "JKM", "JHT"],
        "consent": {"given": True, "text_version": "2025-01"},
    }
