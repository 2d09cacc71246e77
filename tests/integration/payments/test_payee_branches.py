"""A payee account is of the branch whose Wadah it pays: another branch neither records nor verifies it (decision 230)."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.transaction import Meta, Scope
from contracts.events.astray import OtherPayeeAccountRecorded, PayeeKind
from contracts.values import PayeeAccountId, WadahId
from services.payments.commands.payees import RecordPayee, change_payees
from services.payments.projections.astray import seal_details
from tests.integration.payments.agency import engage
from tests.integration.payments.people import BRANCH
from tests.integration.payments.test_suspense import ELSEWHERE, account, head, officer, post
from tests.support.service import Harness


def wanted(wadah_id: object) -> dict[str, Any]:
    return {
        "kind": "WADAH",
        "owner_id": str(wadah_id),
        "bank_code": "008",
        "number": "1370001234567",
        "holder": "Contoh",
    }


async def test_the_account_of_another_branchs_wadah_is_as_unknown_as_one_of_no_wadah(h: Harness) -> None:
    wadah = await engage(h, branch=BRANCH)
    foreign = await post(h, "/payee-accounts", wanted(wadah.wadah_id), officer(h, branch=ELSEWHERE), 404)
    unknown = await post(h, "/payee-accounts", wanted(new_id()), officer(h), 404)
    assert (foreign["code"], foreign["messages"]) == (unknown["code"], unknown["messages"])
    assert (await h.client.get("/payee-accounts", headers=officer(h, branch=ELSEWHERE))).json() == []
    await account(h, "WADAH", wadah.wadah_id)


async def test_what_another_branch_once_recorded_it_cannot_verify_but_retire(h: Harness) -> None:
    wadah = await engage(h, branch=BRANCH)
    key = await recorded_elsewhere(h, wadah.wadah_id)
    path, theirs = f"/payee-accounts/{key}", head(h, branch=ELSEWHERE)
    await post(h, f"{path}/verification", {"evidence": "buku 1"}, theirs, 404)
    shown = (await h.client.get(path, headers=theirs)).json()
    assert (shown["verified_by"], shown["number"]) == (None, "1370001234567")
    await post(h, f"{path}/retirement", {"reason": "wrong_branch"}, theirs, 200)


async def recorded_elsewhere(h: Harness, wadah_id: UUID | None) -> PayeeAccountId:
    """As it was possible before the door asked whose Wadah it is."""
    key = PayeeAccountId(new_id())
    box = seal_details(h.app.vault, key, '{"number": "1370001234567", "holder": "Contoh"}')
    assert box is not None and wadah_id is not None
    event = OtherPayeeAccountRecorded(
        payee_account_id=key,
        kind=PayeeKind.WADAH,
        wadah_id=WadahId(wadah_id),
        bank_code="008",
        box=base64.b64encode(box).decode(),
        recorded_by="officer-9",
    )
    meta = Meta(actor="officer-9", correlation_id=new_id())
    await h.run(change_payees, [RecordPayee(event, Scope(ELSEWHERE, wadah_id), meta)])
    return key
