"""Audit on a database of its own, and records as other services would publish them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.audit.app import SERVICE
from tests.integration.audit.world import ORIGIN, SEED, World
from tests.support.service import harness
from tests.support.stack import Stack


@pytest.fixture
async def w(stack: Stack, tmp_path: Path) -> AsyncIterator[World]:
    settings: dict[str, Any] = {
        "audit_log": ORIGIN,
        "audit_signing_key": base64.b64encode(SEED).decode(),
        "audit_folder": tmp_path / "checkpoints",
    }
    async with harness(SERVICE, stack, **settings) as h:
        name = h.app.settings.database_url.rpartition("/")[2]
        yield World(h, f"{stack.admin_url.rpartition('/')[0]}/{name}")
