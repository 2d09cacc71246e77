"""Months paid in advance beyond the last day of an agreement: the statement says that they are left out, and why (decision 232)."""

from __future__ import annotations

from datetime import date

from tests.integration.payments.agency import close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import ahead, enrol, statement, wadah_statement
from tests.integration.payments.test_incentive_payouts import documents
from tests.support.service import Harness

MONTH = 36_800


async def test_a_statement_of_the_last_month_says_what_it_leaves_out(h: Harness, bank: Bank) -> None:
    ending, going_on = [
        await hire(h, await engage(h, term=(date(2020, 1, 1), last)))
        for last in (date(2025, 10, 31), date(2025, 11, 30))
    ]
    for worker in (ending, going_on):
        (who,) = await enrol(h, worker, 1)
        await ahead(h, bank, worker, who, 2)
    await close_month(h, at(2025, 11, 4, 1))
    for worker, received, ends, said in (
        (ending, MONTH, "2025-10-31", True),
        (going_on, 2 * MONTH, "2025-11-30", False),
    ):
        whole, own = await wadah_statement(h, worker, "2025-10"), await statement(h, worker, "2025-10")
        assert [(one["received"], one["agreement_ends"]) for one in (whole, own)] == [(received, ends)] * 2
        for text in await documents(h, worker):
            assert ("count once another follows" in text.replace("\n", " ")) == said, text
