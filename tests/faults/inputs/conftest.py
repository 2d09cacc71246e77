"""Where bad input is sent: services as their processes serve them, each test on a database of its own."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from tests.faults.inputs.kafka import Reading, of_payments, of_totals
from tests.faults.threats.served import served
from tests.integration.payments.bank import Bank
from tests.integration.registration.world import World
from tests.support.stack import Stack
from tests.support.toy import running


@pytest.fixture
def dice(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    """Registration, with one branch, a Wadah and an active agent."""
    async with served("registration", stack) as h:
        yield await World.opened(h)


@pytest.fixture
async def bank(stack: Stack) -> AsyncIterator[Bank]:
    """Payments, and a partner that may call it."""
    async with served("payments", stack) as h:
        yield await Bank(h).enable()


@pytest.fixture
async def reading(stack: Stack) -> AsyncIterator[Reading]:
    """Payments' reader of `participants`."""
    async with of_payments(stack) as reading:
        yield reading


@pytest.fixture
async def totalling(stack: Stack) -> AsyncIterator[Reading]:
    """The toy reader at work."""
    async with of_totals(stack) as reading, running(reading.process):
        yield reading
