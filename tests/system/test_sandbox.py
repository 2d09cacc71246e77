"""A bank's integration team at work: a sandbox is made in a running stack, and the conformance run passes against it, over real sockets."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.outreach.history import THE_DAY
from deploy.local.places import PROJECT
from deploy.local.stack import LocalStack
from services.payments.kit.lacking import LACKS
from tests.support.perisai import typed
from tests.support.stack import open_folder

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
NUMBERS = 20
NEEDS_MORE = {*LACKS}
"""Kinds of numbers, and payments that a sandbox has none of; tests/integration/payments/test_conformance.py plays those too."""


async def payments(folder: Path, *words: str) -> tuple[int, Any]:
    """Exit code and JSON of `perisai payments …`."""
    found = await typed(folder, "payments", *words, "--json")
    return found.code, found.told


async def test_a_sandbox_is_made_and_the_conformance_run_passes_against_it() -> None:
    with open_folder() as folder:
        async with LocalStack(
            folder, services=("registration", "payments"), outside=("issuer",), business_time=THE_DAY
        ) as stack:
            code, made = await payments(folder, "sandbox", "--numbers", str(NUMBERS))
            assert (code, made["numbers"]) == (0, NUMBERS)
            file = Path(made["credentials"])
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            code, found = await payments(folder, "conformance", "--credentials", str(file))
            failed = [f"{one['name']}: {one['why']}" for one in found["exchanges"] if one["outcome"] == "failed"]
            assert code == 0, "\n".join(failed)
            assert found["passed"] >= 340
            needs = {why.rpartition("`")[0].rpartition("`")[2] for one in found["exchanges"] for why in one["why"]}
            assert needs <= NEEDS_MORE
            secrets = [side["client_secret"] for side in json.loads(file.read_text())["sides"].values()]
            assert not any(secret in json.dumps(found) for secret in secrets)
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                page = await client.get(stack.url("payments") + "/snap/docs")
            assert page.text == (PROJECT / "docs" / "biller.md").read_text(encoding="utf-8")
