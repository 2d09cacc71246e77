"""Partners: enabled, changed, rotated and disabled by the central office or an operator. A secret is shown once, when it was drawn."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.ids import new_id
from chassis.problems import Refusal, Rejected
from chassis.service import App
from contracts.events.partners import Conditions, PartnerTermsChanged, TimesAndLimits
from services.payments.api.fingerprints import fingerprint
from services.payments.api.partner_shapes import (
    ConditionsShown,
    ConditionsWanted,
    DisableWanted,
    KeyShown,
    KeysWanted,
    PartnerShown,
    PartnerWanted,
    SecretShown,
    SecretWanted,
    TermsWanted,
)
from services.payments.commands.partners import (
    AgreeConditions,
    ChangePartners,
    ChangeTerms,
    DisablePartner,
    EnablePartner,
    ReenablePartner,
    RotateKeys,
    RotateSecret,
    Secret,
)
from services.payments.domain.partners import Partner
from services.payments.problems import (
    CONDITIONS_IN_USE,
    OLD_STILL_LIVES,
    OVERLAP_OUT_OF_RANGE,
    PARTNER_DISABLED,
    PARTNER_EXISTS,
    SECRET_NOT_NEWEST,
)
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
        """Lets a bank call, also one that was disabled, under new terms. `client_secret` is in this answer only when it was drawn by this
        very call.
        """
        wanted = await body(request, PartnerWanted, multiline=KEYS)
        text, secret = _secret(app, wanted.partner, wanted.client_secret)
        command = EnablePartner(_partner(wanted), secret, meta(request, principal))
        response = await answer(request, principal, door, command)
        return response if wanted.client_secret is not None else _with_secret(response, text, secret)

    @routes.post(
        "/{partner}/terms",
        openapi_extra=accepts_command(TermsWanted, gives=("partner",)),
        responses=problems(NOT_FOUND, PARTNER_DISABLED),
    )
    async def change_terms(request: Request, principal: Keeper, partner: str) -> Response:
        """Whole terms, in force at once; keys, secrets and conditions stay as they are."""
        wanted = await body(request, TermsWanted)
        command = ChangeTerms(_terms(partner, wanted), meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/{partner}/conditions",
        openapi_extra=accepts_command(ConditionsWanted, gives=("partner",)),
        responses=problems(NOT_FOUND, PARTNER_DISABLED, CONDITIONS_IN_USE),
    )
    async def agree(request: Request, principal: Keeper, partner: str) -> Response:
        """Hours and limits, from a day on. What is in force is never edited."""
        wanted = await body(request, ConditionsWanted)
        command = AgreeConditions(
            partner, wanted.valid_from, Conditions(**wanted.conditions.model_dump()), meta(request, principal)
        )
        return await answer(request, principal, door, command)

    @routes.post(
        "/{partner}/keys",
        openapi_extra=accepts_command(KeysWanted, gives=("partner",)),
        responses=problems(NOT_FOUND, PARTNER_DISABLED, OVERLAP_OUT_OF_RANGE, OLD_STILL_LIVES),
    )
    async def rotate(request: Request, principal: Keeper, partner: str) -> Response:
        """From now on these public keys are live: two while one is being rotated."""
        wanted = await body(request, KeysWanted, multiline=KEYS)
        command = RotateKeys(partner, wanted.public_keys, wanted.old_until, meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/{partner}/secrets",
        openapi_extra=accepts_command(SecretWanted, gives=("partner", "secret_id")),
        responses=problems(NOT_FOUND, PARTNER_DISABLED, OVERLAP_OUT_OF_RANGE, OLD_STILL_LIVES, SECRET_NOT_NEWEST),
    )
    async def rotate_secret(request: Request, principal: Keeper, partner: str) -> Response:
        """Another client secret. `client_secret` is in this answer only when it was drawn by this very call."""
        wanted = await body(request, SecretWanted)
        text, secret = _secret(app, partner, wanted.client_secret)
        command = RotateSecret(partner, secret, wanted.old_until, wanted.instead_of, meta(request, principal))
        response = await answer(request, principal, door, command)
        return response if wanted.client_secret is not None else _with_secret(response, text, secret)

    @routes.post(
        "/{partner}/disable",
        openapi_extra=accepts_command(DisableWanted, gives=("partner",)),
        responses=problems(NOT_FOUND),
    )
    async def disable(request: Request, principal: Keeper, partner: str) -> Response:
        """Stops a bank from calling; what it paid stays."""
        wanted = await body(request, DisableWanted)
        return await answer(request, principal, door, DisablePartner(partner, wanted.reason, meta(request, principal)))

    @routes.post("/{partner}/enable", openapi_extra=accepts_command(gives=("partner",)), responses=problems(NOT_FOUND))
    async def reenable(request: Request, principal: Keeper, partner: str) -> Response:
        """A disabled bank may call again, under the terms, keys and secrets it had."""
        return await answer(request, principal, door, ReenablePartner(partner, meta(request, principal)))

    @routes.get("")
    async def partners(principal: Reader) -> list[PartnerShown]:
        """All partners with their terms, without secrets."""
        return [*(await _all_shown(app)).values()]

    @routes.get("/{partner}", responses=problems(NOT_FOUND))
    async def one(principal: Reader, partner: str) -> PartnerShown:
        """One partner with its terms, without secrets."""
        found = (await _all_shown(app)).get(partner)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return found

    return routes


def _secret(app: App, partner: str, given: str | None) -> tuple[str, Secret]:
    """The text, drawn where none was given, and what is stored of it."""
    text = given or secrets.token_urlsafe(SECRET_BYTES)
    sealed = app.vault.seal("partner_secrets", "secret", partner, text)
    assert sealed is not None
    return text, Secret(new_id(), sealed)


def _with_secret(response: Response, text: str, secret: Secret) -> Response:
    """A repeat gets the first answer, and the secret of the first call is shown to nobody again."""
    told = json.loads(bytes(response.body))
    fresh = response.status_code < 400 and told["secret_id"] == str(secret.secret_id)
    return JSONResponse(told | {"client_secret": text}, response.status_code) if fresh else response


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
        strictness=wanted.strictness.agreed(),
    )


def _terms(partner: str, wanted: TermsWanted) -> PartnerTermsChanged:
    return PartnerTermsChanged(
        partner=partner,
        name=wanted.name,
        partner_ids=wanted.partner_ids,
        va_prefixes=wanted.va_prefixes,
        signature_mode=wanted.signature_mode,
        repeat_profile=wanted.repeat_profile,
        strictness=wanted.strictness.agreed(),
    )


async def _all_shown(app: App) -> dict[str, PartnerShown]:
    async with app.read() as conn:
        found, boxes = await agreed.partners(conn), await agreed.partner_secrets(conn)
    kept: defaultdict[str, list[Mapping[Any, Any]]] = defaultdict(list)
    for box in boxes:
        kept[box["partner"]].append(box)
    wall = app.clock.wall()
    return {name: _shown(partner, kept[name], wall) for name, partner in found.items()}


def _shown(partner: Partner, boxes: Sequence[Mapping[Any, Any]], wall: datetime) -> PartnerShown:
    keys = partner.keys_at(wall)
    return PartnerShown(
        partner=partner.partner,
        name=partner.name,
        client_key=partner.client_key,
        partner_ids=list(partner.partner_ids),
        va_prefixes=list(partner.va_prefixes),
        live_keys=len(keys),
        keys=[
            KeyShown(fingerprint=fingerprint(pem), until=partner.first_key_until if pem is not keys[-1] else None)
            for pem in keys
        ],
        secrets=[
            SecretShown(secret_id=UUID(str(box["secret_id"])), since=box["since"], until=box["until"])
            for box in boxes
            if box["until"] is None or wall < box["until"]
        ],
        signature_mode=str(partner.signature_mode),
        repeat_profile=str(partner.repeat_profile),
        strictness=partner.strictness,
        conditions=[
            ConditionsShown(
                valid_from=one.valid_from, conditions=TimesAndLimits(**one.conditions.model_dump(exclude={"day_ends"}))
            )
            for one in partner.agreed
        ],
        enabled=partner.enabled,
        disabled_for=partner.disabled_for,
    )
