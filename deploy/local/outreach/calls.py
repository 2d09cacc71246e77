"""How the service calls an acquirer, told to it as the central office does: terms, then a key and a secret that sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.local.outreach.doors import Doors, Person

CENTRAL = Person("central-1", "central")


async def agree_calls(doors: Doors, partner: str, terms: Mapping[str, Any], secret: str, key: str | None) -> None:
    """Told again, it changes nothing but the terms. `key`: our private key in PEM; None: the service draws one."""
    path = f"/partners/{partner}/acquirer"
    # another address is another command: the ports of a stack may change between its runs
    await doors.post("payments", path, CENTRAL, dict(terms), key=f"calls-{partner}-{terms['url']}")
    wanted = {"keys": {} if key is None else {"private_key": key}, "secrets": {"client_secret": secret}}
    for kind, body in wanted.items():
        made = await doors.post("payments", f"{path}/{kind}", CENTRAL, body, key=f"calls-{partner}-{kind}")
        active = f"{path}/credentials/{made['credential_id']}/activate"
        await doors.post("payments", active, CENTRAL, {}, key=f"calls-{partner}-{kind}-active")
