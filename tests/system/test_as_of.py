"""`perisai audit as-of` in a running stack: an account that a hearing can read, and questions that are refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.ids import new_id
from deploy.local.outreach.doors import Doors, Person
from tests.support.eventually import eventually
from tests.support.perisai import Typed
from tests.system.test_audit import Ground, ground

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
WADAH = {"name": "DPC Contoh", "agreement_number": "PKS/1", "term_from": "2026-01-01", "term_to": "2026-12-31"}


async def engaged(g: Ground) -> str:
    """A Wadah of the branch that is there."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        doors = Doors(g.stack, client)
        central = Person("central-1", "central")
        (branch, *_) = (await doors.get("registration", "/branches", central))["items"]
        officer = Person("officer-1", "officer", {"branch_id": branch["branch_id"]})
        made = await doors.post("registration", "/wadah", officer, WADAH, key="w")
        return str(made["wadah_id"])


async def test_an_account_is_told_printed_and_refused(tmp_path: Path) -> None:
    async with ground() as g:
        before = datetime.now(UTC)
        wadah = await engaged(g)
        told: list[Typed] = []

        async def archived() -> bool:
            told[:] = [await g.audit("as-of", datetime.now(UTC).isoformat(), "--wadah", wadah, "--json")]
            return told[0].code == 0

        await eventually(archived, what="the Wadah in the archive")
        found: Any = told[0].told
        assert [one["type"] for one in found["events"]] == ["WadahEngaged"]
        assert found["events"][0]["actor"] == "officer-1" and found["events"][0]["rules"]
        (row,) = found["states"]["registration"]["wadah"]
        assert (row["wadah_id"], row["name"], found["differences"]) == (wadah, "DPC Contoh", [])
        page = tmp_path / "wadah.html"
        text = await g.audit("as-of", datetime.now(UTC).isoformat(), "--wadah", wadah, "--html", str(page))
        assert "WadahEngaged" in text.out and "officer-1" in text.out
        assert "DPC Contoh" in page.read_text(encoding="utf-8")
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        for words, said in (
            ((before.isoformat(), "--wadah", wadah), "nothing_known"),
            ((datetime.now(UTC).isoformat(), "--participant", str(new_id())), "nothing_known"),
            ((tomorrow, "--wadah", wadah), "time_to_come"),
            (("tuesday", "--wadah", wadah), "'tuesday'"),
            ((datetime.now(UTC).isoformat(), "--wadah", wadah, "--agent", wadah), "--participant, --agent"),
        ):
            refused = await g.audit("as-of", *words)
            assert (refused.code, refused.out) == (1, ""), words
            assert said in refused.errors and " / " in refused.errors, refused.errors
