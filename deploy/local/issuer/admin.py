"""What only the holder of ADMIN_TOKEN may ask: rotate the key, keep accounts, mint a token of any shape for a test."""

import hmac
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Response
from pydantic import Field

from deploy.local.issuer.accounts import Account, Accounts, Identity
from deploy.local.issuer.clock import now_s
from deploy.local.issuer.keys import KeyRing, new_key
from deploy.local.issuer.settings import Settings
from deploy.local.issuer.tokens import Span, sign
from deploy.local.outside.problems import Problem

_YEAR_S = 31_536_000


class TokenWish(Identity):
    """A token as a test wants it: late, early, from a stranger, for somebody else."""

    life_s: Annotated[int, Field(ge=1, le=_YEAR_S)] | None = None
    starts_in_s: Annotated[int, Field(ge=-_YEAR_S, le=_YEAR_S)] = 0
    clock_s: Annotated[int, Field(ge=-_YEAR_S, le=_YEAR_S)] = 0
    """How far the issuer's own clock is from the true one for this token."""
    issuer: str | None = None
    audience: str | None = None
    key: Literal["published", "unpublished"] = "published"

    def identity(self) -> Identity:
        """Only the claims about the person or service."""
        return Identity(**self.model_dump(include=set(Identity.model_fields)))


def admin_routes(settings: Settings, ring: KeyRing, accounts: Accounts) -> APIRouter:
    """The routes, each behind the admin token."""
    router = APIRouter(dependencies=[Depends(_admin_only(settings.admin_token))])

    @router.post("/rotate")
    async def rotate() -> dict[str, Any]:
        kid = ring.rotate(now_s())
        return {"kid": kid, "published": [key["kid"] for key in ring.published(now_s())]}

    @router.put("/admin/accounts/{client_id}")
    async def put_account(client_id: str, account: Account, response: Response) -> Identity:
        response.status_code = 201 if accounts.put(client_id, account) else 200
        return account.identity()

    @router.delete("/admin/accounts/{client_id}", status_code=204)
    async def remove_account(client_id: str) -> None:
        if not accounts.remove(client_id):
            raise Problem(404, "unknown_account", "no such account; GET /admin/accounts lists them")

    @router.get("/admin/accounts", response_model_exclude_none=True)
    async def list_accounts() -> dict[str, Identity]:
        return accounts.all()

    @router.post("/admin/tokens")
    async def mint(wish: TokenWish) -> dict[str, Any]:
        now, life_s = now_s() + wish.clock_s, wish.life_s or settings.token_life_s
        span = Span.beginning(now, starts_in_s=wish.starts_in_s, life_s=life_s)
        signed = sign(
            wish.identity(),
            span,
            issuer=wish.issuer or settings.issuer,
            audience=wish.audience or settings.audience,
            key=ring.signing if wish.key == "published" else new_key(),
        )
        return {"access_token": signed, "token_type": "Bearer", "expires_in": span.expires - now}

    return router


def _admin_only(admin_token: str) -> Any:
    async def check(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {admin_token}".encode()):
            raise Problem(401, "admin_only", "send Authorization: Bearer with the issuer's ADMIN_TOKEN")

    return check
