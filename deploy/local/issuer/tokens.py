"""Tokens: an identity for a span of wall time, signed by one key."""

import secrets
from dataclasses import dataclass

from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.issuer.accounts import Identity
from deploy.local.issuer.keys import ALGORITHM


@dataclass(frozen=True)
class Span:
    """When a token is valid, in wall seconds: from `not_before` to before `expires`."""

    issued_at: int
    not_before: int
    expires: int

    @classmethod
    def beginning(cls, now: int, *, starts_in_s: int = 0, life_s: int) -> "Span":
        """A span that starts before, at or after `now`; nobody issues a token in the future, so `iat` ≤ now."""
        start = now + starts_in_s
        return cls(issued_at=min(start, now), not_before=start, expires=start + life_s)


def sign(identity: Identity, span: Span, *, issuer: str, audience: str, key: ECKey) -> str:
    """The compact token; absent scopes are left out, and `jti` makes any two tokens differ."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "iat": span.issued_at,
        "nbf": span.not_before,
        "exp": span.expires,
        "jti": secrets.token_hex(12),
        **identity.model_dump(exclude_none=True),
    }
    return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": key.thumbprint()}, claims, key, algorithms=[ALGORITHM])
