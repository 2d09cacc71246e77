"""Where bad input is sent: services as their processes serve them, each test on a database of its own."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from tests.faults.threats.served import served
from tests.integration.payments.bank import Bank
from tests.integration.registration.world import World
from tests.support.stack import Stack


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
