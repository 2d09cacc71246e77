"""Somebody who has a stack running sees a QR code of a bill and has it paid, with one command, over real sockets."""

from __future__ import annotations

import httpx
import pytest

from deploy.local.outreach import history
from deploy.local.outreach.doors import Doors, Person
from deploy.local.stack import LocalStack
from tests.support.stack import open_folder
from tests.system.test_sandbox import payments

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


async def test_a_code_is_shown_and_a_wallet_pays_it() -> None:
    with open_folder() as folder:
        async with (
            LocalStack(
                folder,
                services=("registration", "payments"),
                outside=("issuer", "acquirer"),
                business_time=history.THE_DAY,
            ) as stack,
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
        ):
            doors = Doors(stack, client)
            await history.enable_acquirer(stack, doors)
            code, shown = await payments(folder, "qr")
            assert (code, shown["state"], shown["amount"]) == (0, "LIVE", 36_800)
            assert shown["content"].startswith("000201")
            who = shown["participant_id"]
            code, paid = await payments(folder, "qr", who, "--pay")
            assert (code, paid["state"], paid["bill_id"]) == (0, "PAID", shown["bill_id"])
            payer = Person(f"payer-{who}", "participant", {"participant_id": who})
            (payment,) = await doors.get("payments", "/payments", payer, participant_id=who)
            assert (payment["channel"], payment["amount"], payment["bill_id"]) == ("qris-mpm", 36_800, paid["bill_id"])
            code, following = await payments(folder, "qr", who)
            assert (code, following["state"]) == (0, "LIVE"), "the next month has a bill and a code of its own"
            assert following["bill_id"] != shown["bill_id"]
