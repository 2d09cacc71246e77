from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.payments.app import SERVICE
from tests.integration.payments.bank import Bank
from tests.support.service import Harness, harness
from tests.support.stack import Stack


@pytest.fixture
async def h(stack: Stack) -> AsyncIterator[Harness]:
    """Payments on a database of its own; every test ends with its replay equal to what stands.

    A bank is answered in its time however slow the machine is: what happens after that time is asked where it is set short.
    """
    async with harness(SERVICE, stack, answer_budget_s=60) as found:
        yield found
        outcome = await found.replay()
        assert outcome.equal, outcome.differences


@pytest.fixture
async def bank(h: Harness) -> Bank:
    return await Bank(h).enable()
