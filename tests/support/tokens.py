"""A token issuer in memory: signs like the real one, and wrongly on request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from chassis.clock import Clock
from chassis.http.auth import Verifier
from chassis.http.keys import FixedKeys

ISSUER = "https://issuer.test"
AUDIENCE = "perisai"


class TokenIssuer:
    """`issuer.verifier` accepts what `issuer.token` and `issuer.headers` make."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.key = new_key()
        self.verifier = Verifier(FixedKeys(KeySet([self.key])), issuer=ISSUER, audience=AUDIENCE, clock=clock)

    def headers(self, *roles: str, subject: str = "someone", **scope: Any) -> dict[str, str]:
        """The Authorization header of a person with these roles and this scope (branch_id=…, agent_id=…)."""
        return {"Authorization": f"Bearer {self.token(roles=[*roles], sub=subject, **scope)}"}

    def token(self, *, key: ECKey | None = None, header: dict[str, Any] | None = None, **changes: object) -> str:
        """A valid token with claims changed; a claim set to None is left out."""
        now = int(self._clock.wall().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "someone",
            "roles": ["agent"],
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            **{name: str(value) if isinstance(value, UUID) else value for name, value in changes.items()},
        }
        signer = key or self.key
        found = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": signer.kid, **(header or {})}, found, signer, algorithms=["ES256"])


def new_key() -> ECKey:
    """A fresh P-256 key named by its thumbprint."""
    key = ECKey.generate_key("P-256")
    return ECKey.import_key(key.as_dict(private=True), {"kid": key.thumbprint(), "use": "sig"})
