"""Audit in a running stack: what an auditor asks with commands is answered, and an outsider can check it without us."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from chassis.ids import new_id
from deploy.local.outreach.doors import Doors, Person
from deploy.local.stack import LocalStack
from tests.support.eventually import eventually
from tests.support.perisai import Typed, ran, typed
from tests.support.stack import open_folder

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
BRANCH = {"code": "TGR-CMN", "name": "Tangerang Cimone", "city": "Kota Tangerang", "time_zone": "Asia/Jakarta"}
VERIFIER = "services/audit/verifier/verify_proof.py"


@dataclass
class Ground:
    """A stack with one event in it, signed."""

    stack: LocalStack
    event_id: str

    async def audit(self, *words: str) -> Typed:
        return await typed(self.stack.folder, "audit", *words)

    async def tamper(self, sql: str) -> None:
        """As an insider with superuser rights would."""
        url = self.stack.postgres.admin_url.rpartition("/")[0]
        connection = await asyncpg.connect(f"{url}/{self.stack.databases.database('audit')}")
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    with open_folder() as folder:
        async with (
            LocalStack(folder, services=("registration", "audit"), outside=("issuer",)) as stack,
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
        ):
            await Doors(stack, client).post(
                "registration", "/branches", Person("central-1", "central"), BRANCH, key="b"
            )
            yield Ground(stack, await _signed(stack))


async def _signed(stack: LocalStack) -> str:
    """The id of the branch's event, once a checkpoint is over it."""
    reader = await asyncpg.connect(stack.databases.url("audit", "reader"))
    found: list[Any] = []

    async def there() -> bool:
        asked = (
            "SELECT event_id FROM archive WHERE type = 'BranchOpened' AND place < (SELECT max(size) FROM checkpoints)"
        )
        found[:] = await reader.fetch(asked)
        return bool(found)

    try:
        await eventually(there, what="a checkpoint over the branch")
    finally:
        await reader.close()
    return str(found[0]["event_id"])


async def test_a_proof_is_made_and_checked_without_us(tmp_path: Path) -> None:
    async with ground() as g:
        key = (await g.audit("key")).out.strip()
        file = tmp_path / "branch.tlog-proof"
        made = await g.audit("prove", g.event_id, "-o", str(file))
        assert (made.code, made.errors) == (0, "")
        assert f"--key {key}" in made.out.replace("'", "")
        check = partial(ran, g.stack.folder, sys.executable, VERIFIER)
        proved = await check(str(file), "--key", key)
        assert proved.code == 0 and "TERBUKTI" in proved.out and "BranchOpened" in proved.out
        file.write_text(file.read_text().replace("index 0", "index 1"))
        altered = await check(str(file), "--key", key)
        assert altered.code == 1 and "NOT PROVED / TIDAK TERBUKTI" in altered.out
        for words, said in (
            ((str(new_id()),), "EVENT_ID: no event"),
            (("tuesday",), "EVENT_ID: 'tuesday' is not the id of an event"),
            ((g.event_id, "-o", str(tmp_path / "nowhere" / "x")), "-o: "),
        ):
            refused = await g.audit("prove", *words)
            assert (refused.code, refused.out) == (1, "")
            assert said in refused.errors and " / " in refused.errors and len(refused.errors.splitlines()) == 1
