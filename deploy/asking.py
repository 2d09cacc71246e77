"""Questions to the services' doors from an operator's command. What cannot be answered ends the command in words, in both languages.

Addresses and token come from PERISAI_REGISTRATION, PERISAI_PAYMENTS, PERISAI_NOTIFICATIONS, PERISAI_AUDIT (base URLs) and PERISAI_TOKEN, else
from the stack that `make run` has up in this checkout.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import httpx

from deploy.local import places
from deploy.local.secret import Secrets
from deploy.local.stack import SERVICES
from deploy.local.state import StateFile


def ask(
    method: str,
    service: str,
    path: str,
    body: Any = None,
    *,
    role: str = "operator",
    scope: Mapping[str, str] | None = None,
    nothing: str = "",
    headers: Mapping[str, str] | None = None,
) -> Any:
    """The answer; empty when it is refused with the code `nothing`. `role` and `scope`: of the token that the local issuer is asked for."""
    url = address(service) + path
    try:
        answer = httpx.request(
            method,
            url,
            json=body,
            headers={"Authorization": f"Bearer {token(role, scope)}", **(headers or {})},
            timeout=15,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        sys.exit(
            f"{service} tidak menjawab / does not answer at {address(service)} ({type(error).__name__}); is it running? See `make status`."
        )
    if answer.is_error:
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        if nothing and problem.get("code") == nothing:
            return {}
        told = _both(problem) or answer.reason_phrase
        faults = "".join(f"\n  {fault['field']}: {_both(fault)}" for fault in problem.get("errors", ()))
        sys.exit(f"{service} menolak / refused: {answer.status_code} {problem.get('code', '')}: {told}{faults}")
    return answer.json()


def _both(told: Mapping[str, Any]) -> str:
    """A problem or a fault of a field in both languages."""
    words = told.get("messages", {})
    return " / ".join(words[language] for language in ("id", "en") if language in words)


def address(service: str) -> str:
    """The base URL of a service."""
    if service not in SERVICES:
        sys.exit(f"there is no service {service}; there are {', '.join(SERVICES)}")
    if given := os.environ.get(f"PERISAI_{service.upper()}"):
        return given.rstrip("/")
    state = StateFile(places.home()).read()
    if not state.running:
        sys.exit(
            "Perisai is not running here; start it with `make run`, or set PERISAI_REGISTRATION and so on to its addresses."
        )
    return str(state.facts[service])


def token(role: str = "operator", scope: Mapping[str, str] | None = None) -> str:
    """That of PERISAI_TOKEN, else one of the local issuer with this role and scope."""
    if given := os.environ.get("PERISAI_TOKEN"):
        return given
    issuer = StateFile(places.home()).read().facts["issuer"]
    try:
        answer = httpx.post(
            f"{issuer}/admin/tokens",
            json={"sub": f"{role}-local", "roles": [role], **(scope or {})},
            headers={"Authorization": f"Bearer {Secrets(places.home() / 'secrets').token('issuer-admin-token')}"},
            timeout=5,
            trust_env=False,
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        sys.exit(f"penerbit token tidak memberi token / the issuer at {issuer} gives no token ({type(error).__name__})")
    return str(answer.json()["access_token"])
