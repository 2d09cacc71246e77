"""Audit on a database of its own, and records as other services would publish them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.audit import feeding
from tests.integration.audit.world import World, audited
from tests.support.stack import Stack


@pytest.fixture
async def w(stack: Stack, tmp_path: Path) -> AsyncIterator[World]:
    async with audited(stack, tmp_path / "checkpoints") as world:
        yield world


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests in which what the archive lacks never comes."""
    monkeypatch.setattr(feeding, "PATIENCE_S", 1.0)
