"""The outside parties that we ship are HTTP APIs as well: whatever comes, none of them fails, but where it was told to.

schemathesis draws requests from what each publishes and against it; beside them come odd bodies for doors that read their own bytes, signed as a
merchant signs where one has to. What a party was told to do wrong (a gateway that answers 500) is left out, and so is a wait that was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploy.local.acquirer.app import compose as acquirer
from deploy.local.bank.app import compose as bank
from deploy.local.gateway.app import compose as gateway
from deploy.local.issuer.app import compose as issuer
from deploy.local.outside.environment import Environment
from tests.faults.inputs.schema_cases import ODD, drawn, odd_somewhere
from tests.integration.payments.acquirer import CLIENT_KEY, OUR_KEY, SECRET
from tests.unit.deploy.test_bank import variables as of_bank
from tests.unit.deploy.test_gateway import MESSAGE

EACH, SEED = 12, 7
NOBODY = "http://127.0.0.1:9"
"""Where no biller listens."""
MISBEHAVES = {"POST /behaviour", "POST /drop-answers"}
"""Ask a party to answer wrongly from then on: after all others."""
SIGNED = {"POST /snap/v1.0/qr/qr-mpm-generate", "POST /snap/v1.0/qr/qr-mpm-query"}
Request = dict[str, Any]


def _issuer(folder: Path) -> Any:
    return issuer(Environment({"DATA_DIR": str(folder), "ADMIN_TOKEN": "secret", "ISSUER": "http://issuer.test"}))


def _gateway(folder: Path) -> Any:
    told = {
        "DATA_DIR": str(folder),
        "API_KEY": "secret",
        "WEBHOOK_URL": f"{NOBODY}/receipts",
        "WEBHOOK_SECRET": "s" * 32,
    }
    return gateway(Environment(told))


def _bank(folder: Path) -> Any:
    told = of_bank(folder, folder / "bank-private.pem", NOBODY, RESOLVE_TRIES="1")
    return bank(Environment({name: value for name, value in told.items() if name != "PRIVATE_KEY_FILE"}))


def _acquirer(folder: Path) -> Any:
    key = folder / "merchant.pem"
    key.write_bytes(OUR_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    told = {
        "DATA_DIR": str(folder),
        "BILLER_URL": f"{NOBODY}/snap/v1.0",
        "MERCHANT_KEY_FILE": str(key),
        "PARTNER_ID": "93001",
        "CLIENT_KEY": "client-qris",
        "CLIENT_SECRET": "q-secret-of-the-tests-0001",
        "TRIES": "1",
        "MERCHANT_CLIENT_KEY": CLIENT_KEY,
        "MERCHANT_CLIENT_SECRET": SECRET,
        "MERCHANT_ID": "M-1",
    }
    return acquirer(Environment(told))


PARTIES: Mapping[str, Callable[[Path], Any]] = {
    "issuer": _issuer,
    "gateway": _gateway,
    "bank": _bank,
    "acquirer": _acquirer,
}


@asynccontextmanager
async def opened(name: str, folder: Path) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    """The party's application, its own work at rest, and a client that is shown its faults as answers."""
    party = PARTIES[name](folder)
    transport = httpx.ASGITransport(party.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{name}") as client:
        try:
            yield party.app, client
        finally:
            party.stop.set()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PARTIES)
async def test_no_request_makes_a_party_fail(name: str, tmp_path: Path) -> None:
    wrong, sent, done = list[str](), 0, set[str]()
    async with opened(name, tmp_path) as (app, client):
        described = app.openapi()
        schema = schemathesis.openapi.from_dict(described)
        operations = [f"{m.upper()} {path}" for path, methods in described["paths"].items() for m in methods]
        own = OWN.get(name)
        for operation in sorted(operations, key=lambda one: (one in MISBEHAVES, one)):
            requests = [*drawn(schema, operation, EACH, SEED)]
            requests += [] if own is None else [made async for made in own(client, operation)]
            for request in requests:
                answer = await _sent(client, request)
                if answer is None:
                    continue
                sent += 1
                done |= {operation} if answer.is_success else set()
                if answer.status_code >= 500:
                    wrong.append(f"{operation} {answer.status_code} {str(request)[:200]}")
                assert "Traceback" not in answer.text
    assert sent > 4 * len(operations)
    assert {one for one in operations if one in SIGNED} <= done, "a signed call got as far as the rules"
    assert not wrong, "\n".join(dict.fromkeys(wrong))


async def _sent(client: httpx.AsyncClient, request: Request) -> httpx.Response | None:
    """The answer; None for what no client can send."""
    made = dict(request)
    if (body := made.pop("json", None)) is not None:
        made["content"] = json.dumps(_without_waits(body)).encode()
        made["headers"] = {"Content-Type": "application/json", **made["headers"]}
    headers = {"Authorization": "Bearer secret", "Idempotency-Key": "k-1", **made.pop("headers")}
    made["headers"] = [(n.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for n, v in headers.items()]
    try:
        return await client.request(**made)
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError, ValueError):
        return None


def _without_waits(body: Any) -> Any:
    """A bank may be asked to hold a payment for a day, and one payment may be asked for 100,000 times."""
    if isinstance(body, dict):
        kept = {name: _without_waits(value) for name, value in body.items()}
        return kept | ({"hold_s": 0} if isinstance(kept.get("hold_s"), int | float) else {})
    return [_without_waits(one) for one in body[:3]] if isinstance(body, list) else body


