"""A channel is one file behind the port and its name in the settings: a fourth one proves it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.payments import channels
from services.payments.app import SERVICE
from services.payments.channels import UnknownChannel
from services.payments.settings import Settings
from tests.integration.payments.people import register
from tests.support.service import harness, settings_for
from tests.support.stack import Stack

TOY = '''
"""A wallet that tells of payments by a plain request: the whole channel."""
from fastapi import APIRouter, Request
from pydantic import BaseModel
from chassis.ids import new_id
from chassis.service import Composition
from chassis.transaction import Meta
from services.payments.commands.arrive import Arrival
from services.payments.domain.parameters import PaymentChannel


class Receipt(BaseModel):
    id: str
    code: str
    amount: int


class Toy:
    name = "toy-wallet"

    def open(self, port):
        routes = APIRouter()

        @routes.post("/toy/receipts")
        async def receipt(told: Receipt) -> dict[str, str]:
            arrived = await port.arrived(Arrival(
                partner="toy", channel=self.name, channel_reference=told.id, amount=told.amount, code=told.code,
                effective_at=port.app.clock.business(), meta=Meta("partner:toy", new_id()),
                came_by=PaymentChannel.QRIS,
            ))
            return {"outcome": arrived.outcome}

        return Composition(routers=[routes])


CHANNEL = Toy()
'''


async def test_a_new_channel_is_one_file_and_its_name(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setattr(channels, "__path__", [*channels.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{channels.__name__}.toy", raising=False)
    names = (*Settings.model_fields["channels"].default, "toy")
    async with harness(SERVICE, stack, channels=names) as h:
        who = await register(h)

        async def tell(reference: str, amount: int) -> str:
            told = {"id": reference, "code": who.code, "amount": amount}
            return str((await h.client.post("/toy/receipts", json=told)).json()["outcome"])

        outcomes = [await tell("W-1", 36_800), await tell("W-1", 36_800), await tell("W-1", 5), await tell("W-2", 5)]
        assert outcomes == ["POSTED", "KNOWN", "DIFFERS", "SUSPENDED"]
        path = f"/payments?participant_id={who.participant_id}"
        shown = (await h.client.get(path, headers=h.token(roles=["auditor"]))).json()
        assert "toy-wallet" in {payment["channel"] for payment in shown}
        outcome = await h.replay()
        assert outcome.equal, outcome.differences
    sys.modules.pop(f"{channels.__name__}.toy", None)


async def test_a_name_without_a_module_does_not_start(stack: Stack) -> None:
    with pytest.raises(UnknownChannel, match="PERISAI_CHANNELS"):
        async with harness(SERVICE, stack, channels=("snap_va", "pigeon")):
            pass


def test_channels_are_named_by_comma() -> None:
    settings = settings_for(SERVICE, "postgresql://x", channels="snap_va, settlement_file")
    assert settings.channels == ("snap_va", "settlement_file")
