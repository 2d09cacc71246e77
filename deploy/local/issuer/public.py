"""What everyone may ask: discovery, the public keys, a token for a known client, readiness."""

import base64
import binascii
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deploy.local.issuer.accounts import Accounts
from deploy.local.issuer.clock import now_s
from deploy.local.issuer.keys import ALGORITHM, KeyRing
from deploy.local.issuer.settings import Settings
from deploy.local.issuer.tokens import Span, sign

_NOT_STORED = {"Cache-Control": "no-store"}  # RFC 6749 section 5.1


def public_routes(settings: Settings, ring: KeyRing, accounts: Accounts) -> APIRouter:
    """The routes; synchronous on purpose, each works some tens of microseconds to some milliseconds."""
    router = APIRouter()

    @router.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        return {
            "issuer": settings.issuer,
            "jwks_uri": f"{settings.issuer}/jwks",
            "token_endpoint": f"{settings.issuer}/token",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    @router.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return {"keys": ring.published(now_s())}

    @router.post("/token")
    async def token(request: Request) -> JSONResponse:
        form = _form(await request.body())
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", "send grant_type=client_credentials as a form")
        credentials = _credentials(request.headers.get("authorization", ""), form)
        identity = accounts.open(*credentials) if credentials else None
        if identity is None:
            return _refusal(401, "invalid_client", "unknown client or wrong secret")
        span = Span.beginning(now_s(), life_s=settings.token_life_s)
        signed = sign(identity, span, issuer=settings.issuer, audience=settings.audience, key=ring.signing)
        body = {"access_token": signed, "token_type": "Bearer", "expires_in": settings.token_life_s}
        return JSONResponse(body, headers=_NOT_STORED)

    @router.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return router


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _credentials(authorization: str, form: dict[str, str]) -> tuple[str, str] | None:
    """Client id and secret from the Basic header (RFC 6749 section 2.3.1) or else from the form."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return (form["client_id"], form["client_secret"]) if {"client_id", "client_secret"} <= form.keys() else None
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else None


def _refusal(status: int, error: str, description: str) -> JSONResponse:
    """The error form of RFC 6749 section 5.2."""
    headers = {**_NOT_STORED, **({"WWW-Authenticate": 'Basic realm="issuer"'} if status == 401 else {})}
    return JSONResponse({"error": error, "error_description": description}, status_code=status, headers=headers)
