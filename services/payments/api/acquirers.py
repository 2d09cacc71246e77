"""How we call an acquirer, and what our calls are signed with: proposed, activated, retired. No private key or secret is ever shown."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fastapi import APIRouter, Depends, Path, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.ids import new_id
from chassis.problems import Refusal, Rejected
from chassis.service import App
from contracts.events.acquirers import AcquirerAgreed, AcquirerCredentialProposed, CredentialKind
from services.payments.acquirer_registry import SEALED, AcquirerRegistry
from services.payments.api.acquirer_shapes import (
    AcquirerShown,
    AcquirerWanted,
    ActivationWanted,
    ClientSecretWanted,
    CredentialShown,
    KeyWanted,
)
from services.payments.api.fingerprints import fingerprint
from services.payments.commands.acquirers import (
    ActivateCredential,
    AgreeAcquirer,
    ChangeAcquirers,
    ProposeCredential,
    RetireCredential,
)
from services.payments.domain.acquirers import Acquirer, Credential
from services.payments.domain.snap.signing import private_key
from services.payments.problems import (
    CREDENTIAL_IN_USE,
    CREDENTIAL_NOT_PROPOSED,
    CREDENTIAL_WAITS,
    OLD_STILL_TRIED,
    OVERLAP_OUT_OF_RANGE,
    PARTNER_DISABLED,
)
from services.payments.queries import agreed

Keeper = Annotated[Principal, Depends(allow("central", "operator"))]
Reader = Annotated[Principal, Depends(allow("central", "operator", "auditor"))]
Named = Annotated[str, Path(max_length=255)]
"""A partner; longer names would fit no event."""
KEY_BITS = 3_072
"""Of a key that is drawn here."""
PEM = ("private_key",)
"""Members that hold PEM, a text of several lines."""


def router(app: App, registry: AcquirerRegistry) -> APIRouter:
    routes = APIRouter(prefix="/partners/{partner}/acquirer", tags=["partners"])
    door = app.command_door(ChangeAcquirers(registry.forget))

    @routes.post(
        "",
        openapi_extra=accepts_command(AcquirerWanted, gives=("partner",)),
        responses=problems(NOT_FOUND, PARTNER_DISABLED),
    )
    async def agree(request: Request, principal: Keeper, partner: Named) -> Response:
        """Whole terms of our calls to this partner, in force at once; keys and secrets stay as they are."""
        wanted = await body(request, AcquirerWanted)
        command = AgreeAcquirer(AcquirerAgreed(partner=partner, **wanted.model_dump()), meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/keys",
        status_code=201,
        openapi_extra=accepts_command(KeyWanted, gives=("partner", "credential_id", "public_key"), status=201),
        responses=problems(NOT_FOUND, PARTNER_DISABLED, CREDENTIAL_WAITS),
    )
    async def propose_key(request: Request, principal: Keeper, partner: Named) -> Response:
        """A key pair of ours that signs nothing yet: the acquirer has to know its `public_key` first."""
        wanted = await body(request, KeyWanted, multiline=PEM)
        # drawing one takes a moment in which others are answered
        drawn = wanted.private_key is None
        key = await asyncio.to_thread(_draw) if drawn else private_key(wanted.private_key or "")
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return await propose(request, principal, partner, CredentialKind.KEY, text, public)

    @routes.post(
        "/secrets",
        status_code=201,
        openapi_extra=accepts_command(ClientSecretWanted, gives=("partner", "credential_id"), status=201),
        responses=problems(NOT_FOUND, PARTNER_DISABLED, CREDENTIAL_WAITS),
    )
    async def propose_secret(request: Request, principal: Keeper, partner: Named) -> Response:
        """The client secret that the acquirer gave us; it signs nothing yet."""
        wanted = await body(request, ClientSecretWanted)
        return await propose(request, principal, partner, CredentialKind.SECRET, wanted.client_secret, None)

    async def propose(
        request: Request, principal: Principal, partner: str, kind: CredentialKind, text: str, public: str | None
    ) -> Response:
        credential_id = new_id()
        sealed = app.vault.seal(*SEALED, credential_id, text)
        assert sealed is not None
        wanted = AcquirerCredentialProposed(partner=partner, credential_id=credential_id, kind=kind, public_key=public)
        return await answer(request, principal, door, ProposeCredential(wanted, sealed, meta(request, principal)))

    @routes.post(
        "/credentials/{credential_id}/activate",
        openapi_extra=accepts_command(ActivationWanted, gives=("partner", "credential_id")),
        responses=problems(NOT_FOUND, CREDENTIAL_NOT_PROPOSED, OVERLAP_OUT_OF_RANGE, OLD_STILL_TRIED),
    )
    async def activate(request: Request, principal: Keeper, partner: Named, credential_id: UUID) -> Response:
        """From now on this key or secret signs; with `old_until` the one before is tried where it is refused, up to then."""
        wanted = await body(request, ActivationWanted)
        command = ActivateCredential(partner, credential_id, wanted.old_until, meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/credentials/{credential_id}/retire",
        openapi_extra=accepts_command(gives=("partner", "credential_id")),
        responses=problems(NOT_FOUND, CREDENTIAL_IN_USE),
    )
    async def retire(request: Request, principal: Keeper, partner: Named, credential_id: UUID) -> Response:
        """Deletes a key or secret that does not sign any more, or never did."""
        return await answer(
            request, principal, door, RetireCredential(partner, credential_id, meta(request, principal))
        )

    @routes.get("", responses=problems(NOT_FOUND))
    async def one(principal: Reader, partner: Named) -> AcquirerShown:
        """How this acquirer is called, and which keys and secrets there are; never what they are."""
        async with app.read() as conn:
            found = (await agreed.acquirers(conn)).get(partner)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return _shown(found, app.clock.wall(), offered=await registry.of(partner) is not None)

    return routes


def _draw() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)


def _shown(acquirer: Acquirer, wall: datetime, *, offered: bool) -> AcquirerShown:
    return AcquirerShown(
        partner=acquirer.partner,
        url=acquirer.url,
        client_key=acquirer.client_key,
        partner_id=acquirer.partner_id,
        channel_id=acquirer.channel_id,
        merchant_id=acquirer.merchant_id,
        rank=acquirer.rank,
        credentials=[_credential(one) for one in acquirer.credentials if one.lives(wall)],
        offered=offered,
    )


def _credential(one: Credential) -> CredentialShown:
    return CredentialShown(
        credential_id=one.credential_id,
        kind=str(one.kind),
        use=str(one.use),
        public_key=one.public_key,
        fingerprint=None if one.public_key is None else fingerprint(one.public_key),
        until=one.until,
    )
