"""A bank's integration team at work: a sandbox is made in a running stack, and the conformance run passes against it, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.outreach.history import THE_DAY
from deploy.local.places import PROJECT
from deploy.local.stack import LocalStack
from tests.support.stack import open_folder

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
NUMBERS = 20
NEEDS_MORE = {"blocked", "closed", "expired", "overdue", "ended", "first", "small", "large", "voided"}
"""Kinds of numbers, and payments that a sandbox has none of; tests/integration/payments/test_conformance.py plays those too."""


async def typed(folder: Path, *words: str) -> tuple[int, Any]:
    """Exit code and JSON of `perisai payments …`, typed by somebody who has nothing but this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERISAI_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "payments", *words, "--json",
        env=kept | {"PERISAI_HOME": str(folder)}, cwd=PROJECT, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert out, errors.decode()
    return process.returncode or 0, json.loads(out)


async def test_a_sandbox_is_made_and_the_conformance_run_passes_against_it() -> None:
    with open_folder() as folder:
        async with LocalStack(
            folder, services=("registration", "payments"), outside=("issuer",), business_time=THE_DAY
        ) as stack:
            code, made = await typed(folder, "sandbox", "--numbers", str(NUMBERS))
            assert (code, made["numbers"]) == (0, NUMBERS)
            file = Path(made["credentials"])
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            code, found = await typed(folder, "conformance", "--credentials", str(file))
            failed = [f"{one['name']}: {one['why']}" for one in found["exchanges"] if one["outcome"] == "failed"]
            assert code == 0, "\n".join(failed)
            assert found["passed"] >= 340
            needs = {why.rpartition("`")[0].rpartition("`")[2] for one in found["exchanges"] for why in one["why"]}
            assert needs <= NEEDS_MORE
            secrets = [side["client_secret"] for side in json.loads(file.read_text())["sides"].values()]
            assert not any(secret in json.dumps(found) for secret in secrets)
            async with httpx.AsyncClient(trust_env=False) as client:
                page = await client.get(stack.url("payments") + "/snap/docs")
            assert page.text == (PROJECT / "docs" / "biller.md").read_text(encoding="utf-8")
