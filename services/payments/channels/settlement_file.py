"""Settlement files: what a partner lists and we do not have is booked when its file is worked off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.boxes import FileBoxes
from chassis.service import Composition
from chassis.timers import Timer, backed_off
from services.payments.api import cases, settlements
from services.payments.channels import Port
from services.payments.commands.settlement.reconcile import CHANNEL as NAME
from services.payments.commands.settlement.reconcile import Reconcile
from services.payments.queries import settlement
from services.payments.tables import settlement_files

TIMER = "settlement-files"
BOXES = "settlement-files"
"""The purpose of the key that files are encrypted under."""

FILES_AT_ONCE = 4
"""One part of each in one transaction."""


class SettlementFile:
    name = NAME

    def open(self, port: Port) -> Composition:
        boxes = FileBoxes(port.app.settings.master_key, BOXES)
        return Composition(
            routers=[settlements.router(port.app, boxes), cases.router(port.app)],
            timers=[Timer(TIMER, _due, Reconcile(port.app.vault, boxes, port.parameters), batch=FILES_AT_ONCE)],
        )


async def _due(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(TIMER, sa.cast(settlement_files.c.file_id, sa.Text), now)
    return await settlement.files_due(conn, limit, held_back)


CHANNEL = SettlementFile()
