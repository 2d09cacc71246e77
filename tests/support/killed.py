"""A process of a service, on the servers of a harness, that kills itself at a crash point."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from tests.support.service import NIK_HASH_KEY, Harness, key_bytes


async def killed_at(
    h: Harness, point: str, log: Path, *, roles: str, offset: timedelta, within_s: float, **more: str
) -> None:
    """Runs `python -m services.NAME` with these roles alone, until it kills itself at the point; the log says that it was there.

    `offset`: of its business clock from the machine's. `more`: further settings, as variables. TimeoutError where it lives on; it is ended.
    """
    settings, name = h.app.settings, h.service.name
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{name}",
        env={
            "PATH": os.environ["PATH"],
            "FAULT_AT": point,
            "FAULT_LOG": str(log),
            "PERISAI_ENVIRONMENT": "test",
            "PERISAI_ROLES": roles,
            "PERISAI_HTTP_PORT": "0",
            "PERISAI_DATABASE_URL": settings.database_url,
            "PERISAI_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "PERISAI_JWKS_URL": settings.jwks_url,
            "PERISAI_ISSUER": settings.issuer,
            "PERISAI_MASTER_KEY": base64.b64encode(key_bytes(name)).decode(),
            "PERISAI_NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
            "PERISAI_REGISTRATION_URL": settings.registration_url,
            "PERISAI_KEY_DOOR_TOKEN": settings.key_door_token,
            "PERISAI_CLOCK_OFFSET_S": str(int(offset.total_seconds())),
            **more,
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(within_s):
            assert await process.wait() == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
    assert log.read_text().startswith(f"fired {point} ")
