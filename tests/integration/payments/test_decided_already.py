"""Whoever decides second is told so in one form: 409, decided already, and by whom. His words are not dropped behind a 200."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.integration.payments.bank import Bank
from tests.integration.payments.office import Office, paid
from tests.integration.payments.test_differences import bookings, case_of, credit, wanted
from tests.integration.payments.test_differences import decide as decide_booking
from tests.integration.payments.test_parameters import ONE_OR_TWO
from tests.integration.payments.test_parameters import decide as decide_set
from tests.integration.payments.test_parameters import propose as propose_set
from tests.integration.payments.test_suspense import account, approve, head, in_suspense, post, propose
from tests.support.service import Harness
from tests.support.settlement import marked


def told(answer: Any) -> tuple[str, bool]:
    """The code, and whether both languages name who decided."""
    body = answer.json() if isinstance(answer, httpx.Response) else answer
    return body["code"], all("-1" in text or "-2" in text for text in body["messages"].values())


async def test_of_two_who_approve_a_set_at_once_one_is_told_that_the_other_did(h: Harness) -> None:
    set_id = (await propose_set(h, "prepay_months", ONE_OR_TWO)).json()["set_id"]
    answers = await asyncio.gather(
        *(decide_set(h, "prepay_months", set_id, "approve", by=f"central-2{n}") for n in "ab")
    )
    assert sorted(a.status_code for a in answers) == [200, 409]
    (lost,) = [a for a in answers if a.status_code == 409]
    assert told(lost) == ("set_decided", True)
    again = await decide_set(h, "prepay_months", set_id, "withdraw", by="central-3", reason="salah ketik")
    assert (again.status_code, told(again)) == (409, ("set_decided", True))


async def test_a_second_verification_is_refused_and_its_evidence_is_not_taken_for_noted(h: Harness) -> None:
    key = await account(h, verified=False)
    path = f"/payee-accounts/{key}/verification"
    await post(h, path, {"evidence": "buku 1"}, head(h), 200)
    lost = await post(h, path, {"evidence": "buku 2"}, head(h, "head-9"), 409)
    assert told(lost) == ("payee_account_verified", True)
    assert "head-1" in lost["messages"]["en"]
    await post(h, path, {"evidence": "buku 1"}, head(h), 200)  # the same words of the same person: a repetition
    shown = (await h.client.get(f"/payee-accounts/{key}", headers=head(h))).json()
    assert (shown["verified_by"], shown["evidence"]) == ("head-1", "buku 1")


async def test_a_proposal_that_was_decided_names_who_did(h: Harness) -> None:
    made = await propose(h, "RETURN", await in_suspense(h, "9999999999999", 5_000), payee_account_id=await account(h))
    await approve(h, made)
    lost = await approve(h, made, 409, headers=head(h, "head-9"))
    assert told(lost) == ("proposal_decided", True)
    assert "head-1" in lost["messages"]["id"]


async def test_a_booking_that_was_approved_or_dropped_is_no_unknown_one(h: Harness, bank: Bank, office: Office) -> None:
    (line,) = await paid(h, bank)
    await office.reconcile(marked((line[0], line[1], 40_000, 1_000)))
    await credit(office, 39_000)
    case = await case_of(office, "amount_differs")
    dropped, booked = [f"{bookings(case)}/{await proposed(office, case, word)}" for word in ("refusal", "approval")]
    for path in (dropped, booked):
        for word in ("refusal", "approval"):
            lost = await decide_booking(office.h, path, word, "central-9")
            assert (lost.status_code, told(lost)) == (409, ("booking_decided", True)), lost.text
    unknown = f"{bookings(case)}/{case['case_id']}"
    assert (await decide_booking(office.h, unknown)).status_code == 404


async def proposed(office: Office, case: dict[str, Any], word: str) -> str:
    """A proposal that central-2 decided with this word; its id."""
    made = await office.post(bookings(case), wanted(3_200))
    proposal_id: str = made.json()["proposal_id"]
    answer = await decide_booking(office.h, f"{bookings(case)}/{proposal_id}", word)
    assert answer.status_code == 200, answer.text
    return proposal_id
