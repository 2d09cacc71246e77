"""The operators' commands, as they are typed."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from typer.testing import CliRunner, Result

from services.notifications.cli import app
from tests.integration.notifications.driver import Driver
from tests.support.service import NIK_HASH_KEY, key_bytes


@pytest.fixture
def environment(d: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = d.h.app.settings
    for name, value in {
        "ENVIRONMENT": "test",
        "DATABASE_URL": settings.database_url,
        "KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "JWKS_URL": settings.jwks_url,
        "ISSUER": settings.issuer,
        "MASTER_KEY": base64.b64encode(key_bytes("notifications")).decode(),
        "NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
        "GATEWAY_URL": d.gateway.url,
        "GATEWAY_API_KEY": d.gateway.api_key,
        "GATEWAY_WEBHOOK_SECRET": d.gateway.secret,
    }.items():
        monkeypatch.setenv(f"PERISAI_{name}", value)


async def typed(*words: str) -> Result:
    """In a thread of its own, where the command may have its own event loop."""
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.usefixtures("environment")
async def test_counts(d: Driver) -> None:
    await d.queued()
    counted = {"queued": 1, "waiting": 1, "sent": 0, "delivered": 0, "failed": 0, "unknown": 0}
    assert json.loads((await typed("counts", "--json")).output) == counted
    assert "waiting    1" in (await typed("counts")).output


@pytest.mark.usefixtures("environment")
async def test_list(d: Driver) -> None:
    welcome = await d.queued()
    (shown,) = json.loads((await typed("list", "--json", "--state", "QUEUED")).output)
    assert (shown["notification_id"], shown["template"]) == (str(welcome), "welcome")
    assert json.loads((await typed("list", "--json", "--state", "UNKNOWN")).output) == []
    assert "no such message" in (await typed("list", "--state", "UNKNOWN")).output
    assert "welcome" in (await typed("list")).output


@pytest.mark.usefixtures("environment")
async def test_a_missing_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERISAI_GATEWAY_URL")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["counts"])
    assert (result.exit_code, "PERISAI_GATEWAY_URL is not set." in result.output) == (1, True)
