"""Audit on a database of its own, and records as other services would publish them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.audit.world import World, audited
from tests.support.stack import Stack


@pytest.fixture
async def w(stack: Stack, tmp_path: Path) -> AsyncIterator[World]:
    async with audited(stack, tmp_path / "checkpoints") as world:
        yield world
