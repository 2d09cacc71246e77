from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.payments import metrics
from services.payments.app import SERVICE
from services.payments.domain.snap.sent import SENT
from tests.integration.payments.bank import Bank
from tests.integration.payments.office import Office
from tests.support.service import Harness, harness
from tests.support.stack import Stack

PUBLISHED = {case.code(service) for case, services, _ in SENT for service in services}


def answered_codes() -> set[str]:
    """Every code that a partner was told in this process so far."""
    samples = (sample for metric in metrics.SNAP_ANSWERS.collect() for sample in metric.samples)
    return {sample.labels["code"] for sample in samples}


@pytest.fixture
async def h(stack: Stack) -> AsyncIterator[Harness]:
    """Payments on a database of its own; every test ends with its replay equal to what stands."""
    async with harness(SERVICE, stack) as found:
        yield found
        outcome = await found.replay()
        assert outcome.equal, outcome.differences
    assert answered_codes() <= PUBLISHED, (
        "a bank was told a code that the published list does not name for that service"
    )


@pytest.fixture
async def bank(h: Harness) -> Bank:
    return await Bank(h).enable()


@pytest.fixture
async def office(h: Harness, bank: Bank) -> Office:
    """Whose layout of the bank's files is agreed."""
    office = Office(h)
    assert (await office.agree()).status_code == 201
    return office
