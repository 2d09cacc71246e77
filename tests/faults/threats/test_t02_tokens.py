"""T2: only a token that our issuer signed for us, alive now, says who somebody is. Every path, every way to get it wrong: 401."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from chassis.http.auth import Verifier
from chassis.http.keys import FixedKeys
from tests.faults.evidence import Evidence, Violation
from tests.faults.threats import served as doors
from tests.faults.threats.examples import examples
from tests.faults.threats.served import served
from tests.faults.threats.test_t05_roles import values
from tests.support.service import AUDIENCE, ISSUER, Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(600)
EVERY_ROLE = [*doors.ROLES]


class Issuer:
    """Ours, with two keys that live side by side: one of each algorithm. `verifier` knows the public halves."""

    def __init__(self, h: Harness) -> None:
        self._h = h
        self.ec = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
        self.verifier = Verifier(
            FixedKeys(KeySet([self.ec, self.rsa])), issuer=ISSUER, audience=AUDIENCE, clock=h.clock
        )

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self._h.clock.wall().timestamp())
        whole = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "somebody",
            "roles": EVERY_ROLE,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
        }
        return {name: value for name, value in {**whole, **changes}.items() if value is not None}

    def token(self, key: ECKey | RSAKey | None = None, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        signer = key or self.ec
        algorithm = "RS256" if isinstance(signer, RSAKey) else "ES256"
        whole = {"alg": algorithm, "kid": "ec", **(header or {})}
        given = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(given, self.claims(**changes), signer, algorithms=[algorithm])

    def good(self) -> dict[str, str]:
        return {"ES256": self.token(), "RS256": self.token(self.rsa, {"kid": "rsa"})}

    def bad(self) -> dict[str, str]:
        """Every token that must not open anything; each names every role."""
        now = int(self._h.clock.wall().timestamp())
        stranger, theirs = ECKey.generate_key("P-256", {"kid": "ec"}), self.token()
        head, body, signature = theirs.split(".")
        return {
            "none": _plain("none", self.claims()),
            "None": _plain("None", self.claims()),
            "none with our kid": _plain("none", self.claims(), kid="ec"),
            "no signature": f"{head}.{body}.",
            "another's key under our kid": self.token(stranger),
            "unknown kid": self.token(stranger, {"kid": "other"}),
            "no kid": self.token(header={"kid": None}),
            "kid of the other key": self.token(header={"kid": "rsa"}),
            "key in the header": self.token(stranger, {"jwk": stranger.as_dict(private=False), "kid": "new"}),
            "HS256 with the public key": self._hmac(self.rsa, "rsa"),
            "HS256 with the public curve": self._hmac(self.ec, "ec"),
            "issuer": self.token(iss="https://issuer.evil"),
            "no issuer": self.token(iss=None),
            "audience of another service": self.token(aud="another-service"),
            "no audience": self.token(aud=None),
            "expired": self.token(iat=now - 700, nbf=now - 700, exp=now - 6),
            "no expiry": self.token(exp=None),
            "not yet valid": self.token(nbf=now + 60),
            "issued in the future": self.token(iat=now + 600, exp=now + 900),
            "lives for ever": self.token(exp=now + 3_601),
            "no issue time": self.token(iat=None),
            "no subject": self.token(sub=None),
            "roles as text": self.token(roles="officer"),
            "no roles": self.token(roles=None),
            "one byte changed": f"{head}.{_flipped(body)}.{signature}",
            "two halves": f"{head}.{body}",
            "not a token": "abc",
            "too long": "a" * 9_000,
        }

    def _hmac(self, key: ECKey | RSAKey, kid: str) -> str:
        """Algorithm confusion: our public key, which anybody has, taken as a shared secret."""
        public = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        text = _plain("HS256", self.claims(), kid=kid).rstrip(".")
        mac = hmac.digest(public, text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _plain(algorithm: str, claims: Mapping[str, Any], **header: str) -> str:
    parts = [json.dumps({"alg": algorithm, **header}), json.dumps(claims)]
    return ".".join([*(base64.urlsafe_b64encode(p.encode()).rstrip(b"=").decode() for p in parts), ""])


def _flipped(body: str) -> str:
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "somebodx"
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


@pytest.mark.cell("threat.T2", fault="T2", service="all")
@pytest.mark.parametrize("service", ["registration", "payments", "notifications", "audit"])
async def test_a_token_that_is_not_ours_opens_nothing(service: str, stack: Stack, evidence: Evidence) -> None:
    table, wrong, tried = doors.roles_of(service), list[Violation](), 0
    async with served(service, stack) as h:
        issuer = Issuer(h)
        h.asgi.state.verifier = issuer.verifier
        bad, good = issuer.bad(), issuer.good()
        for operation in table:
            request = examples(service, operation, "")[0].request(operation, values())
            for kind, token, fine in [
                *((k, t, False) for k, t in bad.items()),
                *((k, t, True) for k, t in good.items()),
            ]:
                headers = {
                    **request["headers"],
                    "Authorization": f"Bearer {token}",
                    "Idempotency-Key": f"{kind}-{operation}",
                }
                answer = await h.client.request(**{**request, "headers": headers})
                tried += 1
                if (answer.status_code == 401) is fine or answer.status_code >= 500:
                    expected = "let in" if fine else "401"
                    wrong.append(
                        {"where": operation, "key": kind, "expected": expected, "actual": str(answer.status_code)}
                    )
        h.clock.move_wall(timedelta(seconds=606))
        late = await h.client.get("/ops/parked", headers={"Authorization": f"Bearer {good['ES256']}"})
        tried += 1
        if late.status_code != 401:
            wrong.append(
                {"where": "GET /ops/parked", "key": "outlived", "expected": "401", "actual": str(late.status_code)}
            )
    evidence.fired(tried, of=len(table) * (len(bad) + len(good)) + 1, unit="request")
    evidence.holds("T2", checked=tried, violations=wrong)


@pytest.mark.cell("threat.T2", fault="T2", service="all")
async def test_other_schemes_and_places_of_a_good_token_open_nothing(stack: Stack, evidence: Evidence) -> None:
    async with served("registration", stack) as h:
        issuer = Issuer(h)
        h.asgi.state.verifier = issuer.verifier
        token = issuer.token()
        headers: dict[str, dict[str, str]] = {
            "basic": {"Authorization": f"Basic {token}"},
            "bare": {"Authorization": token},
            "cookie": {"Cookie": f"access_token={token}"},
            "other header": {"X-Access-Token": token},
            "twice": {"Authorization": f"Bearer {token} {token}"},
        }
        wrong: list[Violation] = []
        for kind, given in headers.items():
            for address in ("/participants", f"/participants?access_token={token}"):
                answer = await h.client.get(address, headers=given)
                if answer.status_code != 401:
                    wrong.append(
                        {
                            "where": "GET /participants",
                            "key": kind,
                            "expected": "401",
                            "actual": str(answer.status_code),
                        }
                    )
    evidence.fired(2 * len(headers), of=10, unit="request")
    evidence.holds("T2", checked=2 * len(headers), violations=wrong)
