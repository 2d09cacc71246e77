"""The operators' commands, as they are typed."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chassis.tables import business_clock
from contracts.values import WIB
from services.payments.cli import app
from tests.integration.payments.bank import Bank
from tests.integration.payments.people import register
from tests.integration.payments.test_suspense import in_suspense
from tests.support.service import NIK_HASH_KEY, Harness, key_bytes


async def test_the_books_and_the_partners(h: Harness, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = h.app.settings
    for name, value in {
        "ENVIRONMENT": "test",
        "DATABASE_URL": settings.database_url,
        "KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "JWKS_URL": settings.jwks_url,
        "ISSUER": settings.issuer,
        "MASTER_KEY": base64.b64encode(key_bytes("payments")).decode(),
        "NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
        "REGISTRATION_URL": settings.registration_url,
        "KEY_DOOR_TOKEN": settings.key_door_token,
    }.items():
        monkeypatch.setenv(f"PERISAI_{name}", value)
    await bank.buy((await register(h)).code)

    async def typed(*words: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert result.exit_code == 0, result.output
        return result.output

    found = json.loads(await typed("trial-balance", "--json"))
    assert (found["contributions"], found["suspense"], found["imbalance"]) == (36_800, 0, 0)
    assert "clearing:bank-a" in await typed("trial-balance")
    assert f"{h.clock.business().astimezone(WIB):%Y-%m-%d %H:}" in (told := await typed("statement", "clearing:bank-a"))
    assert " WIB " in told
    assert json.loads(await typed("partners", "--json"))[0]["partner"] == "bank-a"
    assert "bank-a" in await typed("partners")
    await in_suspense(h, "9999999999999", 5_000)
    moved = h.clock.business() + timedelta(days=2, hours=1) - datetime.now(UTC)
    async with h.app.engine.begin() as conn:
        await conn.execute(sa.insert(business_clock).values(id=1, offset_seconds=round(moved.total_seconds())))
    assert [case["age_days"] for case in json.loads(await typed("suspense", "--json"))] == [2], "as the service counts"
