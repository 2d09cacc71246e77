"""Who is asking: bearer tokens (JWT) of any OIDC issuer, verified with pinned algorithms, issuer, audience and
lifetimes on wall time.

No token, or one that fails any check, is 401 and says no more; a valid one without an allowed role is 403, and one that is used too often 429.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jws, jwt
from joserfc.errors import JoseError

from chassis.clock import Clock
from chassis.http.keys import ALGORITHMS, Keys, VerifyingKey
from chassis.http.queries import refuse_undeclared
from chassis.http.rates import Rates
from chassis.problems import FORBIDDEN, UNAUTHORIZED, Refusal, Rejected

LONGEST_LIFE_S: Final = 3600
LEEWAY_S: Final = 5
_LONGEST_TOKEN: Final = 8 * 1024
_LONGEST_SUBJECT: Final = 200
MOST_PROVEN: Final = 10_000
"""Tokens whose signature need not be computed again; about 1 kB each."""

bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="An access token of the issuer, valid at most 1 h."
)


@dataclass(frozen=True, slots=True)
class Principal:
    """The person or service of a valid token, with the scope that limits what its roles may see."""

    subject: str
    roles: frozenset[str]
    branch_id: UUID | None = None
    wadah_id: UUID | None = None
    agent_id: UUID | None = None
    participant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Proven:
    """A token whose signature under this key was found right, and what it says."""

    kid: str
    key: VerifyingKey
    since: int
    until: int
    """Seconds of wall time between which it holds, leeway included."""
    principal: Principal


class Verifier:
    """Turns a token into a Principal.

    The signature of a token is computed once; its times, and whether the issuer still has its key, are asked for every request.
    """

    def __init__(self, keys: Keys, *, issuer: str, audience: str, clock: Clock) -> None:
        self._keys, self._issuer, self._audience, self._clock = keys, issuer, audience, clock
        self._proven: dict[bytes, _Proven] = {}

    async def principal(self, token: str) -> Principal:
        """Raises Refusal: `unauthorized` for a token that fails any check, `unavailable` when its key cannot be
        fetched now."""
        try:
            if len(token) > _LONGEST_TOKEN:
                raise ValueError("too long")
            digest = hashlib.sha256(token.encode()).digest()
            known = self._proven.get(digest)
            kid = known.kid if known else jws.extract_compact(token.encode()).headers()["kid"]
            key = await self._keys.find(kid) if isinstance(kid, str) else None
            if key is None:
                raise ValueError("no such key")
            if known is None or known.key is not key:
                known = self._prove(kid, key, jwt.decode(token, key, algorithms=[*ALGORITHMS]).claims)
            elif not known.since <= self._now() < known.until:
                raise ValueError("not now")
            self._remember(digest, known)
            return known.principal
        except (JoseError, ValueError, KeyError, TypeError):
            raise Refusal(Rejected(UNAUTHORIZED)) from None

    def _remember(self, digest: bytes, proven: _Proven) -> None:
        """The longest known goes first when there are too many; one that is used again counts as new."""
        self._proven.pop(digest, None)
        self._proven[digest] = proven
        if len(self._proven) > MOST_PROVEN:
            del self._proven[next(iter(self._proven))]

    def _now(self) -> int:
        return int(self._clock.wall().timestamp())

    def _prove(self, kid: str, key: VerifyingKey, claims: Mapping[str, Any]) -> _Proven:
        """Of a token whose signature is right; raises as `principal` catches."""
        jwt.JWTClaimsRegistry(
            now=self._now(),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        ).validate(dict(claims))
        if claims["exp"] - claims["iat"] > LONGEST_LIFE_S:
            raise ValueError("lives too long")
        since = max(claims["iat"], claims.get("nbf", 0)) - LEEWAY_S
        return _Proven(kid, key, since, claims["exp"] + LEEWAY_S, _principal(claims))


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject, roles = claims["sub"], claims["roles"]
    if not (isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT and subject.isprintable()):
        raise ValueError("no usable subject")
    if not (isinstance(roles, list) and roles and all(isinstance(role, str) for role in roles)):
        raise ValueError("no roles")
    scope = {name: UUID(claims[name]) for name in _SCOPE if claims.get(name) is not None}
    return Principal(subject, frozenset(roles), **scope)


_SCOPE: Final = ("branch_id", "wadah_id", "agent_id", "participant_id")


def shown_to(request: Request, who: Principal) -> Principal:
    """From now on what this request opens is on record as shown to them (`chassis.http.looks`)."""
    request.state.principal = who
    return who


def allow(*roles: str) -> Callable[..., Awaitable[Principal]]:
    """A dependency that gives the Principal of a request with one of these roles: `Annotated[Principal,
    Depends(allow("agent"))]`. He acts in the roles that the route admits and in no other: an auditor's sight is not lent to a checker's hand."""
    allowed = frozenset(roles)

    async def principal(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> Principal:
        if credentials is None:
            raise Refusal(Rejected(UNAUTHORIZED))
        verifier: Verifier = request.app.state.verifier
        found = await verifier.principal(credentials.credentials)
        if not allowed & found.roles:
            raise Refusal(Rejected(FORBIDDEN))
        rates: Rates = request.app.state.rates
        rates.admit(found.subject)
        refuse_undeclared(request)  # last: who may not ask learns nothing of the door
        return shown_to(request, found if found.roles <= allowed else replace(found, roles=found.roles & allowed))

    principal.allowed = allowed  # type: ignore[attr-defined]  # read by the sweep of every route against the role table
    return principal
