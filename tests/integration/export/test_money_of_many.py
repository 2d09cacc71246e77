"""Four tenants with money of every kind, QR codes too: what payments holds of a participant is in the copy row by row, and nothing of the others."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from tests.faults.threats.served import served
from tests.faults.threats.tenants import BUILD, leaked
from tests.integration.export.held import is_whole, rows_about, rows_in
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(600)


async def test_every_row_of_each_participant_is_in_the_copy(stack: Stack) -> None:
    async with served("payments", stack) as h:
        tenants = await BUILD["payments"](h)
        for tenant in tenants:
            who = UUID(tenant.values["participant_id"])
            path = f"/participants/{who}/export"
            answer = await h.client.get(path, headers=tenant.headers(h, "participant"))
            assert answer.status_code == 200, answer.text
            copy = is_whole(answer.json())
            assert await rows_about(h, who) - rows_in(h, copy) == set(), tenant.name
            assert {"qr_codes", "cash_received", "collective_lines"} <= {table["name"] for table in copy["tables"]}
            assert leaked(json.dumps(copy), [one for one in tenants if one is not tenant]) == []