# --- doors that read their own bytes ----------------------------------------------------------------------------------


def _odd_bodies(*examples: dict[str, Any]) -> Iterator[bytes]:
    """Working bodies, each with every value made odd in turn, and what is no such body at all."""
    dice = random.Random(SEED)
    for example in examples:
        yield _written(example)
        for _ in range(EACH):
            yield _written(odd_somewhere(example, dice))
        for name in example:
            for odd in ODD:
                yield _written({**example, name: odd})
    yield from (b"", b"null", b"[]", b"\xff\xfe", b'{"a":', b'"\\ud800"', b"[" * 5_000, b"1e999", b"\x00")


def _written(body: Any) -> bytes:
    """As a signature takes it: without a space between."""
    return json.dumps(body, separators=(",", ":")).encode()


async def _of_issuer(_: httpx.AsyncClient, operation: str) -> AsyncIterator[Request]:
    if operation == "POST /token":
        basic = [b"a:b", b":", b"\xff:\xff", b"a", b"%00:%00", b"%ed%a0%80:x"]
        proofs = [f"Basic {base64.b64encode(one).decode()}" for one in basic] + ["Basic ***", "Basic", "Bearer x", ""]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        bodies = [b"grant_type=client_credentials&client_id=%00&client_secret=%ed%a0%80", b"\xff", b"&&==", b""]
        for proof, body in itertools.product(proofs, [b"grant_type=client_credentials", *bodies]):
            yield {"method": "POST", "url": "/token", "content": body, "headers": {**form, "Authorization": proof}}
    if operation.startswith("PUT /admin/accounts"):
        account = {"client_secret": "a-secret-1", "sub": "x", "roles": ["agent"], "wadah_id": "w-1"}
        for body in _odd_bodies(account):
            headers = {"Content-Type": "application/json"}
            yield {"method": "PUT", "url": "/admin/accounts/a", "content": body, "headers": headers}
    if operation == "POST /admin/tokens":
        for body in _odd_bodies(
            {"sub": "x", "roles": ["service"], "life_s": 60, "starts_in_s": 0, "clock_s": 0, "issuer": "i"}
        ):
            headers = {"Content-Type": "application/json"}
            yield {"method": "POST", "url": "/admin/tokens", "content": body, "headers": headers}


async def _of_gateway(_: httpx.AsyncClient, operation: str) -> AsyncIterator[Request]:
    if operation == "POST /messages":
        for number, body in enumerate(_odd_bodies(MESSAGE)):
            yield {"method": "POST", "url": "/messages", "content": body, "headers": {"Idempotency-Key": f"k-{number}"}}


async def _of_bank(_: httpx.AsyncClient, operation: str) -> AsyncIterator[Request]:
    bodies: dict[str, dict[str, Any]] = {
        "POST /clock": {"now": "2025-10-06T09:00:00+07:00"},
        "POST /inquire": {"customer_no": "8800000000001"},
    }
    if operation in bodies:
        for body in _odd_bodies(bodies[operation]):
            headers = {"Content-Type": "application/json"}
            yield {"method": "POST", "url": operation[5:], "content": body, "headers": headers}


async def _of_acquirer(client: httpx.AsyncClient, operation: str) -> AsyncIterator[Request]:
    """A merchant's calls, signed; and the clock."""
    if operation == "POST /clock":
        async for request in _of_bank(client, operation):
            yield request
    wanted: dict[str, dict[str, Any]] = {
        "POST /snap/v1.0/qr/qr-mpm-generate": {
            "merchantId": "M-1", "partnerReferenceNo": "R-1", "validityPeriod": "2025-10-06T12:00:00+07:00",
            "amount": {"value": "36800.00", "currency": "IDR"},
        },
        "POST /snap/v1.0/qr/qr-mpm-query": {
            "merchantId": "M-1", "originalPartnerReferenceNo": "R-1", "originalReferenceNo": "Q00000000001", "serviceCode": "47",
        },
    }  # fmt: skip
    if operation not in wanted:
        return
    path, token = operation[5:], await _token(client)
    for number, body in enumerate(_odd_bodies(wanted[operation])):
        stamp = _now()
        text = f"POST:{path}:{token}:{hashlib.sha256(body).hexdigest()}:{stamp}"
        signature = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).digest()).decode()
        headers = {
            "Authorization": f"Bearer {token}", "X-TIMESTAMP": stamp, "X-SIGNATURE": signature,
            "X-EXTERNAL-ID": f"{operation[-5:]}-{number}", "Content-Type": "application/json",
        }  # fmt: skip
        yield {"method": "POST", "url": path, "content": body, "headers": headers}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def _token(client: httpx.AsyncClient) -> str:
    stamp = _now()
    signature = OUR_KEY.sign(f"{CLIENT_KEY}|{stamp}".encode(), PKCS1v15(), SHA256())
    headers = {
        "X-CLIENT-KEY": CLIENT_KEY, "X-TIMESTAMP": stamp, "X-SIGNATURE": base64.b64encode(signature).decode()
    }  # fmt: skip
    answer = await client.post("/snap/v1.0/access-token/b2b", json={"grantType": "client_credentials"}, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["accessToken"])


OWN: Mapping[str, Callable[[httpx.AsyncClient, str], AsyncIterator[Request]]] = {
    "issuer": _of_issuer,
    "gateway": _of_gateway,
    "bank": _of_bank,
    "acquirer": _of_acquirer,
}
