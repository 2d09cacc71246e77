"""Issuing a collective bill and posting its shares cost the same statements, however many heads there are."""

from __future__ import annotations

import pytest

from chassis.ids import new_id
from chassis.timers import Due
from chassis.transaction import Meta
from services.payments.commands.shares import post_shares
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.groups import bill, progress, register_many
from tests.support.counters import holds
from tests.support.service import Harness

CHECK = 1
"""Outside production the runner asserts at one statement per batch that nothing was written while loading."""


def due(h: Harness, bill_id: str) -> Due:
    return Due(bill_id, Meta("tests", new_id()), h.clock.business())


@pytest.mark.parametrize("size", [1, 200])
async def test_a_batch_of_shares_takes_the_same_statements_however_many_they_are(
    h: Harness, bank: Bank, size: int
) -> None:
    issued = await bill(h, await register_many(h, size))
    assert code(await bank.pay(issued["code"], issued["amount"])) == "2002500"
    before, _ = await h.statements()
    await h.run(post_shares, [due(h, issued["bill_id"])])
    after, _ = await h.statements()
    assert (await progress(h, issued["bill_id"]))["shares_posted"] == size
    holds("payments.share_batch.statements", after - before - CHECK)


@pytest.mark.parametrize("size", [1, 200])
async def test_issuing_takes_the_same_statements_however_many_heads(h: Harness, size: int) -> None:
    people = await register_many(h, size)
    before, _ = await h.statements()
    await bill(h, people)
    after, _ = await h.statements()
    holds("payments.collective_issue.statements", after - before - CHECK)
