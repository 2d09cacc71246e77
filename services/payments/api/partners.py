"""Partners: enabled, rotated and disabled by the central office or an operator. A secret is shown once, when it was drawn."""

from __future__ import annotations

import json
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.ids import new_id
from chassis.service import App
from services.payments.api.shapes import DisableWanted, KeysWanted, PartnerShown, PartnerWanted
from services.payments.commands.partners import ChangePartners, DisablePartner, EnablePartner, RotateKeys
from services.payments.domain.partners import Partner
from services.payments.problems import PARTNER_DISABLED, PARTNER_EXISTS
from services.payments.queries import agreed
from services.payments.registry import Registry

Keeper = Annotated[Principal, Depends(allow("central", "operator"))]
Reader = Annotated[Principal, Depends(allow("central", "operator", "auditor"))]
SECRET_BYTES = 48
KEYS = ("public_keys",)
"""Members that hold PEM, a text of several lines."""


def router(app: App, registry: Registry) -> APIRouter:
    routes = APIRouter(prefix="/partners", tags=["partners"])
    door = app.command_door(ChangePartners(registry.forget))

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(PartnerWanted, gives=("partner", "client_key", "secret_id"), status=201),
        responses=problems(PARTNER_EXISTS),
    )
    async def enable(request: Request, principal: Keeper) -> Response:
        """Lets a bank call. `client_secret` is in this answer only when it was drawn by this very call."""
        wanted = await body(request, PartnerWanted, multiline=KEYS)
        secret = wanted.client_secret or secrets.token_urlsafe(SECRET_BYTES)
        sealed = app.vault.seal("partner_secrets", "secret", wanted.partner, secret)
        assert sealed is not None
        secret_id = new_id()
        command = EnablePartner(_partner(wanted), secret_id, sealed, meta(request, principal))
        response = await answer(request, principal, door, command)
        if wanted.client_secret is not None or response.status_code != 201:
            return response
        told = json.loads(bytes(response.body))
        # a repeat gets the first answer, and the secret of the first call is shown to nobody again
        return JSONResponse(told | {"client_secret": secret}, 201) if told["secret_id"] == str(secret_id) else response

    @routes.post(
        "/{partner}/keys",
        openapi_extra=accepts_command(KeysWanted, gives=("partner",)),
        responses=problems(NOT_FOUND, PARTNER_DISABLED),
    )
    async def rotate(request: Request, principal: Keeper, partner: str) -> Response:
        """From now on these public keys are live: two while one is being rotated."""
        wanted = await body(request, KeysWanted, multiline=KEYS)
        return await answer(request, principal, door, RotateKeys(partner, wanted.public_keys, meta(request, principal)))

    @routes.post(
        "/{partner}/disable",
        openapi_extra=accepts_command(DisableWanted, gives=("partner",)),
        responses=problems(NOT_FOUND),
    )
    async def disable(request: Request, principal: Keeper, partner: str) -> Response:
        """Stops a bank from calling; what it paid stays."""
        wanted = await body(request, DisableWanted)
        return await answer(request, principal, door, DisablePartner(partner, wanted.reason, meta(request, principal)))

    @routes.get("")
    async def partners(principal: Reader) -> list[PartnerShown]:
        """All partners with their terms, without secrets."""
        async with app.read() as conn:
            return [_shown(partner) for partner in (await agreed.partners(conn)).values()]

    return routes


def _partner(wanted: PartnerWanted) -> Partner:
    return Partner(
        partner=wanted.partner,
        name=wanted.name,
        client_key=wanted.client_key,
        partner_ids=wanted.partner_ids,
        va_prefixes=wanted.va_prefixes,
        public_keys=wanted.public_keys,
        signature_mode=wanted.signature_mode,
        repeat_profile=wanted.repeat_profile,
        strictness=wanted.strictness,
    )


def _shown(partner: Partner) -> PartnerShown:
    return PartnerShown(
        partner=partner.partner,
        name=partner.name,
        client_key=partner.client_key,
        partner_ids=list(partner.partner_ids),
        va_prefixes=list(partner.va_prefixes),
        live_keys=len(partner.public_keys),
        signature_mode=str(partner.signature_mode),
        repeat_profile=str(partner.repeat_profile),
        strictness=partner.strictness,
        enabled=partner.enabled,
        disabled_for=partner.disabled_for,
    )
