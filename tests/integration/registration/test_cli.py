"""`perisai registration …` as an operator runs it."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from typer.testing import CliRunner

from services.registration.cli import app
from tests.integration.registration.files import row, table, worked
from tests.integration.registration.world import World


async def run(world: World, *arguments: str) -> tuple[int, str]:
    settings = world.h.app.settings
    environment = {
        "PERISAI_ENVIRONMENT": "test",
        "PERISAI_DATABASE_URL": settings.database_url,
        "PERISAI_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "PERISAI_JWKS_URL": settings.jwks_url,
        "PERISAI_ISSUER": settings.issuer,
        "PERISAI_KEY_DOOR_TOKEN": settings.key_door_token,
        "PERISAI_MASTER_KEY": base64.b64encode(settings.master_key).decode(),
        "PERISAI_NIK_HASH_KEY": base64.b64encode(settings.nik_hash_key).decode(),
    }
    result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)
    return result.exit_code, result.output


async def test_counts_and_imports(world: World) -> None:
    done = await worked(world, table(row(), row(nik="1")))
    code, output = await run(world, "counts", "--json")
    assert (code, json.loads(output)["unpaid"]) == (0, 1)
    code, output = await run(world, "imports", "list", "--json")
    listed: list[dict[str, Any]] = json.loads(output)
    assert [one["import_id"] for one in listed] == [done.summary["import_id"]]
    code, output = await run(world, "imports", "show", done.summary["import_id"], "--json")
    assert (code, json.loads(output)["codes"]) == (0, {"nik_format": 1})
    assert (await run(world, "imports", "list"))[0] == 0


async def test_an_unknown_import_says_where_to_look(world: World) -> None:
    code, output = await run(world, "imports", "show", "01a204eb-36a3-702c-a697-92daf0a6dc6f")
    assert code == 1
    assert "perisai registration imports list" in output
