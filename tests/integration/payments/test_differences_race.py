"""A further debit is booked while the file of the other day, which listed the payment first, is replaced: one sum of money never stands twice."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import httpx
import pytest

from chassis.ids import new_id
from chassis.transaction import Meta
from contracts.values import CaseId, ProposalId
from services.payments.commands.settlement.differences import DecideBooking, decide_bookings
from services.payments.queries.settlement import FILES_TIMER
from tests.integration.payments.bank import Bank
from tests.integration.payments.office import NEXT_DAY, Office, paid
from tests.integration.payments.test_differences import (
    DAY_AFTER,
    bookings,
    case_of,
    code_of,
    credit,
    decide,
    once_more,
    payment_of,
    wanted,
)
from tests.support.service import Harness
from tests.support.settlement import marked
from tests.support.turns import listed, side_by_side


class Proposed(NamedTuple):
    """A further debit of the payment, proposed by one person; a file that lists no payment waits to replace the first one."""

    payment_id: str
    case_id: str
    proposal_id: str
    path: str


@pytest.fixture
async def proposed(h: Harness, bank: Bank, office: Office) -> Proposed:
    (line,) = await paid(h, bank)
    await office.reconcile(marked(line))
    await office.reconcile(once_more(line), NEXT_DAY)
    await credit(office, 36_800, day=DAY_AFTER)
    case = await case_of(office, "duplicate")
    made = (await office.post(bookings(case), wanted(36_800))).json()["proposal_id"]
    assert (await office.upload(marked())).status_code == 202
    return Proposed(await payment_of(h, line), case["case_id"], made, f"{bookings(case)}/{made}")


async def test_a_booking_that_meets_the_end_of_the_replacing_file_is_refused(
    h: Harness, office: Office, proposed: Proposed
) -> None:
    """The file ends first: what it lacks was looked up before anything was booked, so nothing is."""
    answers: list[httpx.Response] = []
    timer, due = await listed(h, FILES_TIMER)

    async def approve() -> None:
        answers.append(await decide(h, proposed.path))

    await side_by_side(h, timer.use_case, due, approve)
    assert code_of(answers[0])[:2] == (409, "first_listing_replaced")
    assert await office.balance("suspense") == 0
    assert await office.cases(kind="missing_at_bank") == []


async def test_a_replacing_file_that_ends_beside_a_booking_lacks_the_payment(
    h: Harness, office: Office, proposed: Proposed
) -> None:
    """The booking is first: its line lists the booked money alone, and the file's end knows it."""
    timer, due = await listed(h, FILES_TIMER)
    meta = Meta("central-2", new_id())
    approval = DecideBooking(CaseId(UUID(proposed.case_id)), ProposalId(UUID(proposed.proposal_id)), True, meta)
    await side_by_side(h, decide_bookings, [approval], lambda: h.run(timer.use_case, due))
    assert await office.balance("suspense") == -36_800
    (missing,) = await office.cases(kind="missing_at_bank")
    assert missing["payment_id"] == proposed.payment_id
