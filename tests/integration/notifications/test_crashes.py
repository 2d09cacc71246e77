"""A real sender process killed between the two ends of a call (crash points N4 and N5), with both kinds of provider."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from pathlib import Path

import pytest

from services.notifications.domain.notification import State
from tests.integration.notifications.driver import Driver
from tests.support.clock import START
from tests.support.service import NIK_HASH_KEY, key_bytes


async def killed_at(d: Driver, point: str, log: Path) -> None:
    """Runs `python -m services.notifications` with its sender alone, until it kills itself at the point."""
    settings = d.h.app.settings
    offset = START - d.h.clock.wall()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.notifications",
        env={
            "PATH": os.environ["PATH"],
            "FAULT_AT": point,
            "FAULT_LOG": str(log),
            "PERISAI_ENVIRONMENT": "test",
            "PERISAI_ROLES": "workers",
            "PERISAI_DATABASE_URL": settings.database_url,
            "PERISAI_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "PERISAI_JWKS_URL": settings.jwks_url,
            "PERISAI_ISSUER": settings.issuer,
            "PERISAI_MASTER_KEY": base64.b64encode(key_bytes("notifications")).decode(),
            "PERISAI_NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
            "PERISAI_REGISTRATION_URL": settings.registration_url,
            "PERISAI_KEY_DOOR_TOKEN": settings.key_door_token,
            "PERISAI_CLOCK_OFFSET_S": str(int(offset.total_seconds())),
            "PERISAI_GATEWAY_URL": d.gateway.url,
            "PERISAI_GATEWAY_API_KEY": d.gateway.api_key,
            "PERISAI_GATEWAY_WEBHOOK_SECRET": d.gateway.secret,
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(30):
        assert await process.wait() == -signal.SIGKILL
    assert log.read_text().startswith(f"fired {point} ")


@pytest.mark.parametrize(("point", "sent_before"), [("N4", 0), ("N5", 1)])
async def test_with_a_provider_that_honours_keys_the_message_is_sent_once(
    d: Driver, tmp_path: Path, point: str, sent_before: int
) -> None:
    welcome = await d.queued()
    await killed_at(d, point, tmp_path / "fired")
    assert len(await d.gateway.messages(welcome)) == sent_before
    assert await d.state(welcome) is State.QUEUED
    d.later()
    await d.sender().send_batch()
    (message,) = await d.gateway.messages(welcome)
    assert message["repeats"] == sent_before
    sent = await d.message(welcome)
    assert (sent.state, sent.attempts) == (State.SENT, 2)


@pytest.mark.parametrize(("point", "sent_before"), [("N4", 0), ("N5", 1)])
async def test_with_any_other_provider_it_ends_in_unknown(
    d: Driver, tmp_path: Path, point: str, sent_before: int
) -> None:
    welcome = await d.queued()
    await d.gateway.behave(honours_keys=False, receipts="never")
    await killed_at(d, point, tmp_path / "fired")
    d.later()
    await d.sender(honours_keys=False).send_batch()
    unknown = await d.message(welcome)
    assert (unknown.state, unknown.attempts) == (State.UNKNOWN, 1)
    assert len(await d.gateway.messages(welcome)) == sent_before
