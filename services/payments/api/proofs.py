"""Proofs of payment: a link within the caller's scope, and the PDF for whoever holds the link until it expires."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from chassis.http import NOT_FOUND, Principal, allow, problems, shown_to, within
from chassis.privacy import looks
from chassis.problems import Refusal, Rejected
from chassis.service import App, as_settings
from contracts.values import FundingSource
from services.payments.documents.links import Link, Links
from services.payments.documents.proof import OfCollective, OfDeposit, OfParticipant, Paid, proof
from services.payments.group_problems import LINK_NOT_VALID, NOT_PAID_YET, PAYMENT_TAKEN_BACK
from services.payments.queries import groups, proofs
from services.payments.settings import Settings
from services.payments.store import charges_of
from services.payments.tables import agent_balances, collective_bills, payers

KIND = "proof-of-payment"
_HOLDER = frozenset({"link"})
Asker = Annotated[Principal, Depends(allow("agent", "officer", "checker", "participant"))]
Board = Annotated[Principal, Depends(allow("coordinator", "officer", "checker"))]


class ProofLink(BaseModel):
    """`path`: where the PDF is, on this service, until `expires_at`. Whoever has it can open it: give it to the payer alone."""

    path: str
    expires_at: datetime


def router(app: App) -> APIRouter:
    routes, settings = APIRouter(tags=["proofs of payment"]), as_settings(app, Settings)
    links = Links(settings.master_key)

    def signed(found: Mapping[Any, Any] | None) -> ProofLink:
        """Who is given a link is given the name behind it: whoever opens it later is known by the link alone."""
        row = _must_stand(found)
        payment_id, who = row["payment_id"], row["participant_id"]
        if row["name"] is not None:
            looks.note("payers", "name", who, who)
        made = links.sign(KIND, payment_id, app.clock.wall() + timedelta(days=settings.proof_link_days))
        return ProofLink(path=f"/proofs/{payment_id}?{made.query}", expires_at=made.expires_at)

    @routes.get("/payments/{payment_id}/proof-link", responses=problems(NOT_FOUND, PAYMENT_TAKEN_BACK))
    async def link(principal: Asker, payment_id: UUID) -> ProofLink:
        """A link to the proof of a participant's payment, or of an agent's deposit, that stands."""
        async with app.read() as conn:
            scopes = within(principal, payers), within(principal, agent_balances)
            visible = await proofs.is_visible(conn, payment_id, *scopes)
            return signed(await proofs.paid(conn, payment_id) if visible else None)

    @routes.get(
        "/collective-bills/{bill_id}/proof-link", responses=problems(NOT_FOUND, NOT_PAID_YET, PAYMENT_TAKEN_BACK)
    )
    async def link_of_whole(principal: Board, bill_id: UUID) -> ProofLink:
        """A link to the proof of a paid collective bill as a whole; it names nobody."""
        async with app.read() as conn:
            bill = await groups.collective(conn, bill_id, within(principal, collective_bills))
            if bill is not None and bill["payment_id"] is None:
                raise Refusal(Rejected(NOT_PAID_YET))
            return signed(None if bill is None else await proofs.paid(conn, bill["payment_id"]))

    @routes.get(
        "/proofs/{payment_id}",
        response_class=Response,
        responses={200: {"content": {"application/pdf": {}}}, **problems(LINK_NOT_VALID, PAYMENT_TAKEN_BACK)},
    )
    async def download(
        request: Request,
        payment_id: UUID,
        expires: Annotated[str, Query(description="seconds since 1970")] = "",
        signature: Annotated[str, Query(description="as the link has it")] = "",
    ) -> Response:
        """The PDF, for whoever holds a link that has not expired. What became of a link on its way (cut off, a digit more) is no link."""
        read = Link.read(expires, signature)
        if read is None or not links.holds(KIND, payment_id, read, app.clock.wall()):
            raise Refusal(Rejected(LINK_NOT_VALID))
        shown_to(request, Principal(f"link:{payment_id}", _HOLDER))
        async with app.read() as conn:
            row = _must_stand(await proofs.paid(conn, payment_id))
        paid, of = _paid(row), _of(row, app)
        content = await asyncio.to_thread(proof, paid, of)
        headers = {
            "Content-Disposition": f'inline; filename="bukti-{payment_id}.pdf"',
            "Referrer-Policy": "no-referrer",
        }
        return Response(content, media_type="application/pdf", headers=headers)

    return routes


def _must_stand(found: Mapping[Any, Any] | None) -> Mapping[Any, Any]:
    if found is None:
        raise Refusal(Rejected(NOT_FOUND))
    if found["reversed_for"] is not None:
        raise Refusal(Rejected(PAYMENT_TAKEN_BACK))
    return found


def _paid(row: Mapping[Any, Any]) -> Paid:
    same = ("payment_id", "channel", "channel_reference", "amount", "effective_at", "posted_at")
    return Paid(partner=row["partner_name"] or row["partner"], **{name: row[name] for name in same})


def _of(row: Mapping[Any, Any], app: App) -> OfParticipant | OfCollective | OfDeposit:
    if row["participant_id"] is not None:
        return OfParticipant(
            name=app.vault.open("payers", "name", row["participant_id"], row["name"], of=row["participant_id"]),
            kpj=row["kpj"],
            contribution_code=row["contribution_code"],
            funding_source=FundingSource(row["funding_source"]),
            months=charges_of(row["months"]),
            collective_code=row["shared_code"],
        )
    if row["whole_code"] is not None:
        source = FundingSource(row["whole_funding_source"])
        return OfCollective(code=row["whole_code"], heads=row["heads"], funding_source=source)
    return OfDeposit(code=row["deposit_code"])
