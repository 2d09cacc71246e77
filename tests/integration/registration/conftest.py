"""A service of its own per test, and the people of one branch."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.registration.app import SERVICE
from tests.integration.registration.world import World
from tests.support.service import Harness, harness
from tests.support.stack import Stack


@pytest.fixture
async def h(stack: Stack) -> AsyncIterator[Harness]:
    async with harness(SERVICE, stack) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(stack: Stack) -> AsyncIterator[World]:
    """One world for all tests of a module: for those that leave it as it is."""
    async with harness(SERVICE, stack) as made:
        yield await World.opened(made)


@pytest.fixture
async def world(h: Harness) -> World:
    return await World.opened(h)
