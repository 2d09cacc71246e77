"""Settlement files: what a partner lists and we do not have is booked when its file is worked off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.boxes import FileBoxes
from chassis.service import Composition, as_settings
from chassis.timers import DueQuery, Timer, backed_off
from contracts.values import WIB
from services.payments.api import cases, credit_corrections, differences, settlements
from services.payments.channels import Port
from services.payments.commands.settlement.overdue import note_overdue
from services.payments.commands.settlement.reconcile import CHANNEL as NAME
from services.payments.commands.settlement.reconcile import Reconcile
from services.payments.queries import settlement
from services.payments.settings import Settings
from services.payments.tables import settlement_files

OVERDUE = "settlement-overdue"
BOXES = "settlement-files"
"""The purpose of the key that files are encrypted under."""

FILES_AT_ONCE = 4
"""One part of each in one transaction."""


class SettlementFile:
    name = NAME

    def open(self, port: Port) -> Composition:
        settings = as_settings(port.app, Settings)
        boxes = FileBoxes(settings.master_key, BOXES)
        return Composition(
            routers=[
                settlements.router(port.app, boxes),
                credit_corrections.router(port.app),
                cases.router(port.app),
                differences.router(port.app),
            ],
            timers=[
                Timer(
                    settlement.FILES_TIMER, _due, Reconcile(port.app.vault, boxes, port.parameters), batch=FILES_AT_ONCE
                ),
                Timer(OVERDUE, _overdue(settings.settlement_overdue_days), note_overdue, every_s=60.0),
            ],
        )


async def _due(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(settlement.FILES_TIMER, sa.cast(settlement_files.c.file_id, sa.Text), now)
    return await settlement.files_due(conn, limit, held_back)


def _overdue(after_days: int) -> DueQuery:
    async def due(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        held_back = backed_off(OVERDUE, settlement.day_key(), now)
        first = now.astimezone(WIB).date() - timedelta(days=after_days)
        return await settlement.overdue_days(conn, first, limit, held_back)

    return due


CHANNEL = SettlementFile()
